"""What is not the page that was asked for is refused, and never passes for fewer records."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, Nested, PieceReader, cutter, read_page, stream

from .pages import read

PLAIN = Mapping("/r/i", (Field("a", "a"),), (), {})
GROUPED = Mapping("/r/g/i", (Field("a", "a"), Field("day", "../@day")), (), {})

WHOLE = {
    "one level": (PLAIN, "<r href='https://h/2'><i><a>é1</a></i>\n<i><a>€2</a></i><i><a>3</a></i></r>"),
    "no records": (PLAIN, "<r href='https://h/2'> </r>"),
    "self-closing": (PLAIN, "<r><i/><i a='1'/><i/></r>"),
    "groups": (GROUPED, "<r><g day='1'><i><a>1</a></i></g><g day='2'><i><a>2</a></i><i/></g></r>"),
    "hidden ends": (PLAIN, "<r><i><a><![CDATA[</i></r>]]></a></i><!--</i></r>--><i><a>2</a></i></r>"),
}


@pytest.mark.parametrize("piece", [1, 16, 128 * 1024])
@pytest.mark.parametrize("case", list(WHOLE))
def test_a_page_cut_short_at_any_byte_is_refused(
    case: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", piece)
    monkeypatch.setattr(stream, "PIECE_BYTES", piece)
    mapping, text = WHOLE[case]
    page = text.encode()
    whole = read(page, mapping)
    for length in range(len(page)):
        with pytest.raises(RecordError):
            read(page[:length], mapping)
    # What may follow a root is not part of it.
    assert read(page + b"\n<!-- served by node 3 -->\n", mapping) == whole


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b"", "empty, cut short or not well-formed"),
        (b"  \n", "empty, cut short or not well-formed"),
        (b"\x1f\x8b\x08\x00", "not well-formed"),
        (b'{"items": []}', "not well-formed"),
        (b"<r><i><a>1</a></i></r><r><i><a>2</a></i></r>", "not well-formed"),
        (b"<r><i><a>1</a></i></r>tail", "not well-formed"),
        (b"<r><i><a>R & D</a></i></r>", "`repair: true`"),
        (b"<r><i><a>&nbsp;</a></i></r>", "not well-formed"),
        (b"<r><i><a>\x00</a></i></r>", "not well-formed"),
        (b"<r><i><a>\xe9</a></i></r>", "not well-formed"),
        (b"<r><i xmlns:q=''><a>1</a></i></r>", "not well-formed"),
        (b"<r><i xmlns:xml='urn:x'><a>1</a></i></r>", "not well-formed"),
        (b'<?xml version="1.0" encoding="klingon"?><r><i/></r>', "Unsupported encoding: klingon"),
        (
            b"<html><body><h1>Please log in</h1></body></html>",
            "root element is html, expected r; it says: Please",
        ),
        (
            b"<error><message>CRJAZ\n 1234</message></error>",
            "root element is error, expected r; it says: CRJAZ 1234",
        ),
        (b"<error/>", "it says: (nothing)"),
        (b'<r xmlns="urn:new"><i/></r>', "root element is {urn:new}r, expected r"),
        (b"<r><i><a>1</a></i>", "the answer is cut short: Premature end of data in tag r"),
        (b"<r><i><a>1</a></i><!-- x", "cut short: Comment not terminated"),
        (b"<r><i><a><![CDATA[x", "smaller pages, or the endpoint's owner"),
        (b"<!DOCTYPE html><html/>", "Ask the endpoint's owner to leave it out"),
        (b"<!DOCTYPE r><r><i><a>1</a></i></r>", "DOCTYPE"),
        (b"<!DOCTYPE r><r><i/></r>", "DOCTYPE"),
        (b'<!DOCTYPE r [<!ENTITY e "x">]><r><i><a>&e;</a></i></r>', "DOCTYPE"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>', "DOCTYPE"),
        (b'<!DOCTYPE r [<!ATTLIST i a CDATA "1">]><r><i/></r>', "DOCTYPE"),
    ],
)
def test_anything_else_is_refused_with_what_it_was(page: bytes, said: str) -> None:
    with pytest.raises(RecordError) as caught:
        read(page, PLAIN)
    assert said in str(caught.value)


def test_an_explosive_doctype_is_refused_before_it_explodes() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    page = f'<!DOCTYPE r [<!ENTITY e0 "boom">{entities}]><r><i><a>&e11;</a></i></r>'.encode()
    with pytest.raises(RecordError, match=r"DOCTYPE|amplification"):
        read(page, PLAIN)


def test_no_record_of_a_page_with_a_doctype_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_EVENT_BATCH", 1)
    batches = iter(read_page(io.BytesIO(b"<!DOCTYPE r><r><i/><i/><i/></r>"), PLAIN, PieceReader(PLAIN), 1000))
    with pytest.raises(RecordError, match="DOCTYPE"):
        next(batches)


def test_external_entities_are_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("swordfish")
    page = f'<!DOCTYPE r [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><r><i><a>&e;</a></i></r>'.encode()
    with pytest.raises(RecordError, match="DOCTYPE"):
        read(page, PLAIN)


@pytest.mark.parametrize(
    "page",
    [
        b"<r><i><a>" + b"x" * 5000 + b"</a></i></r>",
        b"<r><i><a>1</a></i><i><a>" + b"x" * 5000 + b"</a></i></r>",
        b"<r><i><a>1</a></i><i><a>" + b"x" * 5000,
    ],
)
def test_a_record_beyond_the_limit_is_refused_with_the_limit_to_raise(
    page: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 64)
    with pytest.raises(RecordError, match=r"larger than 1000 bytes; raise limits\.record_megabytes"):
        read(page, PLAIN, limit=1000)


def test_what_stands_between_records_is_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 64)
    link = "<link rel='next' href='https://h/2?a=1&amp;b=é'/>"
    page = f"<r><title/><!-- t --><i><a>1</a></i>{link}<!-- c --><i><a>2</a></i></r>".encode()
    result = read_page(io.BytesIO(page), PLAIN, PieceReader(PLAIN), 1000)
    assert [value for _, batch in result for value in batch.columns[0]] == ["1", "2"]
    assert result.root is not None
    assert result.root.xpath("/r/link[@rel='next']/@href") == ["https://h/2?a=1&b=é"]
    assert result.root.xpath("count(/r/i)") == 0, "records themselves are not kept"
    assert result.root.xpath("count(/r/node())") == 4, "and the rest once"
    with pytest.raises(RecordError, match="stand between the records"):
        read(b"<r>" + (f"<i><a>1</a></i>{link}".encode() * 100) + b"</r>", PLAIN, limit=1000)


def test_many_small_records_without_end_tags_pass_whatever_they_are_together() -> None:
    """More of them than the record limit, and than libxml2 takes at a time (10 MB)."""
    count = 12_000
    page = b"<r><i><a>1</a></i>" + b"<i b='%s'/>" % (b"x" * 1000) * count + b"</r>"
    result = read_page(io.BytesIO(page), PLAIN, PieceReader(PLAIN), 11 * 1024 * 1024)
    assert sum(batch.records for _, batch in result) == count + 1


class Endless(io.RawIOBase):
    """A body that never ends: the reader has to stop by itself."""

    def __init__(self, start: bytes, again: bytes) -> None:
        self._start, self._again, self.served = start, again, 0

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        self.served += size
        return start or self._again * (size // len(self._again) + 1)


@pytest.mark.parametrize(
    "body",
    [
        lambda: Endless(b"<r><i><a>", b"x"),
        lambda: Endless(b"<r><i><a>1</a></i>", b"<link/>"),
        lambda: Endless(b"<r>", b"<link/>"),  # the records' tag never occurs: nothing is ever let go
        lambda: Endless(b"<r><i/>", b"<link/>"),
        lambda: Endless(b"<r><box>", b"<i/>"),
        lambda: Endless(b"<error>", b"<link/>"),
    ],
)
def test_an_endless_page_is_given_up_soon_after_the_limit(body: Callable[[], Endless]) -> None:
    endless = body()
    with pytest.raises(RecordError):
        list(read_page(endless, PLAIN, PieceReader(PLAIN), 300_000))  # type: ignore[arg-type]
    # The head is looked for in the first megabyte, whatever the limit.
    assert endless.served < 1_500_000


def test_a_page_that_is_large_without_a_record_says_so_with_the_remedy() -> None:
    page = b"<r>" + b"<link/>" * 100_000 + b"</r>"
    with pytest.raises(RecordError) as caught:
        read(page, PLAIN, limit=300_000)
    assert "more than 300000 bytes without the end of a record /r/i" in str(caught.value)
    assert "limits.record_megabytes" in str(caught.value)
    assert read(page, PLAIN) == ([], [])


def test_another_root_is_told_with_its_words_before_the_page_ends() -> None:
    with pytest.raises(RecordError, match="root element is error, expected r; it says: Query expired"):
        list(
            read_page(
                Endless(b"<error><message>Query expired</message>", b"<more/>"),  # type: ignore[arg-type]
                PLAIN,
                PieceReader(PLAIN),
                300_000,
            )
        )


@pytest.mark.parametrize(
    ("records", "fields", "nested", "namespaces", "said"),
    [
        ("/r/i[1]", "a", "k", {}, "step 'i[1]' is not a name; write /list/record"),
        ("/r//i", "a", "k", {}, "step '' is not a name"),
        ("/r/*", "a", "k", {}, "step '*' is not a name"),
        ("/r/m:i", "a", "k", {}, "prefix 'm' is not under `namespaces`"),
        ("/r/i", "a[", "k", {}, "XPath 'a['"),
        ("/r/i", "a) | (b", "k", {}, "XPath 'a) | (b'"),
        ("/r/i", "m:a", "k", {}, "XPath 'm:a'"),
        ("/r/i", "lower-case(a)", "k", {}, "XPath 'lower-case(a)'"),
        ("/r/i", "$today", "k", {}, "XPath '$today'"),
        ("/r/i", "document('/etc/passwd')", "k", {}, "XPath \"document('/etc/passwd')\""),
        ("/r/i", "a", "k[", {}, "XPath 'k['"),
        ("/r/i", "a", "m:k", {}, "XPath 'm:k'"),
        ("/r/i", "a", "count(k)", {}, "XPath 'count(k)' finds no elements"),
        ("/r/i", "a", "k", {"": "urn:x"}, "namespaces: ''"),
        ("/r/i", "a", "k", {"x": ""}, "namespaces: 'x'"),
        ("/r/i", "a", "k", {"1a": "urn:x"}, "namespaces: '1a'"),
        ("/r/i", "a", "k", {"xsl": "urn:x"}, "namespaces: 'xsl'"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_before_a_page_is_read(
    records: str, fields: str, nested: str, namespaces: dict[str, str], said: str
) -> None:
    with pytest.raises(RecordError) as caught:
        Mapping(records, (Field("f", fields),), (Nested("n", nested, (Field("f", "."),)),), namespaces)
    assert said in str(caught.value)
