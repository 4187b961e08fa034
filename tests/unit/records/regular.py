"""Records as servers write them: all by the same code, so that they differ in values, not in tags.

Now and then one is odd (a comment, a CDATA section, another attribute): whoever reads by shape has to notice.
"""

from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

from xmlift.records import Field, Mapping, Nested

NAMESPACES = {"m": "urn:m", "n": "urn:n"}
MAPPING = Mapping(
    "/m:r/m:i",
    (
        Field("id", "m:id"),
        Field("attribute", "@b"),
        Field("deep", "m:state/m:name"),
        Field("deep attribute", "m:state/@n:c"),
        Field("repeated", "m:tag"),
        Field("of another namespace", "./n:id"),
        Field("language", "m:id/@xml:lang"),
        Field("never there", "m:nothing/m:at/m:all"),
    ),
    (
        Nested("k", "m:k", (Field("text", "m:text"), Field("v", "@v"), Field("deep", "m:by/m:name"))),
        Nested("listed", "m:list/m:item", (Field("text", "."), Field("v", "@v"))),
        Nested("never there", "m:nothing", (Field("text", "."),)),
    ),
    NAMESPACES,
)
MANY = Mapping(
    "/m:r/m:i",
    (
        Field("id", "m:id"),
        Field("tags", "m:tag", "many"),
        Field("joined", "m:tag", "joined", ", "),
        Field("attribute", "@b", "many"),
        Field("pairs", "m:k", "pairs", key="m:text", value="m:by/m:name"),
        Field("pairs of lists", "m:k", "pair_lists", key="@v", value="m:text"),
        Field("texts", "m:k/m:text", "many"),
        Field("names", "m:k/m:by/m:name", "joined", "; "),
        Field("nothing", "m:nothing/m:at/m:all", "many"),
        Field("words", "m:state/m:name", "text"),
        Field("words' attributes", "m:state/@n:c", "many"),
        Field("markup", "n:id", "markup"),
    ),
    (
        Nested(
            "list",
            "m:list",
            (Field("never there", "m:nothing"),),
            (
                Nested("item", "m:item", (Field("text", "."), Field("v", "@v"))),
                Nested("never there", "m:nothing", (Field("text", "."),)),
            ),
        ),
    ),
    NAMESPACES,
)
LOCAL = Mapping(
    "/r/i",
    (Field("id", "id"), Field("attribute", "@b"), Field("deep", "state/@c"), Field("tags", "tag", "many")),
    (Nested("k", "k", (Field("text", "text"), Field("v", "@v"))),),
    {},
    local_names=True,
)


class Style(NamedTuple):
    """How a server spells: the prefix of its elements, what is between them, how it writes an empty one."""

    prefix: str
    declared: str
    space: str
    closed: bool


STYLES = (
    Style("", ' xmlns="urn:m" xmlns:o="urn:n"', "", False),
    Style("", ' xmlns="urn:m" xmlns:o="urn:n"', "\n  ", True),
    Style("p:", ' xmlns:p="urn:m" xmlns:o="urn:n"', "", True),
    Style("p:", ' xmlns:p="urn:m" xmlns:o="urn:n"', "\r\n\t", False),
)

ENTITIES = st.sampled_from(
    ["&amp;", "&lt;p&gt;", "&quot;&apos;", "&#38;lt;", "&#x20AC;", "&#10;", "&amp;#65;", "&#65536;"]
)
PLAIN = st.text(alphabet="az09 é€😀<>&\"'\n\r\t]", max_size=8).map(escape)
TEXT = st.lists(PLAIN | ENTITIES, max_size=3).map("".join)
ODD = st.sampled_from(
    [
        "<!-- </i> -->",
        "<![CDATA[<&]]>",
        "<?pi?>",
        "<b>markup</b>",
        "]]>",
        "&bogus;",
        "&#0;",
        "&#xFFFE;",
        "&#1114112;",
        "&#55296;",
        "&",
        "\x01",
        "\ufffe",
        "<",
        "<x/>",
        "<o:id>twice</o:id>",
        "<id>twice</id>",
        "<k/>",
        "<id xmlns='urn:n'>x</id>",
        "<o:id xmlns:o='urn:&amp;'>x</o:id>",
    ]
)


@st.composite
def element(
    draw: st.DrawFn, style: Style, name: str, content: str, attributes: dict[str, str] | None = None
) -> str:
    name = name if ":" in name else style.prefix + name
    quoted = "".join(f" {key}={quoteattr(value)}" for key, value in (attributes or {}).items())
    if not content and (style.closed or draw(st.booleans())):
        return f"<{name}{quoted}/>"
    return f"<{name}{quoted}>{content}</{name}>"


@st.composite
def nested(draw: st.DrawFn, style: Style) -> str:
    by = draw(element(style, "by", draw(element(style, "name", draw(TEXT)))))
    inside = style.space.join(
        [draw(element(style, "text", draw(TEXT))), *([by] if draw(st.booleans()) else [])]
    )
    return draw(element(style, "k", inside, draw(optional("v"))))


def optional(name: str) -> st.SearchStrategy[dict[str, str]]:
    value = st.text(alphabet="az é&<>\"'\n\t", max_size=4)
    return st.just({}) | value.map(lambda text: {name: text})


@st.composite
def record(draw: st.DrawFn, style: Style, odd: bool) -> str:
    """One record; an odd one has something in it, or between its elements, that others have not."""
    parts = [draw(element(style, "id", draw(TEXT), draw(optional("xml:lang"))))]
    if draw(st.booleans()):
        state = draw(element(style, "name", draw(TEXT)))
        parts.append(draw(element(style, "state", state, draw(optional("o:c")))))
    parts += [draw(element(style, "tag", draw(TEXT))) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        parts.append(draw(element(style, "o:id", draw(TEXT))))
    parts += [draw(nested(style)) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        items = [
            draw(element(style, "item", draw(TEXT), draw(optional("v"))))
            for _ in range(draw(st.integers(0, 3)))
        ]
        parts.append(draw(element(style, "list", style.space.join(items))))
    if odd:
        at = draw(st.integers(0, len(parts)))
        thing = draw(ODD)
        if at < len(parts) and draw(st.booleans()):
            parts[at] = parts[at].replace("</", f"{thing}</", 1)
        else:
            parts.insert(at, thing)
    return draw(element(style, "i", style.space + style.space.join(parts) + style.space, draw(optional("b"))))


@st.composite
def regular_pages(draw: st.DrawFn) -> str:
    """A page of one style, most of whose records are regular."""
    style = draw(st.sampled_from(STYLES))
    count = draw(st.integers(1, 12))
    odd = draw(st.sets(st.integers(0, count - 1), max_size=2)) if draw(st.booleans()) else set()
    records = [draw(record(style, number in odd)) for number in range(count)]
    between = draw(st.sampled_from(["", "\n", "", "<!-- between -->", "text"]))
    end = draw(st.sampled_from(["", "\n", "<other/>"]))
    name = f"{style.prefix}r"
    return f"<{name}{style.declared}>{between.join(records)}{style.space}{end}</{name}>"
