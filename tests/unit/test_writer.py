"""CSV parts: what is written reads back, and the same rows are the same bytes."""

import csv
import gzip
import hashlib
import io
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.tables.writer import Part, PartWriter, csv_lines, csv_of, quoted

# All that XML may carry, and what upsets CSV readers most of all.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")) | st.sampled_from(
    [
        "",
        '"',
        '""',
        ",",
        "\n",
        "\r",
        "\r\n",
        "\\N",
        "\\",
        "\\,",
        "NULL",
        " a ",
        "'",
        "#",
        "\ufeff",
        "\u2028",
        "\x85",
    ]
)
tables = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=6)
)


def encoded(rows: list[list[str]]) -> bytes:
    return csv_of(csv_lines([quoted(column) for column in zip(*rows, strict=True)]), repeat("\n", len(rows)))


def written(*batches: list[list[str]]) -> Part:
    writer = PartWriter()
    for rows in batches:
        writer.write(encoded(rows), len(rows))
    part = writer.finish()
    assert part is not None
    return part


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (["a", "b"], "a,b\n"),
        (["", ""], ",\n"),
        (["a,b", "c"], '"a,b",c\n'),
        (['say "hi"', ""], '"say ""hi""",\n'),
        (["two\nlines", "x"], '"two\nlines",x\n'),
        (["a\r", "x"], '"a\r",x\n'),
        (["\\N", "\\"], "\\N,\\\n"),
        ([" a ", "é😀"], " a ,é😀\n"),
        (["'", "NULL"], "',NULL\n"),
        (["\\.", "\\."], "\\.,\\.\n"),
        (["   ", "\t"], "   ,\t\n"),
        (["\n\\.\n", ""], '"\n\\.\n",\n'),
    ],
)
def test_a_row_as_copy_reads_it(row: list[str], line: str) -> None:
    assert encoded([row]).decode() == line


@given(tables)
def test_the_bytes_are_those_of_the_csv_module(rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    assert encoded(rows) == text.getvalue().encode()


@given(st.integers(0, 2500))
def test_each_line_ends_with_what_is_its_rows(count: int) -> None:
    numbers = [str(number) for number in range(count)]
    lines = csv_lines([numbers, numbers])
    csv_text = csv_of(lines, repeat(",é,", count), numbers, repeat("\n", count))
    assert csv_text.decode() == "".join(f"{number},{number},é,{number}\n" for number in numbers)


def test_a_column_without_anything_to_quote_is_taken_as_it_is() -> None:
    column = ["a", "", "é"]
    assert quoted(column) is column


@given(tables)
def test_rows_read_back(rows: list[list[str]]) -> None:
    part = written(rows)
    text = gzip.decompress(part.body).decode()
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == rows
    assert part.rows == len(rows)
    assert part.sha256 == hashlib.sha256(part.body).hexdigest()


@given(tables)
def test_the_same_rows_are_the_same_bytes_however_they_were_batched(rows: list[list[str]]) -> None:
    one_by_one = written(*([row] for row in rows))
    assert gzip.decompress(one_by_one.body) == gzip.decompress(written(rows).body)
    assert written(rows) == written(rows)


def test_a_part_carries_neither_a_name_nor_a_time() -> None:
    body = written([["a", "b"]]).body
    assert body[:4] == b"\x1f\x8b\x08\x00", "no flags, so no name"
    assert body[4:8] == b"\x00\x00\x00\x00", "no time"


def test_a_writer_starts_anew_after_each_part() -> None:
    writer = PartWriter()
    assert writer.finish() is None
    writer.write(b"1,a\n", 1)
    first = writer.finish()
    assert writer.finish() is None
    assert (writer.rows, writer.bytes_written) == (0, 0)
    writer.write(b"1,a\n", 1)
    assert writer.finish() == first


def test_no_rows_are_no_part() -> None:
    writer = PartWriter()
    writer.write(encoded([]), 0)
    writer.write(b"", 0)
    assert writer.finish() is None


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        csv_of(["1"], ["\n", "\n"])


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        csv_lines([["1", "2"], ["a"]])


def test_bytes_written_grow_with_what_is_written() -> None:
    writer = PartWriter()
    before = writer.bytes_written
    for number in range(50):
        digests = [hashlib.sha256(f"{number}-{row}".encode()).hexdigest() for row in range(500)]
        writer.write(encoded([[digest, digest] for digest in digests]), 500)
    assert writer.bytes_written > before + 500_000, "compressed, and known before the part is finished"
    part = writer.finish()
    assert part is not None
    assert part.rows == 25_000
