"""Pages that are hard to cut, and an obviously right reader to compare with: parse it all, then ask XPath."""

import io
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st
from lxml import etree

from xmlift.records import Field, Mapping, Nested, Page, PieceReader, read_page

MEGABYTE = 1024 * 1024

# {} is the prefix of the elements within a record.
FIELDS = (
    "{0}a",
    "@b",
    "{0}a/@c",
    "../@t",
    "/*/@t",
    "{0}k[2]",
    "count({0}k)",
    "{0}n//*[2]",
    "concat(@b, '|', {0}a)",
)
NESTED = (("k", "{0}k", (".", "@v")), ("nk", "{0}n/{0}k", (".",)))
Read = tuple[list[list[str]], list[list[tuple[int, int, list[str]]]]]


class Kind(NamedTuple):
    """A family of pages: the path as a catalogue writes it, and how each of its steps may be spelled."""

    path: str
    namespaces: dict[str, str]
    declared: str
    parents: tuple[str, ...]
    records: tuple[str, ...]


KINDS = {
    "plain": Kind("/r/i", {}, "", ("r",), ("i",)),
    "grouped": Kind("/r/g/i", {}, "", ("r", "g"), ("i",)),
    "all alike": Kind("/i/i/i", {}, "", ("i", "i"), ("i",)),
    "prefixed": Kind(
        "/m:r/m:g/n:i",
        {"m": "urn:m", "n": "urn:n"},
        ' xmlns:q="urn:m" xmlns:p="urn:n" xmlns:p2="urn:n"',
        ("q:r", "q:g"),
        ("p:i", "p:i", "p2:i"),
    ),
    "default namespace": Kind("/m:r/m:i", {"m": "urn:m"}, ' xmlns="urn:m"', ("r",), ("i",)),
}


def mapping(kind: Kind) -> Mapping:
    prefix = "m:" if "xmlns=" in kind.declared else ""

    def fields(paths: tuple[str, ...]) -> tuple[Field, ...]:
        return tuple(Field(f"f{number}", path.format(prefix)) for number, path in enumerate(paths))

    nested = tuple(Nested(name, path.format(prefix), fields(below)) for name, path, below in NESTED)
    return Mapping(kind.path, fields(FIELDS), nested, kind.namespaces)


LETTERS = st.text(alphabet="az09 é€😀\x90<>&'\"\n/]", max_size=12)
MARKUP = st.sampled_from(
    [
        "<![CDATA[</i>]]>",
        "<![CDATA[<i b='1'><a>x</a></i>]]>",
        "<![CDATA[]]]]><![CDATA[></g></r>]]>",
        "<!-- </i> <i> </g> -->",
        "<?pi </i> <i/> ?>",
        "&#233;&#x20AC;&amp;&lt;/i&gt;",
        "&#x90;0&#144;",
        "&#13;&#10;&#9;",
    ]
)
MIXED = st.lists(LETTERS.map(escape) | MARKUP, max_size=4).map("".join)
SPACES = st.sampled_from(["", "", " ", "\n\t"])


def attribute(name: str) -> st.SearchStrategy[str]:
    return st.just("") | LETTERS.map(lambda value: f" {name}={quoteattr(value)}")


def element(
    name: str, attributes: st.SearchStrategy[str], content: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    whole = st.tuples(attributes, SPACES, content, SPACES).map(
        lambda part: f"<{name}{part[0]}{part[1]}>{part[2]}</{name}{part[3]}>"
    )
    return whole | st.tuples(attributes, SPACES).map(lambda part: f"<{name}{part[0]}{part[1]}/>")


def records(name: str) -> st.SearchStrategy[str]:
    """Records with fields, nested records, and elements of the record's own name deep within."""
    alike = element(name, attribute("b"), st.sampled_from(["", "x", f"<{name}>y</{name}>"]))
    nested = element(
        "n", st.just(""), st.lists(element("k", st.just(""), MIXED) | alike, max_size=2).map("".join)
    )
    inner = st.one_of(
        element("a", attribute("c"), MIXED), element("k", attribute("v"), MIXED), nested, alike, MIXED
    )
    return element(name, attribute("b"), st.lists(inner, max_size=4).map("".join))


def siblings(kind: Kind) -> st.SearchStrategy[str]:
    """What may stand between records: links, remarks, and elements that only look like records."""
    local = kind.records[0].rpartition(":")[2]
    return st.sampled_from(
        [
            "",
            "\n  ",
            '<link href="https://h/p?a=1&amp;b=2"/>',
            f"<!-- <{kind.records[0]}> -->",
            f"<?pi <{kind.records[0]}> ?>",
            f'<{local} xmlns="urn:another"><a>not one</a></{local}>',
            f"<box><{kind.records[0]}><a>too deep</a></{kind.records[0]}></box>",
            "text € between",
        ]
    )


@st.composite
def pages(draw: st.DrawFn, kind: Kind) -> str:
    """A whole page of a kind, as text without an XML declaration."""
    root, *groups = kind.parents
    content = st.lists(siblings(kind) | st.sampled_from(kind.records).flatmap(records), max_size=6).map(
        "".join
    )
    for name in reversed(groups):
        group = element(name, attribute("t"), content)
        content = st.lists(group | siblings(kind), max_size=3).map("".join)
    prolog = draw(st.sampled_from(["", "\n", "<!-- <i><r> -->\n", "<?style <i> ?>"]))
    end = draw(SPACES)
    return f"{prolog}<{root}{kind.declared}{draw(attribute('t'))}>{draw(content)}</{root}{end}>"


def encoded(text: str, encoding: str) -> bytes:
    if encoding == "utf-8-sig":
        return text.encode(encoding)
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'
    return (declaration + text).encode(encoding, "xmlcharrefreplace")


def read(page: bytes, mapped: Mapping, limit: int = MEGABYTE) -> Read:
    """All of a page by the library: rows, and per nested table (row from 0, position, fields)."""
    result: Page = read_page(io.BytesIO(page), mapped, PieceReader(mapped), limit)
    rows: list[list[str]] = []
    nested: list[list[tuple[int, int, list[str]]]] = [[] for _ in mapped.nested]
    for batch in result:
        assert batch.first_row == len(rows) + 1
        assert {len(column) for column in batch.columns} == {batch.records}
        for table, found in zip(nested, batch.nested, strict=True):
            fields = zip(*found.columns, strict=True)
            table.extend(
                (len(rows) + record, position, list(row))
                for record, position, row in zip(found.records, found.positions, fields, strict=True)
            )
        rows.extend(list(row) for row in zip(*batch.columns, strict=True))
    assert result.records == len(rows)
    assert result.root is not None
    return rows, nested


def twin(page: bytes, mapped: Mapping) -> Read | None:
    """The same, the plain way; None for a page that must be refused."""
    try:
        root = etree.fromstring(page, etree.XMLParser(resolve_entities=False))
    except etree.XMLSyntaxError:
        return None
    if root.tag != mapped.record_tags[0] or root.getroottree().docinfo.internalDTD is not None:
        return None
    names = mapped.namespaces
    found = root.xpath(mapped.records, namespaces=names)
    rows = [
        [item.xpath(f"string({field.xpath})", namespaces=names) for field in mapped.fields] for item in found
    ]
    nested = [
        [
            (
                row,
                position,
                [child.xpath(f"string({field.xpath})", namespaces=names) for field in table.fields],
            )
            for row, item in enumerate(found)
            for position, child in enumerate(item.xpath(table.path, namespaces=names), start=1)
        ]
        for table in mapped.nested
    ]
    return rows, nested
