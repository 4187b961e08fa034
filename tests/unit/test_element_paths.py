"""Which elements an XPath reads: all that it needs, and told only where that is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xmlift.catalogue.element_paths import element_paths


@pytest.mark.parametrize(
    ("xpath", "wanted"),
    [
        ("id", [("id",)]),
        ("state/name", [("state", "name")]),
        ("@rdf:about", []),
        (".", []),
        ("state/@id", [("state",)]),
        ("./state/name/text()", [("state", "name")]),
        ("rtc_cm:ownedBy/@rdf:resource", [("rtc_cm:ownedBy",)]),
        (
            "allExtensions[key='a/b']/displayValue",
            [("allExtensions", "key"), ("allExtensions", "displayValue")],
        ),
        ("comments[last()]/creator/name", [("comments", "creator", "name")]),
        ("substring-after(mail, 'mailto:')", [("mail",)]),
        ("concat(a/b, '-', number(c) + 1)", [("a", "b"), ("c",)]),
        ("(a | b)", [("a",), ("b",)]),
        ("boolean(a = 'x' and b >= 2 or c)", [("a",), ("b",), ("c",)]),
        ("and and and", [("and",)]),
        ("price * 2", [("price",)]),
        ("a[../b = 'x']/c", [("b",), ("a", "c")]),
    ],
)
def test_elements_are_told(xpath: str, wanted: list[tuple[str, ...]]) -> None:
    assert element_paths(xpath) == wanted


@pytest.mark.parametrize(
    "xpath",
    ["//a", "a//b", "*", "a/*", "../a", "/a", "child::a", "a[", "f(a", "a)", "$x", "a/", "§", "(a | b)[1]"],
)
def test_what_cannot_be_told_is_refused(xpath: str) -> None:
    with pytest.raises(
        ValueError, match=r"it cannot be told|is not closed|nothing was expected|cannot be read"
    ):
        element_paths(xpath)


NAMES = st.sampled_from(["a", "b", "c", "and", "div"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LEAVES = PATHS | st.builds("{}/@{}".format, PATHS, NAMES) | st.sampled_from(["'a/b'", "1", "."])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.builds("concat({}, {})".format, inner, inner)
        | st.builds("({} = {})".format, inner, inner)
        | st.builds("string-length({}) * 2".format, inner)
        | st.builds("{}[{}]/{}".format, NAMES, inner, PATHS)
    )


XPATHS = st.recursive(LEAVES, _larger, max_leaves=5)


@st.composite
def elements(draw: st.DrawFn, name: str = "record", depth: int = 0) -> etree._Element:
    element = etree.Element(name, {key: key * depth for key in draw(st.sets(NAMES))})
    element.text = draw(st.sampled_from([None, "x", "y"]))
    if depth < 3:
        for child in draw(st.lists(NAMES, max_size=3)):
            element.append(draw(elements(child, depth + 1)))
    return element


@given(record=elements(), xpath=XPATHS)
def test_what_is_asked_for_is_all_that_an_expression_needs(record: etree._Element, xpath: str) -> None:
    asked = element_paths(xpath)
    # A dot is the record's whole text, which is more than any list of its elements.
    if "." not in xpath:
        assert _pruned(record, asked).xpath(f"string({xpath})") == record.xpath(f"string({xpath})")


def _pruned(element: etree._Element, asked: list[tuple[str, ...]]) -> etree._Element:
    """The element as a server answers it that was asked for these paths, each with all that is below its end."""
    copy = etree.Element(element.tag, dict(element.attrib))
    copy.text = element.text
    for child in element:
        below = [path[1:] for path in asked if path and path[0] == child.tag]
        if () in below:
            copy.append(etree.fromstring(etree.tostring(child)))
        elif below:
            copy.append(_pruned(child, below))
    return copy
