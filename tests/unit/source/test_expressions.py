"""A partition's value inside the query language of a server."""

import pytest

from xmlift.errors import SourceError
from xmlift.source.expressions import check_partition

WHERE = "projectArea/name='{partition}' and modified>2026-01-01T00:00:00.000-0000"


@pytest.mark.parametrize(
    ("text", "partition"),
    [
        ("{partition}", 'O\'Brien "x" <b>'),
        ("project:{partition}", "My Area"),
        (WHERE, 'My Area (old) <b> "x"'),
        ('name="{partition}"', "O'Brien"),
        ("dcterms:subject=<{partition}>", "https://host/a?b=c#d"),
        ("id={partition}", "_aB-9.x"),
        ("id={partition} and x='1'", "Österreich"),
        ("no partition = 'here'", "O'Brien"),
    ],
)
def test_what_means_itself(text: str, partition: str) -> None:
    check_partition([text], partition)


@pytest.mark.parametrize(
    ("text", "partition"),
    [
        (WHERE, "O'Brien"),
        (WHERE, "x' or name!='"),
        (WHERE, "ends with \\"),
        ('name="{partition}"', 'a "b"'),
        ("dcterms:subject=<{partition}>", "a> or <b"),
        ("id={partition}", "1 or 1=1"),
        ("id={partition} and x='1'", "1)or(1"),
        ("a='{partition}' or b={partition}", "two words"),
    ],
)
def test_what_would_be_read_as_the_query_is_refused(text: str, partition: str) -> None:
    with pytest.raises(SourceError) as refused:
        check_partition(["{partition}", text], partition)
    assert f"{partition!r} cannot stand for {{partition}} in {text!r}" in str(refused.value)
    assert "Let `for_each.field` name a column that has ids instead" in str(refused.value)
