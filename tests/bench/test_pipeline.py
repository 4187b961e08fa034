"""The pipeline's endpoint, what it serves, and what is made of the numbers. No speed is tested here."""

import ast
import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from lxml import etree

from xmlift.catalogue import load_source

from . import pipeline, pipeline_cloud, pipeline_pages
from .cost_model import Model, Usage
from .pipeline import Measured, Scripted
from .pipeline_calls import Invocation, inner_states, is_part_of_run
from .pipeline_cloud import Timed
from .pipeline_overlap import Overlap
from .pipeline_pages import Shape

SHAPE = Shape(windows=2, pages=2, records=5)


def read_window(base_url: str, begins: str, ends: str) -> list[str]:
    """The ids of all records of a window, page by page."""
    url: str | None = f"{base_url}{pipeline_pages.PATH}?from={begins}&to={ends}"
    ids: list[str] = []
    while url:
        answer = requests.get(url, timeout=10)
        answer.raise_for_status()
        page = etree.fromstring(answer.content)
        ids += [str(found) for found in page.xpath("/workitem/workItem/id/text()")]
        url = urljoin(url, page.get("href")) if page.get("rel") == "next" else None
    return ids


def test_a_window_is_what_its_pages_hold_and_each_record_is_in_one_window(tmp_path: Path) -> None:
    pages = pipeline_pages.write_pages(tmp_path, SHAPE)
    with pipeline_cloud.endpoint(pages, milliseconds=0) as url:
        first = read_window(url, "2025-12-31T23:59:59.999%2B0000", "2026-01-02T00:00:00.000%2B0000")
        second = read_window(url, "2026-01-01T23:59:59.999%2B0000", "2026-01-03T00:00:00.000%2B0000")
        answered = requests.get(f"{url}/answered", timeout=10).json()
    assert first == [str(100_000 + number) for number in range(10)]
    assert second == [str(100_010 + number) for number in range(10)]
    assert answered == {"pages": 4}


def test_what_is_modified_lies_within_the_window(tmp_path: Path) -> None:
    pages = pipeline_pages.write_pages(tmp_path, SHAPE)
    for window, day in ((0, "2026-01-01T"), (1, "2026-01-02T")):
        for page in range(SHAPE.pages):
            root = etree.parse(pipeline_pages.page_file(pages, window, page)).getroot()
            told = [str(text) for text in root.xpath("workItem/modified/text()")]
            assert len(told) == SHAPE.records
            assert all(text.startswith(day) and text.endswith("+0000") for text in told)


def test_pages_are_made_once_and_are_the_same_each_time(tmp_path: Path) -> None:
    one = pipeline_pages.write_pages(tmp_path / "one", SHAPE)
    marked = pipeline_pages.page_file(one, 0, 0)
    two = pipeline_pages.write_pages(tmp_path / "two", SHAPE)
    assert marked.read_bytes() == pipeline_pages.page_file(two, 0, 0).read_bytes()
    marked.write_text("as it was")
    assert pipeline_pages.write_pages(tmp_path / "one", SHAPE) == one
    assert marked.read_text() == "as it was"


def test_the_catalogue_has_the_columns_of_the_sequential_script() -> None:
    text = pipeline_cloud.CATALOGUE.read_text().replace("$name", "bench")
    columns = load_source(text.encode(), "pipeline.yaml").streams["work_items"].columns
    # Its environment is another one: it cannot be imported here.
    lines = ast.parse(pipeline.SCRIPT.read_text()).body
    (script,) = [ast.literal_eval(line.value) for line in lines if ast.unparse(line).startswith("COLUMNS = ")]
    assert {name: column.path for name, column in columns.items()} == {
        name: place.replace(" ", "/") for name, (place, _) in script.items()
    }
    assert len(columns) == 26


def called(agent: str, name: str, key: str = "") -> dict[str, Any]:
    resources = [{"ResourceName": "bucket"}, {"ResourceName": key}] if key else []
    return {
        "EventName": name,
        "Resources": resources,
        "CloudTrailEvent": json.dumps({"userAgent": agent}),
    }


@pytest.mark.parametrize(
    ("agent", "name", "key", "counts"),
    [
        ("Boto3/1 exec-env/AWS_Lambda_python3.13", "PutObject", "landing/a/commit.json", True),
        ("Boto3/1", "GetObject", "landing/a/b.csv.gz", True),
        ("Boto3/1", "GetObject", "load/a.manifest", True),
        ("Boto3/1", "GetObject", "runs/a/report.json", False),
        ("Boto3/1", "ListObjects", "", False),
    ],
)
def test_calls_of_functions_and_of_copy_belong_to_the_run(
    agent: str, name: str, key: str, counts: bool
) -> None:
    assert is_part_of_run(called(agent, name, key)) is counts


def test_states_inside_the_maps_are_counted_from_the_calls() -> None:
    steps = ["plan", "extract", "extract", "extract", "load", "report"]
    # One of two windows needed two calls: 2 × 3 + 2 for the windows, 2 + 1 for the stream.
    assert inner_states([Invocation(step, 1, 512) for step in steps], windows=2) == 11


@pytest.mark.parametrize(
    ("overlap", "least", "reached"),
    [
        (Overlap(windows=1, wall=1.0, cpu=0.3, pages=10), 0.5, 0.5),
        (Overlap(windows=1, wall=1.0, cpu=0.8, pages=10), 0.8, 0.8),
        (Overlap(windows=4, wall=1.25, cpu=2.0, pages=10), 1.0, 0.8),
        (Overlap(windows=2, wall=0.5, cpu=0.4, pages=10), 0.5, 1.0),
    ],
)
def test_the_least_time_is_waiting_or_work_whichever_is_more(
    overlap: Overlap, least: float, reached: float
) -> None:
    assert (overlap.least, overlap.reached) == pytest.approx((least, reached))


def test_the_section_claims_what_was_measured() -> None:
    timed = Timed(6.0, {"Plan": 0.2, "Extract": 4.0, "Load": 1.5, "Report": 0.2}, 9)
    parts = {"fetch": 20.0, "parse": 97.0, "type": 1.0, "copy": 2.0}
    used = Usage(1, 1, 1, 1, 1, 1)
    measured = Measured(
        shape=pipeline.SHAPE,
        ours=[timed, timed._replace(seconds=5.0), timed],
        whole=Scripted(200, 120.0, 100.0, parts),
        parts=[Scripted(10, 6.0, 5.0, parts)],
        model=Model(used, used),
        overlaps=[Overlap(windows, 1.0, 1.6, 10) for windows in (1, 2, 4, 8)],
    )
    section = pipeline.section(measured)
    faster, overlap = section.claims
    assert (faster.measured, faster.holds) == (20.0, True)
    assert (overlap.measured, overlap.holds) == (0.8, True)
    assert section.tables[0].rows == [
        ["xmlift", "6.0", "33.3", "1.0"],
        ["sequential script", "120.0", "1.7", "20.0"],
        ["the same, from 10 pages", "120.0", "1.7", "20.0"],
    ]
    assert section.plots[0].series == {"cores busy": [(1, 1.6), (2, 1.6), (4, 1.6), (8, 1.6)]}
