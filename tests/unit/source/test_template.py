"""Templates: whatever a value holds arrives as it was meant, wherever it stands."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.template import BodyKind, Template
from xmlift.source.walk import PageRequest

# What XML and URLs can both carry; a line end would come back from XML as another one.
values = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1)
AWKWARD = "{token} & <a>'\"+%2B/ä\u2028]]>"


def asked(template: Template, **known: str) -> PageRequest:
    return template.filled(known)


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1), st.text(min_size=1))
@example({"fields": "a[modified>{window.from} and b<'x+y & z=1']"}, "2026-01-01T00:00:00.000+0000")
def test_whatever_a_query_holds_arrives_as_it_was_meant(query: dict[str, str], bound: str) -> None:
    # What no URL can carry in UTF-8 is no text of a catalogue either.
    if not all(text.isprintable() for text in (*query, *query.values(), bound)):
        return
    url = Template("https://host/ccm/", "/a", query).filled({"window.from": bound}).url
    raw = urlsplit(url).query
    assert "+" not in raw, "a bare + reaches the server as a space"
    assert " " not in url
    expected = {name: [value.replace("{window.from}", bound)] for name, value in query.items()}
    assert parse_qs(raw, keep_blank_values=True) == expected


def test_a_request_by_example() -> None:
    template = Template(
        "https://host/ccm",
        "/rpt/repository/workitem",
        {"fields": "workitem/workItem[modified>{window.from} and modified<{window.to}]/id", "size": 500},
    )
    bounds = {"window.from": "2026-01-01T00:00:00.000+0000", "window.to": "2026-01-02T00:00:00.000+0000"}
    assert template.filled(bounds) == PageRequest(
        "https://host/ccm/rpt/repository/workitem?fields=workitem%2FworkItem%5Bmodified%3E2026-01-01T00%3A00%3A00.000"
        "%2B0000%20and%20modified%3C2026-01-02T00%3A00%3A00.000%2B0000%5D%2Fid&size=500"
    )
    assert Template("https://host/", "/a").filled({}) == PageRequest("https://host/a")


@given(values.filter(lambda value: value not in (".", "..")))
@example(AWKWARD)
def test_a_value_in_the_path_is_one_segment(value: str) -> None:
    url = asked(Template("https://h", "/projects/{partition}/items"), partition=value).url
    assert [unquote(part) for part in urlsplit(url).path.split("/")] == ["", "projects", value, "items"]


@given(values)
@example(AWKWARD)
def test_a_value_in_an_xml_body_is_text(value: str) -> None:
    body = asked(Template("https://h", "/a", body="<q a='{x}'>{x}</q>"), x=value).body
    root = etree.fromstring(body)
    assert (root.text, root.get("a")) == (value, value)


@given(values)
@example(AWKWARD)
def test_a_value_in_a_json_body_is_a_string(value: str) -> None:
    body = asked(Template("https://h", "/a", body='{"q": ["{x}"]}', body_kind="json"), x=value).body
    assert json.loads(body or b"") == {"q": [value]}


@given(values)
@example(AWKWARD)
def test_a_value_in_a_form_is_a_value(value: str) -> None:
    body = asked(Template("https://h", "/a", body="q={x}&n=1", body_kind="form"), x=value).body or b""
    assert parse_qs(body.decode(), keep_blank_values=True) == {"q": [value], "n": ["1"]}


@given(st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), min_size=1).map(str.strip))
@example("{token} & <a>'\"+%2B/ä]]>")
def test_a_header_carries_a_value_as_it_is(value: str) -> None:
    assert asked(Template("https://h", "/a", headers={"X": "v:{x}"}), x=value).headers == {"X": f"v:{value}"}


@pytest.mark.parametrize("value", ["a\r\nCookie: b", "a\nb", "\0", "\x7f"])
def test_a_value_cannot_begin_a_header_of_its_own(value: str) -> None:
    with pytest.raises(SourceError, match="header X cannot carry") as caught:
        asked(Template("https://h", "/a", headers={"X": "{x}"}), x=value)
    assert "Cookie" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, {"Content-Type": "text/xml; charset=utf-8"}),
        ({"content-type": "application/soap+xml"}, {"content-type": "application/soap+xml"}),
    ],
)
def test_a_body_says_what_it_is(headers: dict[str, str], sent: dict[str, str]) -> None:
    assert Template("https://h", "/a", headers=headers, body="<a/>").filled({}) == PageRequest(
        "https://h/a", b"<a/>", sent
    )


@pytest.mark.parametrize(("kind", "body"), [("xml", b"{y}{}"), ("json", b"{y}{}"), ("form", b"{y}{}")])
def test_braces_that_stand_for_nothing_stay(kind: BodyKind, body: bytes) -> None:
    assert asked(Template("https://h", "/a", body="{y}{}", body_kind=kind), x="1").body == body


@pytest.mark.parametrize("value", [".", ".."])
@pytest.mark.parametrize("path", ["/areas/{partition}/items", "/areas/{partition}"])
def test_a_value_that_leads_up_in_the_path_is_refused(path: str, value: str) -> None:
    with pytest.raises(
        SourceError, match=r"request\.path: a value is '\.{1,2}', which leads to another path"
    ):
        Template("https://host/api", path).filled({"partition": value})


def test_dots_elsewhere_stay() -> None:
    template = Template("https://host/api", "/a{partition}/./x", {"q": "{partition}"})
    assert template.filled({"partition": ".."}).url == "https://host/api/a.././x?q=.."


@pytest.mark.parametrize("value", ["€", " x", "x ", "a\nb"])
def test_a_header_carries_not_any_value(value: str) -> None:
    with pytest.raises(SourceError, match="the header X-Key cannot carry") as caught:
        Template("https://host", "/a", headers={"X-Key": "{key}"}).filled({"key": value})
    assert value not in str(caught.value).replace("X-Key cannot carry a value", "")
