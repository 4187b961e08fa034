"""Answers that real servers gave: read by the shipped catalogue as a plain reading reads them."""

import os
from pathlib import Path

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import RecordError
from xmlift.extraction.rooms import record_mapping
from xmlift.records import Field, Mapping, Nested, cutter, stream

from .pages import read, twin

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("XMLIFT_DATA") or ROOT.parent / "shared" / "data")
SOURCES = ROOT / "terraform" / "sources"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no recorded answers in {DATA}; XMLIFT_DATA names their folder"
)

PAGES = [
    ("ecb", "reference_rates", "ecb/eurofxref-hist-90d.xml"),
    ("ecb", "reference_rates", "ecb/eurofxref-daily.xml"),
    ("ewm", "work_items", "ewm_synthetic/rtc_workitem_page1.xml"),
    ("ewm", "work_items", "ewm_synthetic/rtc_workitem_page2_last.xml"),
    ("doors_next", "requirements", "ewm_synthetic/dng_resources_page1.xml"),
    ("etm", "test_cases", "ewm_synthetic/rqm_testcase_feed_page1.xml"),
    ("oslc", "defects", "ewm_synthetic/oslc2_query_page1.rdf.xml"),
    ("doors_next", "requirements", "ewm_synthetic/dng_resources_page1.xml"),
    ("etm", "test_cases", "ewm_synthetic/rqm_testcase_feed_page1.xml"),
    ("oslc", "defects", "ewm_synthetic/oslc2_query_page1.rdf.xml"),
    ("ewm_oslc", "work_items", "ewm_oslc_cm/workitems.xml"),
    ("ewm_oslc", "work_items", "ewm_oslc_cm/children.xml"),
    ("ewm_oslc", "work_items", "ewm_oslc_cm/parent.xml"),
    ("ewm_oslc", "comments", "ewm_oslc_cm/comments.xml"),
    ("ewm_oslc", "change_sets", "ewm_oslc_cm/changesets.xml"),
    ("ewm_oslc", "project_areas", "ewm_oslc_cm/projectareas.xml"),
    ("ewm_oslc", "team_areas", "ewm_oslc_cm/teamareas.xml"),
    ("ewm_oslc", "states", "ewm_oslc_cm/states.xml"),
    ("ewm_oslc", "users", "ewm_oslc_cm/members.xml"),
    ("ewm_oslc", "saved_queries", "ewm_oslc_cm/savedqueries.xml"),
]


def mapping(source: str, stream_name: str) -> Mapping:
    path = SOURCES / f"{source}.yaml"
    loaded = load_source(path.read_bytes(), path.name)
    return record_mapping(loaded, loaded.streams[stream_name])


@pytest.mark.parametrize("piece", [300, 128 * 1024])
@pytest.mark.parametrize(("source", "stream_name", "file"), PAGES)
def test_a_recorded_answer(
    source: str, stream_name: str, file: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", piece)
    monkeypatch.setattr(stream, "PIECE_BYTES", piece)
    mapped = mapping(source, stream_name)
    page = (DATA / file).read_bytes()
    expected = twin(page, mapped)
    assert expected is not None
    assert expected[0], "the recorded answer has records"
    assert read(page, mapped) == expected


CUSTOM = "collaboration/attributes/objectType/customAttribute"
ARTIFACTS = Mapping(
    "/dataSource/artifact",
    (
        Field("id", "identifier"),
        Field("title", "title"),
        Field("status", f"{CUSTOM}[@name='Status']/@value"),
        Field("names", f"{CUSTOM}/@name", "joined", "; "),
        Field("attributes", CUSTOM, "pairs", key="@name", value="@value"),
        Field("deleted", "@isDeleted"),
        Field("page", "../@href"),
    ),
    (Nested("links", "traceability/links/Link", (Field("title", "title"), Field("id", "identifier"))),),
    {},
    local_names=True,
)


def test_artifacts_by_local_names() -> None:
    page = (DATA / "ewm_synthetic/dng_resources_page1.xml").read_bytes()
    for text in (page, page.replace(b"rrm:", b"ns2:").replace(b":rrm=", b":ns2=")):
        ((*row, href),), (links,) = read(text, ARTIFACTS)
        assert row == [
            "5001",
            "Req one",
            "Implemented",
            "Status; Priority",
            '{"Status": "Implemented", "Priority": "High"}',
            "false",
        ]
        assert href.startswith("https://elm.example.com/rm/publish/resources?projectURI=_P1&modifiedSince=")
        assert links == [(0, (), 1, ["Verified By", "77"])]
        assert read(text, ARTIFACTS) == twin(text, ARTIFACTS)


def test_repeated_categories_of_a_test_case() -> None:
    page = (DATA / "ewm_synthetic/rqm_testcase_feed_page1.xml").read_bytes()
    category = "content/testcase/category"
    mapped = Mapping(
        "/feed/entry",
        (
            Field("list", f"{category}/@value", "many"),
            Field("by term", category, "pair_lists", key="@term", value="@value"),
        ),
        (),
        {},
        local_names=True,
    )
    assert read(page, mapped) == ([['["A", "B"]', '{"Affiliate": ["A", "B"]}']], [])


def test_comments_of_a_work_item() -> None:
    page = (DATA / "ewm_synthetic/rtc_workitem_page1.xml").read_bytes()
    mapped = Mapping(
        "/workitem/workItem",
        (
            Field("id", "id"),
            Field("comments", "comments", "pairs", key="creator/name", value="content"),
            Field("contents", "comments/content", "joined", " | "),
        ),
        (
            Nested(
                "comments",
                "comments",
                (Field("content", "content"),),
                (Nested("by", "creator", (Field("name", "name"),)),),
            ),
        ),
        {},
    )
    rows, (comments, creators) = read(page, mapped)
    assert rows == [["101", '{"Bo": "one", "Cy": "two"}', "one | two"], ["102", '{"Bo": "solo"}', "solo"]]
    assert comments == [(0, (), 1, ["one"]), (0, (), 2, ["two"]), (1, (), 1, ["solo"])]
    assert creators == [(0, (1,), 1, ["Bo"]), (0, (2,), 1, ["Cy"]), (1, (1,), 1, ["Bo"])]


def test_every_column_of_the_reference_rates_has_values() -> None:
    rows, _ = read((DATA / "ecb/eurofxref-hist-90d.xml").read_bytes(), mapping("ecb", "reference_rates"))
    assert len(rows) > 1000
    assert all(all(row) for row in rows)
    assert len({(row[0], row[1]) for row in rows}) == len(rows), "the key tells the rows apart"


def test_an_empty_answer_of_the_right_root_has_no_records() -> None:
    assert read((DATA / "ewm_synthetic/rtc_empty.xml").read_bytes(), mapping("ewm", "work_items")) == (
        [],
        [[]],
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [("login_page_http200.html", None), ("oslc_cm_error_in_body.xml", "it says: 500 Query _TOKEN expired.")],
)
def test_what_a_server_answers_instead_is_refused(file: str, said: str | None) -> None:
    with pytest.raises(RecordError, match=said):
        read((DATA / "ewm_synthetic" / file).read_bytes(), mapping("ewm", "work_items"))
