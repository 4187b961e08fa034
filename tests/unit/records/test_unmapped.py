"""What stands in records and nobody asks for: the same counts in every way of reading, and what they mean."""

import io
from collections import Counter
from itertools import compress
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.thoroughness import examples

from xmlift.records import Field, Mapping, Nested, PieceReader, cutter, read_page, unmapped
from xmlift.records.declared import Declared, declared
from xmlift.records.unmapped import added

from .regular import MAPPING, NAMESPACES, regular_pages
from .test_pages_agree import WAYS, way
from .test_shape import counted

# What MAPPING asks for, written down by hand: an element's attributes, what is inside it, None for all of that.
Asked = tuple[frozenset[str], dict[str, Any] | None]
M, N, XML = "{urn:m}", "{urn:n}", "{http://www.w3.org/XML/1998/namespace}"
NONE: frozenset[str] = frozenset()
K: dict[str, Asked] = {M + "text": (NONE, None), M + "by": (NONE, {M + "name": (NONE, None)})}
ASKED: Asked = (
    frozenset({"b"}),
    {
        M + "id": (frozenset({XML + "lang"}), None),
        M + "state": (frozenset({N + "c"}), {M + "name": (NONE, None)}),
        M + "tag": (NONE, None),
        N + "id": (NONE, None),
        M + "nothing": (NONE, None),
        M + "k": (frozenset({"v"}), K),
        M + "list": (NONE, {M + "item": (frozenset({"v"}), None)}),
    },
)
PREFIXES = {M: "m:", N: "n:", XML: "xml:"}


def shown(name: str) -> str:
    return next((name.replace(uri, prefix) for uri, prefix in PREFIXES.items() if uri in name), name)


def plain(element: Any, asked: Asked, above: str = "") -> set[str]:
    attributes, inside = asked
    found = {f"{above}@{shown(name)}" for name in element.attrib if name not in attributes}
    for child in element.iterchildren("*") if inside is not None else ():
        path = above + shown(child.tag)
        found |= plain(child, inside[child.tag], f"{path}/") if child.tag in inside else {path}
    return found


def counts(page: bytes, mapped: Mapping, pieces: PieceReader | None = None) -> dict[str, int]:
    total: dict[str, int] = {}
    for _, batch in read_page(io.BytesIO(page), mapped, pieces or PieceReader(mapped), 1024 * 1024):
        total = added(total, batch.unmapped)
    return total


def sizes(page: bytes, mapped: Mapping) -> list[int]:
    """How many records each batch of the page has."""
    batches = read_page(io.BytesIO(page), mapped, PieceReader(mapped), 1024 * 1024)
    return [batch.records for _, batch in batches]


@pytest.mark.parametrize("looks_at_all", [False, True])
@given(page=regular_pages(), piece=st.integers(1, 600))
@settings(max_examples=examples(50, 300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_way_counts_the_same(page: str, piece: int, looks_at_all: bool) -> None:
    try:
        root = etree.fromstring(page)
    except etree.XMLSyntaxError:
        return
    mapped = Mapping(
        MAPPING.records, MAPPING.fields, MAPPING.nested, MAPPING.namespaces, looks_at_all=looks_at_all
    )
    records = root.xpath("/m:r/m:i", namespaces=NAMESPACES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unmapped, "FIRST", 2)
        patch.setattr(unmapped, "ONE_IN", 3)
        found = [plain(record, ASKED) for record in records]
        event("with unmapped" if any(found) else "none")
        for name in WAYS:
            with way(name, piece):
                batches = sizes(page.encode(), mapped)
                looked_at = [
                    looks_at_all or row % 3 == 0 or (row < 2 and not number)
                    for number, size in enumerate(batches)
                    for row in range(size)
                ]
                expected = Counter(path for paths in compress(found, looked_at) for path in paths)
                assert counts(page.encode(), mapped) == expected, name


PAGE = "<r>{}</r>"
TICKET = "<i x='1'><id>7</id><owner u='2'><name>N</name><mail v='3'><at/></mail></owner><new/><new/></i>"


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ((), {"@x", "id", "owner", "new"}),
        (("id",), {"@x", "owner", "new"}),
        (("@x", "id", "owner/name"), {"owner/@u", "owner/mail", "new"}),
        (("@x", "id", "owner"), {"owner/@u", "new"}),
        (("@*", "id", "owner/@u", "new"), {"owner/name", "owner/mail"}),
        (("id", "owner[@u='2']/name"), {"@x", "owner/mail", "new"}),
        (("id", "owner[mail/@v]/name/text()"), {"@x", "owner/@u", "owner/mail/at", "new"}),
        (("concat(id, owner/@u)", "count(new)"), {"@x", "owner/name", "owner/mail"}),
        (("id | new", "owner/name and owner/mail"), {"@x", "owner/@u", "owner/mail/@v"}),
        (("owner//at", "id"), {"@x", "new"}),
        (("owner/*/at", "id"), {"@x", "new"}),
        (("owner/descendant::at", "id"), {"@x", "new"}),
        (("child::owner/child::name", "attribute::x"), {"id", "owner/@u", "owner/mail", "new"}),
        (
            ("owner/mail/../name", "/r/i/id", "../@t"),
            {"@x", "id", "owner/@u", "owner/mail/@v", "owner/mail/at", "new"},
        ),
        ((".//id",), set()),
        (("*",), set()),
        ((".",), {"@x"}),
        (("owner/self::owner/name", "id", "(id)"), {"@x", "owner/@u", "owner/mail", "new"}),
    ],
)
def test_what_expressions_ask_for(fields: tuple[str, ...], paths: set[str]) -> None:
    mapped = Mapping("/r/i", tuple(Field(path, path) for path in ("nothing", *fields)), (), {})
    assert counts(PAGE.format(TICKET).encode(), mapped) == dict.fromkeys(paths, 1)


def test_what_pairs_and_nested_records_ask_for() -> None:
    mapped = Mapping(
        "/r/i",
        (Field("e", "e", "pairs", key="key", value="value/@v"),),
        (Nested("a", "list/a", (Field("b", "b"),), (Nested("c", "c", (Field("text", "."),)),)),),
        {},
    )
    page = (
        "<i><e t='1'><key/><value w='2'/></e><list><a><b><x/></b><c o='3'><y/></c><d/></a></list></i>"
        "<i><list n='1'><a/><f/></list></i>"
    )
    assert counts(PAGE.format(page).encode(), mapped) == dict.fromkeys(
        ["e/@t", "e/value/@w", "list/a/c/@o", "list/a/d", "list/@n", "list/f"], 1
    )


def test_a_name_is_shown_as_an_expression_would_have_it() -> None:
    page = '<r xmlns:p="urn:n" xmlns:q="urn:q"><i xml:lang="en" q:a="1"><p:b/><q:c/></i></r>'
    mapped = Mapping("/r/i", (Field("a", "a"),), (), {"n": "urn:n"})
    assert set(counts(page.encode(), mapped)) == {"@xml:lang", "@{urn:q}a", "n:b", "{urn:q}c"}
    local = Mapping("/r/i", (Field("b", "b"), Field("a", "@a")), (), {}, local_names=True)
    assert set(counts(page.encode(), local)) == {"@lang", "c"}


def test_records_are_counted_and_not_elements() -> None:
    mapped = Mapping("/r/i", (Field("id", "id"),), (), {})
    page = PAGE.format("<i><new/><new/></i>" * 3 + "<i><id/></i>")
    assert counts(page.encode(), mapped) == {"new": 3}


def test_looked_at_are_the_first_records_of_a_page_and_some_of_each_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 3000)
    page = PAGE.format("".join(f"<i><id>{n}</id><new/></i>" for n in range(1, 251))).encode()
    mapped = Mapping("/r/i", (Field("id", "id"),), (), {})
    assert sizes(page, mapped) == [244, 6]
    assert counts(page, mapped) == {"new": 10 + 2 + 1}
    assert counts(page, Mapping("/r/i", (Field("id", "id"),), (), {}, looks_at_all=True)) == {"new": 250}


@given(count=st.integers(0, 450), begins=st.booleans(), looks_at_all=st.booleans())
def test_which_records_those_are_is_told_one_by_one_or_at_once(
    count: int, begins: bool, looks_at_all: bool
) -> None:
    mapped = Mapping("/r/i", (Field("id", "id"),), (), {}, looks_at_all=looks_at_all)
    seeing = unmapped.Unmapped(mapped)
    one_by_one = [row for row in range(count) if seeing.looks_at(row, begins)]
    assert sorted(seeing.looked_at(count, begins)) == one_by_one


PATHS = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(1, 9), max_size=6)


@given(portions=st.lists(PATHS, max_size=5), order=st.randoms())
def test_of_too_many_paths_the_first_ones_are_counted_in_full(
    portions: list[dict[str, int]], order: Any
) -> None:
    whole = Counter[str]()
    for portion in portions:
        whole.update(portion)
    order.shuffle(portions)
    total: dict[str, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unmapped, "MOST_NAMES", 4)
        for portion in portions:
            total = added(total, added({}, portion))
    assert total == {path: whole[path] for path in sorted(whole)[:4]}


@pytest.mark.parametrize(
    ("record", "paths"),
    [
        ("<i x='1'><t>a</t></i>", {"@x"}),
        ("<i><t>a</t><t w='1'>b</t></i>", {"t/@w"}),
        ("<i><t w='1'>a</t><t>b</t></i>", {"t/@w"}),
        ("<i><t/><new n='1'><t/></new><new/></i>", {"new"}),
        ("<i><l><a v='1'>1</a><a w='2'>2</a></l></i>", {"l/a/@w"}),
        ("<i><e><k>1</k><v>2</v></e><e o='1'><k>3</k><p/></e></i>", {"e/@o", "e/p"}),
        ("<i><s>a<u/></s></i>", set()),
        (
            "<i><m><n><o>1</o></n><n q='1'><p/></n></m><m r='2'><n><o>2</o><o s='3'/></n></m></i>",
            {"m/n/@q", "m/n/p", "m/@r", "m/n/o/@s"},
        ),
        ("<i><c/><c><d q='1'><z/></d><d><y/></d></c></i>", {"c/d/@q", "c/d/z", "c/d/y"}),
    ],
)
def test_by_shape_they_are_found_where_they_stand(record: str, paths: set[str]) -> None:
    fields = (Field("t", "t"), Field("l", "l/a", "many"), Field("e", "e", "pairs", key="k", value="v"))
    nested = Nested("c", "c", (), (Nested("d", "d", (Field("x", "@x"),)),))
    mapped = Mapping(
        "/r/i",
        (*fields, Field("v", "l/a/@v", "many"), Field("s", "s"), Field("o", "m/n/o", "many")),
        (nested,),
        {},
    )
    page = PAGE.format(record * 40).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "PIECE_BYTES", 400)
        patch.setattr(unmapped, "ONE_IN", 1)
        fits = counted(patch)
        assert counts(page, mapped) == dict.fromkeys(paths, 40)
        assert any(fits) == ("<s>" not in record), "a text with markup in it is for the parser"


def test_what_is_known_of_the_records_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they hold an element of their parent's name, whose end tag is not the parent's."""
    monkeypatch.setattr(cutter, "PIECE_BYTES", 3000)
    mapped = Mapping("/r/list/i", (Field("id", "id"),), (), {})

    def page(inside: str, late: int) -> bytes:
        records = (f"<i><id>{n}</id>{inside}{'<late/>' if n >= late else ''}</i>" for n in range(2000))
        return f"<r><list>{''.join(records)}</list></r>".encode()

    warm = PieceReader(mapped)
    counts(page("", late=2000), mapped, warm)
    later = page("<list>x</list>", late=777)
    assert counts(later, mapped, warm) == counts(later, mapped)


def test_a_long_path_is_cut() -> None:
    mapped = Mapping("/r/i", (Field("id", "id"),), (), {})
    (path,) = counts(PAGE.format(f"<i><{'x' * 999}/></i>").encode(), mapped)
    assert path == "x" * 200


def test_what_is_asked_for_knows_what_it_is_in() -> None:
    record = declared(Mapping("/r/i", (Field("a", "a/b"),), (), {}))
    assert isinstance(record, Declared)
    below = record.children["a"].children["b"]
    assert below.parent is record.children["a"]
    assert below.is_whole
    assert not record.children["a"].is_whole
