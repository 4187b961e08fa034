"""The fields expression: what it reads, what it selects, and how it fails."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.endpoint.fields import Comparison, Field, FieldsError, Junction, Query, parse

from .endpoint_client import WORK_ITEMS, Client, ids, parsed

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
values = st.text(min_size=0, max_size=20).filter(lambda text: not ("'" in text and '"' in text))
selections = st.recursive(
    st.builds(Field, names) | st.just(Field("*")),
    lambda below: st.builds(Field, names, st.lists(below, min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)
comparisons = st.builds(
    Comparison,
    st.lists(names, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    values,
)
conditions = st.recursive(
    comparisons,
    lambda part: st.builds(
        Junction, st.sampled_from(["and", "or"]), st.lists(part, min_size=2, max_size=3).map(tuple)
    ),
    max_leaves=6,
)
queries = st.builds(
    Query, names, names, st.none() | conditions, st.lists(selections, min_size=1, max_size=4).map(tuple)
)


@given(queries)
def test_what_is_written_reads_back(query: Query) -> None:
    assert parse(str(query)) == query


@given(st.text(alphabet="workitem/[]()|*<>=!'\" and1.:-+T", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except FieldsError:
        return
    assert parse(str(query)) == query


def test_spaces_quotes_and_brackets_are_optional_where_ewm_lets_them_be() -> None:
    since = "2024-01-01T00:00:00.000-0600"
    loose = parse(f"workitem/workItem[ ( modified >= {since} ) and state/name = 'New' ]/( id | tags )")
    tight = parse(f'workitem/workItem[modified>={since} and state/name="New"]/(id|tags)')
    assert loose == tight


def test_and_binds_closer_than_or() -> None:
    one = parse("workitem/workItem[id=1 or id=2 and archived=true]/id")
    assert one == parse("workitem/workItem[id=1 or (id=2 and archived=true)]/id")
    assert one != parse("workitem/workItem[(id=1 or id=2) and archived=true]/id")


def utc(item: dict[str, Any], name: str) -> str:
    return item[name].replace("Z", "+0000")


Expected = Callable[[dict[str, Any], dict[str, Any]], bool]
BY_TRUTH: list[tuple[str, Expected]] = [
    ("modified>{modified}", lambda item, pivot: item["modified"] > pivot["modified"]),
    ("modified>={modified}", lambda item, pivot: item["modified"] >= pivot["modified"]),
    ("modified<{modified}", lambda item, pivot: item["modified"] < pivot["modified"]),
    ("modified<={modified}", lambda item, pivot: item["modified"] <= pivot["modified"]),
    ("modified={modified}", lambda item, pivot: item["modified"] == pivot["modified"]),
    ("id>{id}", lambda item, pivot: item["id"] > pivot["id"]),
    ("id!={id}", lambda item, pivot: item["id"] != pivot["id"]),
    ("archived=true", lambda item, _: item["archived"]),
    (
        "projectArea/name='Body & Chassis' and modified>{modified}",
        lambda item, pivot: (
            item["projectArea"]["name"] == "Body & Chassis" and item["modified"] > pivot["modified"]
        ),
    ),
    (
        "state/group=closed or owner/userId=unassigned",
        lambda item, _: item["state"]["group"] == "closed" or item["owner"]["userId"] == "unassigned",
    ),
    (
        "comments/creator/userId='0017'",
        lambda item, _: any(comment["creator"]["userId"] == "0017" for comment in item["comments"]),
    ),
    (
        "target/name='Backlog'",
        lambda item, _: item["target"] is not None and item["target"]["name"] == "Backlog",
    ),
]


@pytest.mark.parametrize(("condition", "expected"), BY_TRUTH, ids=[condition for condition, _ in BY_TRUTH])
def test_conditions_choose_what_the_truth_says(client: Client, condition: str, expected: Expected) -> None:
    truth = client.truth()
    pivot = sorted(truth, key=lambda item: item["modified"])[120]
    text = condition.format(modified=utc(pivot, "modified"), id=pivot["id"])
    found = ids(parsed(client.query(f"workitem/workItem[{text}]/id", size=1000)))
    assert found == [item["id"] for item in truth if expected(item, pivot)]
    assert found, "a condition that nothing meets tests nothing"


def test_times_compare_as_instants_whatever_their_offset(client: Client) -> None:
    eastern = ids(
        parsed(client.query("workitem/workItem[modified>2026-01-01T09:00:00.000+0900]/id", size=1000))
    )
    western = ids(
        parsed(client.query("workitem/workItem[modified>2025-12-31T18:00:00.000-0600]/id", size=1000))
    )
    assert eastern == western


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-01",
        "2024-01-01T00:00:00.000",
        "2024-01-01T00:00:00.000Z",
        "2024-01-01T00:00:00.000+01:00",
        "2024-01-01T00:00:00.000+010030",
        "2024-01-01T00:00:00-0600",
        "2024-13-01T00:00:00.000-0600",
        "yesterday",
    ],
)
def test_a_date_in_another_format_is_refused(client: Client, value: str) -> None:
    answer = client.query(f"workitem/workItem[modified>{value}]/id")
    assert answer.status_code == 500
    assert "CRRED0106E" in answer.text


def test_an_unescaped_plus_is_a_space_and_so_no_date(client: Client) -> None:
    fields = "workitem/workItem[modified>2024-01-01T00:00:00.000+0100]/id"
    answer = client.get(f"{WORK_ITEMS}?fields={fields}")
    assert answer.status_code == 500
    assert "CRRED0106E" in answer.text
    assert client.query(fields).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        "",
        "workitem/workItem",
        "workitem/workItem/(id|",
        "workitem/workItem/(id|nosuch)",
        "workitem/workItem/state/nosuch",
        "workitem/workItem/id/name",
        "workitem/workItem[nosuch>1]/id",
        "workitem/workItem[state>1]/id",
        "workitem/workItem[id>one]/id",
        "workitem/workItem[id>1/id",
        "workitem/workitem/id",
        "foundation/projectArea/name",
    ],
)
def test_fields_that_cannot_be_are_refused(client: Client, fields: str) -> None:
    answer = client.query(fields)
    assert answer.status_code == 500
    assert "CRRED0108E" in answer.text


def test_only_what_is_selected_comes_in_the_resources_order(client: Client) -> None:
    record = parsed(client.query("workitem/workItem/(state/name|tags|id|state/group|modified)", size=1))[0]
    assert [child.tag for child in record] == ["modified", "id", "tags", "state"]
    assert [child.tag for child in record.find("state")] == ["name", "group"]


def test_a_star_selects_the_plain_fields(client: Client) -> None:
    record = parsed(client.query("workitem/workItem/(*|owner/*)", size=1))[0]
    tags = [child.tag for child in record]
    assert {"id", "summary", "tags", "owner"} <= set(tags)
    assert "creator" not in tags
    assert [child.tag for child in record.find("owner")] == ["itemId", "name", "userId", "emailAddress"]
