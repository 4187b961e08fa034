"""Scripted bad answers: each kind once, in order, and gone after its count."""

import time
from typing import Any

import pytest
import requests
from lxml import etree

from local.endpoint.login import AUTH_HEADER

from .endpoint_client import WORK_ITEMS, Client, ids, parsed

ALL = "workitem/workItem/(id|summary)"


def fault(client: Client, kind: str, **more: Any) -> None:
    client.control("faults", {"path": "/ccm/rpt", "kind": kind, **more})


def test_a_status_comes_as_often_as_told(client: Client) -> None:
    fault(client, "status", status=429, retry_after=7, times=2, body="slow down")
    answers = [client.query(ALL) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].headers["Retry-After"], answers[0].text) == ("7", "slow down")
    assert client.get("/_endpoint/status").json()["faults"] == []


def test_a_fault_can_wait_for_a_later_request(client: Client) -> None:
    fault(client, "status", after=1)
    assert [client.query(ALL).status_code for _ in range(3)] == [200, 503, 200]


def test_faults_of_one_path_come_one_after_the_other(client: Client) -> None:
    client.control("faults", [{"path": "/ccm", "kind": "status", "status": s} for s in (500, 502)])
    assert [client.query(ALL).status_code for _ in range(3)] == [500, 502, 200]


def test_other_paths_are_spared(client: Client) -> None:
    client.control("faults", {"path": "/jazz", "kind": "status", "status": 500})
    assert client.query(ALL).status_code == 200
    assert client.get("/jazz/oslc/workitems.xml").status_code == 500


def test_html_is_the_login_page_without_its_header(client: Client) -> None:
    fault(client, "html")
    answer = client.query(ALL)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html;charset=UTF-8")
    assert AUTH_HEADER not in answer.headers


def test_garbage_is_not_well_formed(client: Client) -> None:
    fault(client, "garbage")
    with pytest.raises(etree.XMLSyntaxError):
        parsed(client.query(ALL))


def test_empty_has_no_body(client: Client) -> None:
    fault(client, "empty")
    answer = client.query(ALL)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "0", b"")


@pytest.mark.parametrize(("cut", "end"), [("record", "</workItem>"), ("inside", "</work")])
def test_a_truncated_page_is_honest_about_its_length(client: Client, cut: str, end: str) -> None:
    whole = client.query(ALL).text
    fault(client, "truncate", cut=cut)
    answer = client.query(ALL, stream=False)
    assert answer.text.endswith(end)
    assert 0.4 < len(answer.text) / len(whole) < 0.7
    with pytest.raises(etree.XMLSyntaxError):
        parsed(answer)


def test_what_cannot_be_cut_says_so(client: Client) -> None:
    fault(client, "truncate", record_end="</nosuch>")
    answer = client.query(ALL)
    assert answer.status_code == 500
    assert "</nosuch>" in answer.text


def test_a_hanging_answer_ends_with_the_clients_patience(client: Client) -> None:
    fault(client, "hang")
    start = time.monotonic()
    with pytest.raises(requests.Timeout):
        client.session.get(client.url + WORK_ITEMS, timeout=0.2)
    assert 0.15 < time.monotonic() - start < 5
    assert len(ids(parsed(client.query(ALL)))) == 100


def test_a_reset_connection_breaks_once(client: Client) -> None:
    fault(client, "reset")
    with pytest.raises(requests.ConnectionError):
        client.query(ALL)
    assert len(ids(parsed(client.query(ALL)))) == 100


def test_faults_can_be_taken_back(client: Client) -> None:
    fault(client, "status", times=100)
    assert client.session.delete(f"{client.url}/_endpoint/faults").json() == []
    assert client.query(ALL).status_code == 200


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        ({"path": "/ccm", "kind": "explode"}, "kind is one of"),
        ({"path": "/ccm", "kind": "truncate", "cut": "half"}, "cut is one of"),
        ({"kind": "empty"}, "path"),
        ({"path": "/ccm", "kind": "empty", "sometimes": 1}, "sometimes"),
        ("empty", "object"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(client: Client, description: Any, complaint: str) -> None:
    answer = client.post("/_endpoint/faults", json=description)
    assert answer.status_code == 400
    assert complaint in answer.text


def test_a_slow_answer_comes_late_and_whole(client: Client) -> None:
    fault(client, "slow", seconds=0.3)
    start = time.monotonic()
    assert len(ids(parsed(client.query(ALL)))) == 100
    assert time.monotonic() - start >= 0.3


def test_a_connection_that_breaks_in_a_page_announced_all_of_it(client: Client) -> None:
    fault(client, "break")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.query(ALL)
    assert len(ids(parsed(client.query(ALL)))) == 100


def test_a_repeated_page_is_the_one_before_of_the_same_query(client: Client) -> None:
    first = parsed(client.query(ALL))
    client.query("workitem/workItem/(id|modified)")
    fault(client, "repeat")
    assert ids(parsed(client.get(first.get("href")))) == ids(first)
    assert ids(parsed(client.get(first.get("href")))) != ids(first)


def test_work_items_change_between_pages(client: Client) -> None:
    before = client.truth()
    fault(client, "advance", change=3, create=1)
    client.query(ALL)
    after = client.truth()
    assert len(after) == len(before) + 1
    assert sum(old != new for old, new in zip(before, after, strict=False)) == 3


@pytest.mark.parametrize(
    ("kind", "said"), [("expire_queries", "expired"), ("expire_sessions", "authrequired")]
)
def test_what_expires_is_gone_for_the_request_that_is_hit(client: Client, kind: str, said: str) -> None:
    following = parsed(client.query(ALL)).get("href")
    fault(client, kind)
    assert said in client.get(following).text


def test_every_state_that_a_work_item_had_is_told_in_order(client: Client) -> None:
    before = client.get("/_endpoint/states").json()
    assert before == client.truth()
    moved = client.control("advance", {"change": 2, "create": 1})
    news = client.get(f"/_endpoint/states?first={len(before)}").json()
    assert sorted({item["id"] for item in news}) == sorted({*moved["changed"], *moved["created"]})
    latest = {item["id"]: item for item in news}
    assert [latest.get(item["id"], item) for item in client.truth()] == client.truth()
