"""Values of many nodes, of pairs, and of embedded markup: what is made of the nodes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, Nested
from xmlift.records.kinds import markup

from .pages import KINDS, pages, read

EXTENSIONS = (
    "<r><i>"
    "<e><key>risk</key><text>high</text></e><e><key>empty</key><text/></e><e><text>no key</text></e>"
    "<e><key>risk</key><text>low</text></e><e><key>a &quot;b&quot;</key><text>1&#10;2</text></e>"
    "</i><i><e/></i><i/></r>"
)


def values(field: Field, page: str, namespaces: dict[str, str] | None = None) -> list[str]:
    mapped = Mapping("/r/i", (Field("never there", "nothing"), field), (), namespaces or {})
    return [row[1] for row in read(page.encode(), mapped)[0]]


def test_a_list_has_every_node_with_a_text() -> None:
    page = '<r><i><t v="1">a</t><t/><t v="2">b "c"</t></i><i><t>only</t></i><i><t/></i><i/></r>'
    assert values(Field("t", "t", "many"), page) == ['["a", "b \\"c\\""]', '["only"]', "", ""]
    assert values(Field("v", "t/@v", "many"), page) == ['["1", "2"]', "", "", ""]


def test_joined_texts() -> None:
    page = "<r><i><t>a</t><t/><t>b; c</t></i><i><t/><t/></i></r>"
    assert values(Field("t", "t", "joined", "; "), page) == ["a; b; c", ""]
    assert values(Field("t", "t", "joined", ""), page) == ["ab; c", ""]


def test_of_one_key_the_first_value_counts() -> None:
    found = values(Field("e", "e", "pairs", key="key", value="text"), EXTENSIONS)
    assert found == ['{"risk": "high", "a \\"b\\"": "1\\n2"}', "", ""]
    assert json.loads(found[0]) == {"risk": "high", 'a "b"': "1\n2"}


def test_or_all_values_of_each_key() -> None:
    found = values(Field("e", "e", "pair_lists", key="key", value="text"), EXTENSIONS)
    assert found == ['{"risk": ["high", "low"], "a \\"b\\"": ["1\\n2"]}', "", ""]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("", ""),
        ("plain  \n text", "plain text"),
        ("<p>one</p><p>two</p>", "one two"),
        ("H<b>e</b>l<EM>l</EM>o<br/>you", "Hello you"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>end", "a b c end"),
        ("<td>1</td><td>2</td>", "1 2"),
        ("a<!-- no -->b<?no?>c", "abc"),
        ("&lt;b&gt; &#160;x", "<b> x"),
        ("<h:p xmlns:h='urn:h'>a<h:b>b</h:b></h:p>c", "ab c"),
    ],
)
def test_the_words_of_markup(inside: str, said: str) -> None:
    assert values(Field("s", "s", "text"), f"<r><i><s>{inside}</s><s>other</s></i></r>") == [said]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("", ""),
        ("a &amp; b&#13;", "a &amp; b&#13;"),
        ("<![CDATA[<b>]]>", "&lt;b&gt;"),
        ("x<b>y</b> z<br/>", "x<b>y</b> z<br/>"),
        (
            '<div xmlns="http://www.w3.org/1999/xhtml"><p class="&lt;">a<br/></p></div> t',
            '<div xmlns="http://www.w3.org/1999/xhtml"><p class="&lt;">a<br/></p></div> t',
        ),
        ("<o:a o:b='1'/><c/>", '<o:a xmlns:o="urn:o" o:b="1"/><c/>'),
        ("<!-- a --><?b c?>", "<!-- a --><?b c?>"),
    ],
)
def test_the_markup_inside(inside: str, said: str) -> None:
    page = f'<r xmlns:o="urn:o"><i><s>{inside}</s></i></r>'
    assert values(Field("s", "s", "markup"), page) == [said]


@given(page=st.sampled_from(sorted(KINDS)).flatmap(lambda kind: pages(KINDS[kind])))
def test_markup_is_the_same_xml_as_where_it_stood(page: str) -> None:
    for element in etree.fromstring(page).iter("*"):
        alone = etree.fromstring(f"<x>{markup(element)}</x>")
        assert [exclusive(child) for child in alone] == [exclusive(child) for child in element]
        assert (alone.text or "") == (element.text or "")
        assert [child.tail or "" for child in alone] == [child.tail or "" for child in element]


def exclusive(element: etree._Element) -> bytes:
    """Canonical XML, where namespaces that are not used do not count."""
    if not isinstance(element.tag, str):  # libxml2 has no canonical form of a comment by itself
        return etree.tostring(element, with_tail=False)
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False)


@pytest.mark.parametrize("text", ["a\x8fb", "\x8f", "\x902", "1\x8f\x90"])
def test_a_value_that_holds_a_separator_is_read_all_the_same(text: str) -> None:
    page = f"<r><i><t>{text}</t><t>c</t></i><i><t>d</t></i></r>"
    assert values(Field("t", "t", "many"), page) == [f'["{text}", "c"]', '["d"]']
    assert values(Field("t", "t", "pairs", key=".", value="."), page)[1] == '{"d": "d"}'


@pytest.mark.parametrize("field", [Field("e", "count(e)", "pairs", key="k", value="v")])
def test_what_finds_no_elements_has_no_pairs(field: Field) -> None:
    with pytest.raises(RecordError, match="finds no elements, so no keys and values"):
        Mapping("/r/i", (field,), (), {})


@pytest.mark.parametrize("part", ["key", "value"])
def test_an_expression_of_pairs_that_is_none(part: str) -> None:
    fields = {"key": "k", "value": "v"} | {part: "x["}
    with pytest.raises(RecordError, match=r"x\["):
        Mapping("/r/i", (Field("e", "e", "pairs", **fields),), (), {})  # type: ignore[arg-type]


def test_records_inside_records_inside_a_record() -> None:
    plan = Nested(
        "plan",
        "plan",
        (Field("name", "@name"),),
        (Nested("case", "case", (Field("id", "@id"),), (Nested("step", "s", (Field("text", "."),)),)),),
    )
    page = (
        "<r><i/><i><plan name='a'><case id='1'/><case id='2'><s>x</s><s>y</s></case></plan>"
        "<plan name='b'><case id='3'><s>z</s></case></plan></i></r>"
    )
    _, (plans, cases, steps) = read(page.encode(), Mapping("/r/i", (Field("x", "x"),), (plan,), {}))
    assert plans == [(1, (), 1, ["a"]), (1, (), 2, ["b"])]
    assert cases == [(1, (1,), 1, ["1"]), (1, (1,), 2, ["2"]), (1, (2,), 1, ["3"])]
    assert steps == [(1, (1, 2), 1, ["x"]), (1, (1, 2), 2, ["y"]), (1, (2, 1), 1, ["z"])]
