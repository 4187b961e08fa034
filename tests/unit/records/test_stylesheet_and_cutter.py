"""The fast way by itself: that it is taken, that it notices what it cannot tell apart, that it cuts in time."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records import (
    Batch,
    Field,
    Head,
    Lifted,
    LiftHere,
    Mapping,
    Nested,
    NestedRows,
    PieceReader,
    Sent,
    by_xpath,
    cutter,
    stream,
)
from xmlift.records.columns import Columns
from xmlift.records.cutter import Cutter, find_head
from xmlift.records.stylesheet import END, Stylesheet

from .pages import read

MAPPING = Mapping(
    "/r/g/i",
    (Field("a", "a"), Field("b", "@b")),
    (Nested("k", "k", (Field("t", "."), Field("v", "@v"))),),
    {},
)
LETTERS = st.text(alphabet=f"012{END}", max_size=6)


def tree_of(*records: tuple[str, str, list[tuple[str, str]]]) -> Any:
    root = etree.Element("r")
    group = etree.SubElement(root, "g")
    for a, b, children in records:
        record = etree.SubElement(group, "i", b=b)
        etree.SubElement(record, "a").text = a
        for text, v in children:
            etree.SubElement(record, "k", v=v).text = text
    return etree.ElementTree(root)


def test_fields_of_records_and_of_records_inside_them() -> None:
    tree = tree_of(("1", "x", [("k1", ""), ("k2", "v")]), ("", "", []), ("3", "€", [("", "")]))
    inside = NestedRows([0, 0, 2], [1, 2, 1], [["k1", "k2", ""], ["", "v", ""]])
    assert Stylesheet(MAPPING).columns(tree) == Columns([["1", "", "3"], ["x", "", "€"]], (inside,))


def test_no_records_are_columns_without_rows() -> None:
    assert Stylesheet(MAPPING).columns(tree_of()) == Columns([[], []], (NestedRows([], [], [[], []]),))


@given(st.lists(st.tuples(LETTERS, LETTERS, st.lists(st.tuples(LETTERS, LETTERS), max_size=2)), max_size=3))
def test_a_value_that_holds_the_separator_never_passes_for_others(
    records: list[tuple[str, str, list[tuple[str, str]]]],
) -> None:
    found = Stylesheet(MAPPING).columns(tree_of(*records))
    texts = [text for a, b, below in records for text in (a, b, *(part for child in below for part in child))]
    if any(END in text for text in texts):
        assert found is None
    else:
        assert found is not None
        assert found.fields == [[a for a, _, _ in records], [b for _, b, _ in records]]
        assert found.nested[0].columns == [
            [child[part] for _, _, below in records for child in below] for part in (0, 1)
        ]


@pytest.mark.parametrize("value", [f"x{END}y", f"x{END}y{END}z", END])
def test_a_value_made_to_look_like_more_fields_is_noticed(value: str) -> None:
    assert Stylesheet(MAPPING).columns(tree_of((value, "b", []), ("a", "b", [("k", "")]))) is None


def test_a_node_that_two_records_share_is_nested_in_both() -> None:
    mapping = Mapping("/r/g/i", (Field("a", "a"),), (Nested("k", "../h", (Field("t", "."),)),), {})
    tree = etree.ElementTree(etree.fromstring("<r><g><h>x</h><i><a>1</a></i><i><a>2</a></i></g></r>"))
    assert Stylesheet(mapping).columns(tree) == Columns(
        [["1", "2"]], (NestedRows([0, 1], [1, 1], [["x", "x"]]),)
    )


PAGE = (
    '<?xml version="1.0"?><!-- <i> --><r><h/><g t="1">'
    + "".join(f'<i b="{n}"><a>{n}é</a></i{" " * (n % 2)}>\n' for n in range(200))
    + "</g></r>"
).encode()


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_the_head_is_what_stands_before_the_first_record(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "_HEAD_STEP", step)
    head = find_head(PAGE, ("r", "g", "i"))
    assert head is not None
    assert head.before == b'<?xml version="1.0"?><!-- <i> --><r><h/><g t="1">'
    assert (head.closing, head.record, head.above, head.siblings) == (b"</g></r>", b"i", (2,), 0)
    assert (head.scope, head.is_utf8) == ((), True)


@pytest.mark.parametrize(
    ("start", "scope", "is_utf8"),
    [
        (
            b"<r xmlns='urn:r' xmlns:a='urn:a'><g xmlns:b='urn:b'><a:i>",
            {"": "urn:r", "a": "urn:a", "b": "urn:b"},
            True,
        ),
        (
            b"<?xml version='1.0' encoding='ISO-8859-1'?><r xmlns='urn:r'><g xmlns='urn:g'><i>",
            {"": "urn:g"},
            False,
        ),
    ],
)
def test_the_head_knows_the_namespaces_and_the_encoding(
    start: bytes, scope: dict[str, str], is_utf8: bool
) -> None:
    uri = {"a": "{urn:a}", "": "{urn:g}"}["a" if b"<a:i>" in start else ""]
    group = "{urn:r}g" if "a" in scope else "{urn:g}g"
    head = find_head(start, ("{urn:r}r", group, f"{uri}i"))
    assert head is not None
    assert (dict(head.scope), head.is_utf8) == (scope, is_utf8)


@pytest.mark.parametrize(
    ("start", "tags"),
    [
        (b"<r><g>", ("r", "g", "i")),
        (b"<r><i>", ("r", "g", "i")),
        (b"<r><g><i/></g></r>", ("r", "g", "i")),
        (b"<i>", ("i",)),
        (b"<r><<", ("r", "i")),
        ("<r><i>1</i></r>".encode("utf-16"), ("r", "i")),
    ],
)
def test_there_is_no_head_where_nothing_can_be_cut(start: bytes, tags: tuple[str, ...]) -> None:
    assert find_head(start, tags) is None


@pytest.mark.parametrize("size", [1, 5, 64, 1000, 1 << 20])
def test_pieces_are_whole_records_and_together_the_page(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", size)
    cut = Cutter(io.BytesIO(PAGE), ("r", "g", "i"), 1000)
    assert cut.head is not None
    pieces = []
    while (piece := cut.next_piece()) is not None:
        assert piece.count(b"<i ") == piece.count(b"</i") > 0
        # The first one holds what was read to find the head; none holds much more than was asked for.
        assert len(piece) < 2 * size + 100
        pieces.append(piece)
    assert cut.head.before + b"".join(pieces) + cut.rest == PAGE
    assert cut.rest == b"\n</g></r>"


def test_an_ordinary_page_is_never_read_by_the_slow_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(cutter, "PIECE_BYTES", 500)
    monkeypatch.setattr(stream.Page, "_by_events", refuse)
    monkeypatch.setattr(by_xpath, "fields_of", refuse)
    rows, _ = read(PAGE, MAPPING)
    assert rows == [[f"{n}é", str(n)] for n in range(200)]


def test_only_a_piece_is_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 500)
    body = io.BytesIO(PAGE)
    batches = iter(stream.read_page(body, MAPPING, PieceReader(MAPPING), 1000))
    next(batches)
    assert body.tell() <= 1000, "the first batch is given before the page is read to its end"


class Slow:
    """Lifts what it has been sent when it is asked for it, and notes how many pieces wait by then."""

    ahead = 6

    def __init__(self) -> None:
        self._here = LiftHere(PieceReader(MAPPING), self.lift)
        self._waiting = 0
        self.most = 0

    def lift(self, batch: Batch) -> Batch:
        return batch

    def send(self, head: Head, piece: bytes, begins: bool) -> Sent[Batch]:
        self._waiting += 1
        self.most = max(self.most, self._waiting)

        def answer() -> Lifted[Batch] | None:
            self._waiting -= 1
            return self._here.send(head, piece, begins).answer()

        return Sent(piece, answer)


@pytest.mark.parametrize(("note", "most"), [(10, 7), (4000, 2)])
def test_large_records_do_not_wait_by_the_dozen(
    note: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (cutter, stream):
        monkeypatch.setattr(module, "PIECE_BYTES", 500)
    lifter = Slow()
    records = "".join(f"<i><a>{number}</a><k>{'x' * note}</k></i>" for number in range(300))
    page = stream.Page(
        io.BytesIO(f"<r><g>{records}</g></r>".encode()), MAPPING, PieceReader(MAPPING), lifter, 5000
    )
    assert sum(batch.records for _, batch in page) == 300
    assert lifter.most == most


def test_the_stylesheet_opens_no_other_document(tmp_path: Any) -> None:
    (tmp_path / "other.xml").write_text("<secret/>")
    with pytest.raises(RecordError, match="document"):
        Mapping("/r/i", (Field("a", f"document('{tmp_path}/other.xml')/secret"),), (), {})
