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
