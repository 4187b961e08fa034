"""A page without a record: an empty answer, or a path that is not the page's."""

import pytest
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, unmatched_names

NAMES = {"m": "urn:m"}


def unmatched(records: str, page: str) -> dict[str, int]:
    return unmatched_names(etree.fromstring(page), Mapping(records, (Field("a", "a"),), (), NAMES))


@pytest.mark.parametrize(
    ("records", "page", "said"),
    [
        ("/w/workitem", "<w><workItem/><workItem/></w>", "2 × workItem where workitem is expected"),
        ("/w/workItems", "<w><workItem/><link/></w>", "1 × workItem where workItems is expected"),
        ("/w/m:i", "<w><i/></w>", "1 × i where {urn:m}i is expected"),
        ("/w/i", "<w xmlns:n='urn:new'><n:i/></w>", "1 × {urn:new}i where i is expected"),
        ("/w/group/i", "<w><Group><i/></Group></w>", "1 × Group where group is expected"),
        ("/w/g/item", "<w><g/><g><Item/></g><g><Item/></g></w>", "2 × Item where item is expected"),
    ],
)
def test_a_near_miss_is_refused_with_both_names(records: str, page: str, said: str) -> None:
    with pytest.raises(RecordError) as caught:
        unmatched(records, page)
    assert f"records path {records!r} matches nothing, but the page has {said}" in str(caught.value)
    assert "namespaces" in str(caught.value)


@pytest.mark.parametrize(
    ("records", "page", "names"),
    [
        ("/w/i", "<w/>", {}),
        ("/w/i", "<w>text<!-- i --><?i i?></w>", {}),
        ("/w/g/i", "<w><g/><g/></w>", {}),
        ("/w/entry", "<w><title/><link/><link/></w>", {"link": 2, "title": 1}),
        ("/w/g/i", "<w><g><task/></g><title/></w>", {"task": 1}),
    ],
)
def test_an_empty_answer_tells_what_stands_there(records: str, page: str, names: dict[str, int]) -> None:
    assert unmatched(records, page) == names


@pytest.mark.parametrize(
    "page",
    [
        "<w><workItems>0</workItems></w>",
        "<w><workItems> 0 </workItems><workItem>12</workItem></w>",
        "<w><workItem/><workItems>0</workItems></w>".replace("<workItem/>", ""),
    ],
)
def test_a_number_is_no_record(page: str) -> None:
    """Servers tell a count by nearly the name of what they count."""
    unmatched("/w/workitem", page)


@pytest.mark.parametrize(
    "page",
    ["<w><workItem n='1'>0</workItem></w>", "<w><workItem>0</workItem><workItem><id/></workItem></w>"],
)
def test_what_has_more_than_a_number_may_be_one(page: str) -> None:
    with pytest.raises(RecordError, match="workItem where workitem is expected"):
        unmatched("/w/workitem", page)


def test_only_a_few_names_are_told() -> None:
    page = "".join(f"<x{number}/>" * number for number in range(1, 20))
    assert unmatched("/w/entry", f"<w>{page}</w>") == {f"x{number}": number for number in range(19, 14, -1)}
