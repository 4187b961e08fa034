"""XPath as its tokens: which of them are names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, Nested
from xmlift.records.expressions import tokens, with_local_names


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a/b[@c='d']/text()", ["a", "b", "c"]),
        ("div div mod mod and", ["div", "mod", "and"]),
        ("* * *", ["*", "*"]),
        ("@* | p:* | p:a-b.c", ["*", "p:*", "p:a-b.c"]),
        ("child::text/attribute::node", ["text", "node"]),
        ("count(count) - 1.5 >= .5", ["count"]),
        ("../a//b/self::node()[c or d]", ["a", "b", "c", "d"]),
        ('concat("it\'s", \'a "b"\', é)', ["é"]),
        ("-a-b", ["a-b"]),
        ("a -b", ["a", "b"]),
        ("(a)div(b)", ["a", "b"]),
        ("a[1]and b", ["a", "b"]),
        ("self :: a", ["a"]),
        (" a ", ["a"]),
        ("processing-instruction('a')", []),
    ],
)
def test_names_are_told_from_operators_functions_and_axes(expression: str, names: list[str]) -> None:
    etree.XPath(expression, namespaces={"p": "urn:p"})
    assert [text for kind, text in tokens(expression) if kind == "name"] == names


def test_what_is_no_token_is_told() -> None:
    with pytest.raises(RecordError, match="'a # b' cannot be read from ' # b'"):
        list(tokens("a # b"))


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("a", "*[local-name()='a']"),
        ("@a", "@ *[local-name()='a']"),
        ("p:a/*", "p:a / *"),
        ("child::a[2]", "child :: *[local-name()='a'] [ 2 ]"),
        ("div div div", "*[local-name()='div'] div *[local-name()='div']"),
    ],
)
def test_a_name_without_a_prefix_stands_for_any_namespace(expression: str, asked: str) -> None:
    assert with_local_names(expression) == asked
    assert with_local_names(asked).replace(" ", "") == asked.replace(" ", ""), (
        "nothing is left to be asked otherwise"
    )


STEPS = st.sampled_from(
    [
        "a",
        "b",
        "*",
        "a[1]",
        "b[last()]",
        "a[b]",
        "*[2]",
        "a[@c]",
        "a[@c='1' or b]",
        ".",
        "..",
        "text()",
        "@c",
        "@*",
    ]
)
PATHS = st.lists(STEPS, min_size=1, max_size=3).flatmap(
    lambda steps: st.sampled_from(["/", "//"]).map(lambda between: between.join(steps))
)
EXPRESSIONS = PATHS | st.tuples(
    PATHS, st.sampled_from([" | ", " = ", " and ", "+", " - ", " div ", " mod ", "*"]), PATHS
).map("".join)


@given(expression=EXPRESSIONS)
def test_asking_for_local_names_is_asking_a_page_without_namespaces(expression: str) -> None:
    page = "<{0}r{1}><{0}a c='1'>1<{0}b c='2'>2</{0}b></{0}a><{2}a><{0}b>3</{0}b><{2}b c='1'/>4</{2}a><b/></{0}r>"
    plain = etree.fromstring(page.format("", "", ""))
    other = etree.fromstring(page.format("p:", " xmlns:p='urn:p' xmlns:q='urn:q'", "q:"))

    def said(found: object) -> object:
        if not isinstance(found, list):
            return found
        return [one if isinstance(one, str) else "".join(one.itertext()) for one in found]

    wanted = etree.XPath(expression, smart_strings=False)(plain)
    asked = etree.XPath(with_local_names(expression), smart_strings=False)(other)
    assert repr(said(asked)) == repr(said(wanted))


@pytest.mark.parametrize(
    "path", ["a/@b", "@*", "a/text()", "a | @b", "attribute::a", "a/comment()", "a/node()"]
)
def test_what_finds_no_elements_holds_no_records(path: str) -> None:
    with pytest.raises(RecordError, match="finds no elements, so no records inside a record"):
        Mapping("/r/i", (), (Nested("n", path, ()),), {})
    with pytest.raises(RecordError, match="finds no elements, so no keys and values"):
        Mapping("/r/i", (Field("n", path, "pairs", key="k", value="v"),), (), {})


@pytest.mark.parametrize("path", ["a[@b]", "a[text()='1']/c", "../a", ".", "a//b", "a | b", "*"])
def test_what_finds_elements_may_hold_records(path: str) -> None:
    Mapping("/r/i", (), (Nested("n", path, ()),), {})


@pytest.mark.parametrize("expression", ["position()", "concat(a, last())", "a[1] + position ( )"])
def test_which_record_it_is_depends_on_where_a_page_is_cut(expression: str) -> None:
    with pytest.raises(RecordError, match="is not valid: Invalid context"):
        Mapping("/r/i", (Field("n", expression),), (), {})
    Mapping("/r/i", (Field("n", "a[position() < last()]/b"),), (), {})
