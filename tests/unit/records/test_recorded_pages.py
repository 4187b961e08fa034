"""Answers that real servers gave: read by the shipped catalogue as a plain reading reads them."""

import os
from pathlib import Path

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import RecordError
from xmlift.records import Mapping, cutter, stream
from xmlift.rooms import record_mapping

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
