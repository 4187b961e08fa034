"""Records read by their shape: the same as a plain reading makes of them, or left to the parser."""

import io
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.thoroughness import examples

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, Nested, NestedRows, cutter, pieces
from xmlift.records import shape as shapes
from xmlift.records.columns import Columns
from xmlift.records.sample import UnlearnableError
from xmlift.records.shape import Shape
from xmlift.records.unmapped import Unmapped
from xmlift.records.wanted import Path, plain_path

from .pages import encoded, read, twin
from .regular import LOCAL, MANY, MAPPING, regular_pages

SIMPLE = Mapping("/r/i", (Field("a", "a"), Field("b", "@b"), Field("c", "s/c")), (), {})


@pytest.mark.parametrize("mapping", [MAPPING, MANY, LOCAL], ids=["first", "many", "local names"])
@given(
    page=regular_pages(),
    piece=st.integers(1, 600),
    encoding=st.sampled_from(["utf-8", "utf-8", "iso-8859-1"]),
)
@settings(max_examples=examples(80, 500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_by_shape_is_what_a_plain_reading_reads(
    mapping: Mapping, page: str, piece: int, encoding: str
) -> None:
    body = encoded(page, encoding)
    expected = twin(body, mapping)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "PIECE_BYTES", piece)
        patch.setattr(pieces, "SAMPLE_RECORDS", 1 + piece % 3)
        fits = counted(patch)
        if expected is None:
            event("refused")
            with pytest.raises(RecordError):
                read(body, mapping)
        else:
            assert read(body, mapping) == expected
            event("by shape" if any(fits) else "by parser only")


def counted(patch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each piece from now on was read by its shape."""
    fits: list[bool] = []
    columns = Shape.columns

    def noted(shape: Shape, piece: bytes, begins: bool) -> Columns | None:
        found = columns(shape, piece, begins)
        fits.append(found is not None)
        return found

    patch.setattr(Shape, "columns", noted)
    return fits


def taught(mapping: Mapping, sample: str, scope: dict[str, str] | None = None) -> Shape:
    shape = Shape(mapping, Unmapped(mapping), "i", scope or {})
    shape.learn(sample.encode())
    return shape


def said(shape: Shape, text: str) -> tuple[list[list[str]], list[NestedRows]] | None:
    """What a shape makes of records: columns, and nested rows."""
    found = shape.columns(text.encode())
    if found is None:
        return None
    nested = [table._replace(columns=[list(column) for column in table.columns]) for table in found.nested]
    return [list(column) for column in found.fields], nested


def test_values_are_taken_where_the_tags_are_known() -> None:
    shape = taught(SIMPLE, "<i b='x'><a>1</a><s><c>deep</c></s></i>")
    assert said(shape, "<i b='&lt;'><a>é &amp; 2</a></i> <i><s><c></c></s></i>") == (
        [["é & 2", ""], ["<", ""], ["", ""]],
        [],
    )


@pytest.mark.parametrize(
    "record",
    [
        "<i><a>1</a><new/></i>",
        "<i><s><c>1</c></s><a>1</a></i>",
        "<i><a>1</a><a>2</a></i>",
        "<i b='1' d='2'/>",
        '<i b="1"/>',
        "<i><a><!--x-->1</a></i>",
        "<i><a><![CDATA[1]]></a></i>",
        "<i><a>1<?p?></a></i>",
        "<i><a>]]></a></i>",
        "<i><a>&bogus;</a></i>",
        "<i><a>&#0;</a></i>",
        "<i><a>&#xD800;</a></i>",
        "<i><a>\x02</a></i>",
        "<i><a>\ufffe</a></i>",
        "<i b='\t'><a>1</a></i>",
        "<i><a>1</i>",
        "<i><a>1</a>text</i>",
        "<i><a>1</a></i>text",
        "<j><a>1</a></j>",
        "<i><a>1</a></i",
        "<i><ab>1</ab></i>",
    ],
)
def test_what_is_not_of_the_shape_is_left_to_the_parser(record: str) -> None:
    shape = taught(SIMPLE, "<i b='x'><a>1</a><s><c>deep</c></s></i>")
    assert shape.columns(b"<i><a>1</a></i>") is not None
    assert shape.columns(record.encode()) is None
    assert shape.columns(b"<i><a>1</a></i>" + record.encode()) is None


def test_bytes_that_are_no_text_are_left_to_the_parser() -> None:
    assert taught(SIMPLE, "<i><a>1</a></i>").columns(b"<i><a>\xff</a></i>") is None


@pytest.mark.parametrize(
    "sample",
    [
        "<i><a>1</a><s/><a>2</a></i>",
        "<i><a/><s/></i><i><s/><a/></i>",
        "<i>text <a>1</a></i>",
        "<i><a>1<b/></a></i>",
        "<i><s><c>1</c></s><s><c>2</c></s></i>",
        "<i><!-- --><a>1</a></i>",
        "<i xmlns:p='urn:p'><a>1</a></i><i><a>1</a></i>",
        "<i xmlns:p='urn:a&amp;b'><a>1</a></i>",
        "<i xml:id='x'><a>1</a></i>",
        "<i xmlns='urn:another'><a>1</a></i>",
        "<i p:b='1' xmlns:p='urn:p' xmlns:q='urn:p'><q:a/><p:a/></i>",
    ],
)
def test_records_without_one_shape_teach_nothing(sample: str) -> None:
    """Each is well-formed, and what is in it is not told by its names and their order alone."""
    etree.fromstring(f"<r>{sample}</r>")
    assert taught(SIMPLE, sample).columns(sample.encode()) is None


def test_a_value_spread_over_elements_is_for_the_parser() -> None:
    mapping = Mapping("/r/i", (Field("whole", "s"),), (), {})
    assert said(taught(mapping, "<i><s>1</s></i>"), "<i><s>1</s></i>") == ([["1"]], [])
    assert said(taught(mapping, "<i><s><c>1</c><d>2</d></s></i>"), "<i><s><c>1</c></s></i>") is None


def test_what_is_no_sample_spoils_nothing_that_was_learned() -> None:
    shape = taught(SIMPLE, "<i><a>1</a></i>")
    shape.learn(b"<i><s/><!-- --><a>1</a></i>")
    shape.learn(b"<i><a>1</a><s/></i><i><s/><a>1</a></i>")
    assert said(shape, "<i><a>2</a></i>") == ([["2"], [""], [""]], [])
    late = "<i b='3'><a>2</a></i>"
    assert said(shape, late) is None
    shape.learn(late.encode())
    assert said(shape, late) == ([["2"], ["3"], [""]], [])


def test_what_did_not_fit_is_learned() -> None:
    shape = taught(SIMPLE, "<i><a>1</a></i>")
    late = "<i><a>1</a></i>" * 30 + "<i b='late'><a>1</a></i>"
    assert said(shape, late) is None
    shape.learn(late.encode())
    assert said(shape, late) == ([["1"] * 31, [""] * 30 + ["late"], [""] * 31], [])


def test_records_of_ever_another_shape_are_no_longer_tried() -> None:
    shape = taught(SIMPLE, "<i><a>1</a></i>")
    for number in range(30):
        assert shape.columns(f"<i><x{number}/></i>".encode()) is None
        shape.learn(f"<i><!-- --><x{number}/></i>".encode())
    assert shape.columns(b"<i><a>1</a></i>") is None, "whoever misses that often is not asked again"


def test_after_a_while_they_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "RESTING_PIECES", 5)
    shape = taught(SIMPLE, "<i><a>1</a></i>")
    for number in range(40):
        said(shape, f"<i><x{number}/></i>")
    found = [said(shape, "<i><a>1</a></i>") is not None for _ in range(6)]
    assert any(found)


def test_nested_records_and_their_places() -> None:
    mapping = Mapping(
        "/r/i", (Field("a", "a"),), (Nested("k", "l/k", (Field("t", "."), Field("v", "@v"))),), {}
    )
    shape = taught(mapping, "<i><a/><l><k v='1'>x</k><k>y</k></l></i>")
    text = "<i><a>1</a></i><i><l><k>&lt;</k></l></i><i><l><k v='2'/><k>z</k></l></i>"
    assert said(shape, text) is None, "a nested record was never written so before"
    shape.learn(text.encode())
    assert said(shape, text) == (
        [["1", "", ""]],
        [NestedRows([1, 2, 2], [1, 1, 2], [["<", "", "z"], ["", "2", ""]])],
    )


def test_a_namespace_counts_by_its_name_and_not_by_its_prefix() -> None:
    mapping = Mapping("/m:r/m:i", (Field("a", "m:a"), Field("b", "m:b/@m:c")), (), {"m": "urn:m"})
    sample = "<i><a>1</a><x:b xmlns:x='urn:m' x:c='2' c='3'/></i>"
    assert said(taught(mapping, sample, {"": "urn:m"}), sample) == ([["1"], ["2"]], [])
    assert said(taught(mapping, sample, {"": "urn:n"}), sample) is None, "these are no records"
    assert (
        said(taught(mapping, sample.replace("<a>1</a>", "<a xmlns='urn:n'>1</a>"), {"": "urn:m"}), sample)
        is None
    )
    assert said(taught(mapping, sample), sample.replace("urn:m", "urn:o")) is None


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        (".", Path(())),
        ("a", Path(("a",))),
        ("./a/m:b", Path(("a", "{urn:m}b"))),
        ("@a", Path((), "a")),
        ("a/@m:b", Path(("a",), "{urn:m}b")),
        ("@xml:lang", Path((), "{http://www.w3.org/XML/1998/namespace}lang")),
    ],
)
def test_a_path_of_names_alone(expression: str, path: Path) -> None:
    assert plain_path(expression, {"m": "urn:m"}) == path


@pytest.mark.parametrize(
    "expression",
    ["..", "a//b", "*", "a[1]", "text()", "@a/b", "@*", "/r/a", "a|b", "concat(a, b)", " a", "a::b"],
)
def test_any_other_expression_is_for_the_parser(expression: str) -> None:
    with pytest.raises(UnlearnableError):
        plain_path(expression, {})


def test_a_page_in_another_encoding_has_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = counted(monkeypatch)
    monkeypatch.setattr(cutter, "PIECE_BYTES", 40)
    text = "<r>" + "<i><a>é</a></i>" * 20 + "</r>"
    assert read(encoded(text, "iso-8859-1"), SIMPLE)[0] == [["é", "", ""]] * 20
    with pytest.raises(RecordError, match="not well-formed"):
        read(b'<?xml version="1.0" encoding="US-ASCII"?>' + text.encode(), SIMPLE)
    assert not fits
    assert read(encoded(text, "utf-8"), SIMPLE)[0] == [["é", "", ""]] * 20
    assert fits.count(True) > 5


def test_the_first_records_teach_what_the_others_are_read_by(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the piece was parsed as a whole")

    monkeypatch.setattr(pieces.PieceReader, "parsed", refuse)
    reader = pieces.PieceReader(SIMPLE)
    records = "".join(f"<i><a>{number}</a></i >" for number in range(100))
    cut = cutter.Cutter(io.BytesIO(f"<r>{records}</r>".encode()), SIMPLE.record_tags, 1000)
    piece = cut.next_piece()
    assert cut.head is not None and piece is not None
    found = reader.read(cut.head, piece, begins=True)
    assert found is not None
    assert list(found.columns.fields[0]) == [str(number) for number in range(100)]


def test_what_is_known_outlasts_a_page_but_not_its_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = counted(monkeypatch)
    lessons: list[str] = []
    learn = Shape.learn

    def noted(shape: Shape, piece: bytes) -> None:
        lessons.append(page)
        learn(shape, piece)

    monkeypatch.setattr(Shape, "learn", noted)
    reader = pieces.PieceReader(SIMPLE)
    pages = [f"<r{declared}><i><a>1</a></i></r>" for declared in ("", "", " xmlns:x='urn:x'")]
    for page in pages:
        cut = cutter.Cutter(io.BytesIO(page.encode()), SIMPLE.record_tags, 1000)
        piece = cut.next_piece()
        assert cut.head is not None
        assert piece is not None
        found = reader.read(cut.head, piece, begins=True)
        assert found is not None
        assert [list(column) for column in found.columns.fields] == [["1"], [""], [""]]
    assert fits == [False, True, False]
    assert lessons == [pages[0], pages[2]]


def test_an_expression_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What almost fits must not take longer than what fits: nothing in the expression is tried twice."""
    compiled: list[str] = []
    compile_ = re.compile

    def noted(source: str, *rest: int) -> re.Pattern[str]:
        compiled.append(source)
        return compile_(source, *rest)

    monkeypatch.setattr("xmlift.records.shape_reader.re.compile", noted)
    taught(SIMPLE, "<i b='x'>\n<a>1</a>\n<s><c>deep</c></s><t/><t/>\n</i>")
    assert compiled
    for source in compiled:
        plain = re.sub(r"\[(?:\\.|[^\]])*\]", "c", source)  # what stands in a class is no repetition
        assert re.findall(r"[*+?}](?!\+)(?<![(]\?)(?<![*+?]\+)", plain.replace("(?:", "(")) == []
