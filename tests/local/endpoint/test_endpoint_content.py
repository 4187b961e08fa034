"""The made-up work items: the XML says what the truth says, and holds what breaks careless readers."""

import copy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree

from local.endpoint.workitem import WORK_ITEM, Kind, Many, One, Shape
from local.endpoint.world import World

from .endpoint_client import ITEMS, Client, parsed

EVERYTHING = "workitem/workItem/" + "(*|{})".format(
    "|".join(
        f"{name}/(*|creator)" if name == "comments" else name
        for name, kind in WORK_ITEM.items()
        if not isinstance(kind, Kind)
    )
)


def read(element: etree._Element, shape: Shape) -> dict[str, Any]:
    """A work item from its XML, typed by nothing but the shape: the truth should look just like it."""
    return {name: field(element, name, kind) for name, kind in shape.items()}


def field(element: etree._Element, name: str, kind: Kind | One | Many) -> Any:
    found = element.findall(name)
    if isinstance(kind, Many):
        return [read(each, kind.fields) for each in found]
    (only,) = found
    if isinstance(kind, One):
        return read(only, kind.fields) if len(only) else None
    return None if only.text is None and kind is not Kind.TAGS else plain_value(only.text or "", kind)


def plain_value(text: str, kind: Kind) -> Any:
    match kind:
        case Kind.INTEGER:
            return int(text)
        case Kind.BOOLEAN:
            return {"true": True, "false": False}[text]
        case Kind.TIME:
            moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").astimezone(UTC)
            return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        case Kind.TAGS:
            assert text == "" or (text[0], text[-1]) == ("|", "|")
            return text.strip("|").split("|") if text else []
    return text


def test_the_xml_and_the_truth_agree_in_every_field(client: Client) -> None:
    page = parsed(client.query(EVERYTHING, size=ITEMS))
    assert [read(record, WORK_ITEM) for record in page] == client.truth()


def test_they_agree_after_the_world_has_moved(client: Client) -> None:
    client.query(EVERYTHING, size=ITEMS)
    client.control("advance", {"change": 60, "create": 25})
    page = parsed(client.query(EVERYTHING, size=1000))
    assert len(page) == ITEMS + 25
    assert [read(record, WORK_ITEM) for record in page] == client.truth()


def test_an_advance_stamps_what_it_touches_and_nothing_else(client: Client) -> None:
    before = {item["id"]: item for item in client.truth()}
    start = client.get("/_endpoint/status").json()["now"]
    advance = client.control("advance", {"change": 40, "create": 10})
    after = {item["id"]: item for item in client.truth()}

    touched = {i for i in after if after[i] != before.get(i)}
    assert touched == set(advance["changed"]) | set(advance["created"])
    assert (len(advance["changed"]), len(advance["created"])) == (40, 10)
    assert not set(advance["created"]) & set(before)
    assert all(start <= after[i]["modified"] <= advance["now"] for i in touched)
    since = start.replace("Z", "+0000")
    page = parsed(client.query(f"workitem/workItem[modified>={since}]/id", size=1000))
    assert {int(i) for i in page.xpath("workItem/id/text()")} == touched


def test_every_link_has_two_ends(client: Client) -> None:
    created = client.control("advance", {"change": 60, "create": 25})["created"]
    items = client.truth()
    up = {(item["parent"]["id"], item["id"]) for item in items if item["parent"]}
    down = {(item["id"], child["id"]) for item in items for child in item["children"]}
    assert up == down
    assert any(child in created for _, child in up)


def test_an_advance_by_more_than_there_is_changes_all(client: Client) -> None:
    assert len(client.control("advance", {"change": 10 * ITEMS})["changed"]) == ITEMS


def test_the_same_seed_makes_the_same_world() -> None:
    def clock() -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    one, other, third = World(3, 50, clock), World(3, 50, clock), World(4, 50, clock)
    assert one.items() == other.items() != third.items()
    assert one.advance(10, 5) == other.advance(10, 5)
    assert one.items() == other.items()


def test_a_change_alters_no_record_that_a_page_may_still_be_reading() -> None:
    world = World(seed=7, items=300)
    held = world.items()
    before = copy.deepcopy(held)
    for _ in range(5):
        world.advance(300, 100)
    assert held == before
    assert world.items()[:300] != before


def test_the_first_work_items_are_an_hour_to_two_years_old() -> None:
    now = datetime.now(UTC)
    items = World(1, 2000).items()
    modified = [item["modified"] for item in items]
    assert max(modified) <= now - timedelta(hours=1) + timedelta(minutes=1)
    assert now - timedelta(days=731) < min(modified) < now - timedelta(days=600)
    assert max(Counter(modified).values()) >= 3, "ties belong to the world"
    assert len({moment.utcoffset() for moment in modified}) >= 5
    for item in items:
        written = [comment["creationTime"] for comment in item["comments"]]
        assert written == sorted(written)
        assert all(item["created"] <= moment <= item["modified"] for moment in written)
        assert item["created"] <= item["modified"]
        assert (item["state"]["group"] == "closed") == (item["resolution"] is not None)


HARD: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("no summary", lambda item: item["summary"] is None),
    ("spaces at the end", lambda item: (item["summary"] or "").endswith(" ")),
    ("a leading zero", lambda item: (item["summary"] or "").startswith("00042")),
    ("a word that loaders take for null", lambda item: item["summary"] in {"NULL", "null"}),
    ("quotes and commas", lambda item: '"' in (item["description"] or "") and "," in item["description"]),
    ("a newline of Windows", lambda item: "\r\n" in (item["description"] or "")),
    ("a backslash", lambda item: "\\" in (item["description"] or "")),
    ("a pipe", lambda item: "|" in (item["description"] or "")),
    ("an end of CDATA", lambda item: "]]>" in (item["summary"] or "")),
    ("an emoji", lambda item: "🚗" in (item["description"] or "")),
    ("Chinese", lambda item: "制" in (item["summary"] or "")),
    ("Arabic", lambda item: "خطأ" in (item["summary"] or "")),
    ("a very long description", lambda item: 5_000 < len((item["description"] or "").encode()) < 12_000),
    ("no comment", lambda item: not item["comments"]),
    ("one comment", lambda item: len(item["comments"]) == 1),
    ("many comments", lambda item: len(item["comments"]) > 5),
    ("no tags", lambda item: not item["tags"]),
    ("a duration that nobody set", lambda item: item["timeSpent"] == -1),
    ("no target", lambda item: item["target"] is None),
    ("no parent", lambda item: item["parent"] is None),
    ("several children", lambda item: len(item["children"]) > 1),
    ("no owner", lambda item: item["owner"]["name"] == "Unassigned"),
    ("archived", lambda item: item["archived"]),
]


def test_the_world_holds_the_hard_cases() -> None:
    items = World(1, 5000).items()
    missing = [name for name, present in HARD if not any(map(present, items))]
    assert missing == []
