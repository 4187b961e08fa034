"""What an answer says besides records: errors, that there is nothing, and what a first call is for."""

import io
from datetime import UTC, datetime

import pytest
from lxml import etree

from xmlift.errors import SourceError
from xmlift.source import whole
from xmlift.source.answer import Answer
from xmlift.source.guards import Guards
from xmlift.source.refusals import RefusedError
from xmlift.source.walk import Captured, PageRequest
from xmlift.source.whole import captured_values, records_hash, whole_tree
from xmlift.source.xpaths import text

NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
OSLC = {"oslc_cm": "http://open-services.net/xmlns/cm/1.0/"}
EXPIRED = (
    b'<oslc_cm:error xmlns:oslc_cm="http://open-services.net/xmlns/cm/1.0/"><oslc_cm:statusCode>404'
    b"</oslc_cm:statusCode><oslc_cm:message>Query _x\n expired.</oslc_cm:message></oslc_cm:error>"
)


def answer(body: bytes) -> Answer:
    return Answer("https://h/a", io.BytesIO(body), len(body), NOW, NOW, 0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("/oslc_cm:error/oslc_cm:message", "Query _x expired."),
        ("string(/oslc_cm:error/oslc_cm:message)", "Query _x expired."),
        ("/oslc_cm:error", "404Query _x expired."),
        ("boolean(/oslc_cm:error)", "404 Query _x expired."),
        ("/oslc_cm:error/text()", None),
        ("/other", None),
        ("boolean(/other)", None),
    ],
)
def test_an_error_is_told_in_its_own_words(error: str, said: str | None) -> None:
    guards = Guards(error, None, OSLC)
    root = etree.fromstring(EXPIRED)
    if said is None:
        guards.check(root)
        return
    with pytest.raises(RefusedError, match="an error in HTTP 200") as caught:
        guards.check(root)
    assert said.replace(" ", "") in str(caught.value).replace(" ", "")


def test_an_error_without_words_is_one() -> None:
    with pytest.raises(RefusedError, match=r"HTTP 200: \(no words\)"):
        Guards("/error", None, {}).check(etree.fromstring("<error/>"))


def test_what_only_says_that_there_is_nothing_is_no_error() -> None:
    guards = Guards("/oai/error", "/oai/error[@code='noRecordsMatch']", {})
    nothing = etree.fromstring("<oai><error code='noRecordsMatch'/></oai>")
    assert guards.says_empty(nothing)
    guards.check(nothing)
    wrong = etree.fromstring("<oai><error code='badArgument'>no such set</error></oai>")
    assert not guards.says_empty(wrong)
    with pytest.raises(RefusedError, match="no such set"):
        guards.check(wrong)


@pytest.mark.parametrize(
    ("error", "empty", "where"), [("/a[", None, "guards.error"), (None, "/p:a", "guards.empty")]
)
def test_an_expression_that_is_wrong_is_named(error: str | None, empty: str | None, where: str) -> None:
    with pytest.raises(SourceError, match=where):
        Guards(error, empty, {})


def captured(**xpaths: str) -> Captured:
    return Captured(
        PageRequest("https://h/a"), {name: text(xpath, {}, name) for name, xpath in xpaths.items()}
    )


def test_what_a_first_call_says_is_captured() -> None:
    root = etree.fromstring("<r><WebEnv> MCID_1 </WebEnv><n a='7'/></r>")
    assert captured_values(captured(env="/r/WebEnv", key="/r/n/@a"), root) == {"env": "MCID_1", "key": "7"}


@pytest.mark.parametrize("xml", ["<r/>", "<r><WebEnv> </WebEnv></r>"])
def test_what_a_first_call_does_not_say_is_told(xml: str) -> None:
    with pytest.raises(
        SourceError, match=r"no env: request\.bootstrap\.values\.env .*/r/WebEnv.* finds nothing"
    ):
        captured_values(captured(env="/r/WebEnv"), etree.fromstring(xml))


def test_a_first_call_that_is_no_xml_is_told() -> None:
    with pytest.raises(SourceError, match="not well-formed XML"):
        captured_values(captured(env="/r"), whole_tree(answer(b"<r>")))


def test_a_large_answer_is_not_held_as_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "_MOST_BYTES", 4)
    assert whole_tree(answer(b"<a/>")) is not None
    assert whole_tree(answer(b"<aa/>")) is None


def digest(body: bytes) -> str:
    stream = io.BytesIO(body)
    found = records_hash(stream, "item")
    assert stream.tell() == 0
    return found


def test_the_same_records_are_told_whatever_stands_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    same = digest(b"<w at='1'><item>1</item></w>")
    assert same
    assert digest(b"<w at='2'><time/><item>1</item></w>") == same
    assert digest(b"<w at='1'><item>2</item></w>") != same
    assert digest(b"<w at='1'><p:item>1</p:item></w>") != same
    for size in range(1, 40):
        monkeypatch.setattr(whole, "_CHUNK", size)
        assert digest(b"<w at='2'><items/><item>1</item></w>") == same


@pytest.mark.parametrize("body", [b"", b"<w/>", b"<w><items/></w>"])
def test_a_page_without_records_is_like_no_other(body: bytes) -> None:
    assert digest(body) == ""


def test_a_sentence_ends_once() -> None:
    guards = Guards("/error", None, {})
    with pytest.raises(RefusedError, match=r"HTTP 200: Query _x expired\. If it comes again"):
        guards.check(etree.fromstring("<error>Query _x expired. </error>"))
