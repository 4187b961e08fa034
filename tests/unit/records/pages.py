"""Pages that are hard to cut, and an obviously right reader to compare with: parse it all, then ask XPath."""

import io
import json
from copy import deepcopy
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st
from lxml import etree

from xmlift.records import Field, Mapping, Nested, Page, PieceReader, read_page
from xmlift.records.kinds import markup

MEGABYTE = 1024 * 1024

# {} is the prefix of the elements within a record.
FIELDS = (
    Field("a", "{0}a"),
    Field("b", "@b"),
    Field("c", "{0}a/@c"),
    Field("of the parent", "../@t"),
    Field("of the root", "/*/@t"),
    Field("second", "{0}k[2]"),
    Field("number", "count({0}k)"),
    Field("deep", "{0}n//*[2]"),
    Field("made", "concat(@b, '|', {0}a)"),
    Field("list", "{0}k", "many"),
    Field("list of attributes", "*/@*", "many"),
    Field("list of one", "@b", "many"),
    Field("list of a number", "count({0}k)", "many"),
    Field("joined", "{0}n/*", "joined", "; "),
    Field("joined texts", "text()", "joined", ""),
    Field("pairs", "{0}k", "pairs", key="@v", value="."),
    Field("pairs of lists", "*", "pair_lists", key="local-name()", value="concat(@v, {0}k)"),
    Field("words", "{0}n", "text"),
    Field("words of an attribute", "@b", "text"),
    Field("markup", "{0}n", "markup"),
    Field("markup of an attribute", "@b", "markup"),
)
NESTED = (
    Nested("k", "{0}k", (Field("text", "."), Field("v", "@v"), Field("markup", ".", "markup"))),
    Nested(
        "n",
        "{0}n",
        (Field("number", "count(*)"), Field("list", "{0}k", "many")),
        (
            Nested("any", "*", (Field("text", "."),), (Nested("deep", "*", (Field("text", "."),)),)),
            Nested("nk", "{0}k", (Field("text", "."),)),
        ),
    ),
    Nested("nk", "{0}n/{0}k", (Field("text", "."),)),
)
Row = tuple[int, tuple[int, ...], int, list[str]]
"""Of a nested table: the record from 0, the positions of the nested ones it is in, its own, its fields."""

Read = tuple[list[list[str]], list[list[Row]]]


class Kind(NamedTuple):
    """A family of pages: the path as a catalogue writes it, and how each of its steps may be spelled."""

    path: str
    namespaces: dict[str, str]
    declared: str
    parents: tuple[str, ...]
    records: tuple[str, ...]
    local_names: bool = False


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
    "local names": Kind(
        "/r/g/i",
        {},
        ' xmlns="urn:m" xmlns:q="urn:n" xmlns:p="urn:p"',
        ("q:r", "p:g"),
        ("i", "i", "p:i", "q:i"),
        local_names=True,
    ),
    "default namespace": Kind("/m:r/m:i", {"m": "urn:m"}, ' xmlns="urn:m"', ("r",), ("i",)),
}


def mapping(kind: Kind) -> Mapping:
    prefix = "m:" if "xmlns=" in kind.declared and not kind.local_names else ""

    def fields(templates: tuple[Field, ...]) -> tuple[Field, ...]:
        return tuple(
            field._replace(xpath=field.xpath.format(prefix), value=field.value.format(prefix))
            for field in templates
            if not (kind.local_names and field.kind == "markup")  # its namespaces are not the plain reading's
        )

    def nested(templates: tuple[Nested, ...]) -> tuple[Nested, ...]:
        return tuple(
            Nested(table.name, table.path.format(prefix), fields(table.fields), nested(table.nested))
            for table in templates
        )

    return Mapping(kind.path, fields(FIELDS), nested(NESTED), kind.namespaces, kind.local_names)


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
    """All of a page by the library."""
    result: Page = read_page(io.BytesIO(page), mapped, PieceReader(mapped), limit)
    rows: list[list[str]] = []
    nested: list[list[Row]] = [[] for _ in mapped.tables]
    for first_row, batch in result:
        assert first_row == len(rows) + 1
        assert {len(column) for column in batch.columns} == {batch.records}
        for rows_inside, found in zip(nested, batch.nested, strict=True):
            fields = list(zip(*found.columns, strict=True))
            parents = list(zip(*found.parents, strict=True)) or [()] * len(fields)
            rows_inside.extend(
                (len(rows) + record, above, position, list(row))
                for record, above, position, row in zip(
                    found.records, parents, found.positions, fields, strict=True
                )
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
    if mapped.local_names:
        strip_namespaces(root)
    if (
        root.tag != mapped.record_tags[0].removeprefix("{*}")
        or root.getroottree().docinfo.internalDTD is not None
    ):
        return None
    found = root.xpath(mapped.records, namespaces=mapped.namespaces)
    rows = [[plain_value(item, field, mapped) for field in mapped.fields] for item in found]
    nested: list[list[Row]] = [[] for _ in mapped.tables]
    for row, item in enumerate(found):
        plain_nested(item, mapped.nested, row, (), mapped, iter(nested))
    return rows, nested


def strip_namespaces(root: Any) -> None:
    for element in root.iter("*"):
        element.tag = etree.QName(element).localname
        attributes = [(etree.QName(name).localname, value) for name, value in element.attrib.items()]
        element.attrib.clear()
        for name, value in attributes:
            if name not in element.attrib:
                element.set(name, value)


def plain_nested(
    element: Any, tables: tuple[Nested, ...], row: int, above: tuple[int, ...], mapped: Mapping, into: Any
) -> None:
    for table in tables:
        rows = next(into)
        inner = [next(into) for _ in Mapping("/x", (), table.nested, mapped.namespaces).tables]
        for position, child in enumerate(element.xpath(table.path, namespaces=mapped.namespaces), start=1):
            fields = [plain_value(child, field, mapped) for field in table.fields]
            rows.append((row, above, position, fields))
            plain_nested(child, table.nested, row, (*above, position), mapped, iter(inner))


def plain_value(element: Any, field: Field, mapped: Mapping) -> str:
    names = mapped.namespaces
    if field.kind == "first":
        return str(element.xpath(f"string({field.xpath})", namespaces=names))
    nodes = element.xpath(field.xpath, namespaces=names)
    if not isinstance(nodes, list):
        nodes = [element.xpath(f"string({field.xpath})", namespaces=names)]
    texts = [node if isinstance(node, str) else str(node.xpath("string()")) for node in nodes]
    if field.kind == "many":
        return written([text for text in texts if text])
    if field.kind == "joined":
        return field.separator.join(text for text in texts if text)
    if field.key:
        return plain_pairs(nodes, field, names)
    make = plain_words if field.kind == "text" else markup
    return make(nodes[0]) if nodes else ""


def plain_pairs(nodes: list[Any], field: Field, names: dict[str, str]) -> str:
    pairs = [
        tuple(str(node.xpath(f"string({path})", namespaces=names)) for path in (field.key, field.value))
        for node in nodes
    ]
    pairs = [(key, value) for key, value in pairs if key and value]
    if field.kind == "pairs":
        return written(dict(reversed(pairs)), list(dict(pairs)))
    return written({key: [value for other, value in pairs if other == key] for key, _ in pairs})


def written(value: Any, order: list[str] | None = None) -> str:
    if order is not None:
        value = {key: value[key] for key in order}
    return json.dumps(value, ensure_ascii=False) if value else ""


def plain_words(node: Any) -> str:
    """Of the elements of these pages a and i are of those that stand within words."""
    if isinstance(node, str):
        return " ".join(node.split())
    spaced = deepcopy(node)
    spaced.tail = None
    for inner in spaced.iterdescendants("{*}*"):
        if etree.QName(inner).localname in ("a", "i"):
            continue
        inner.text = f" {inner.text or ''}"
        inner.tail = f" {inner.tail or ''}"
        if (last := next(reversed(inner), None)) is not None:
            last.tail = f"{last.tail or ''} "
    return " ".join("".join(spaced.itertext("*")).split())
