"""A short slice of the campaign on a cloud of its own; and what a warehouse broken on purpose is found to be."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from tests.faults import pipeline as pipelines
from tests.faults.__main__ import ITEMS
from tests.faults.campaign import Campaign
from tests.faults.kinds import KINDS
from tests.faults.pipeline import Pipeline
from tests.faults.watcher import Watcher

from local import cloud as clouds
from local import control
from local.deployment import PACKAGES
from local.environment import scrub

pytestmark = pytest.mark.cloud

SEED = 7
# One of each way to go wrong; `make faults` has all kinds.
SLICE = (
    *("load-commit-in-flight", "extract-after-commit", "time-out-extract", "s3-lost-answer-once"),
    *("db-cut-after-commit", "token-expired", "twin-load", "login-page"),
)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    scrub(os.environ)
    assert (PACKAGES / "manifest.json").exists(), "the functions are not packaged: make package"
    folder = tmp_path_factory.mktemp("faults")
    try:
        yield pipelines.set_up(folder, ITEMS)
    finally:
        clouds.stop(folder)


@pytest.fixture(scope="module")
def campaign(pipeline: Pipeline) -> Campaign:
    campaign = Campaign(pipeline, SEED)
    campaign.first_load()
    return campaign


@pytest.mark.parametrize("kind", SLICE)
def test_nothing_is_lost_or_double(kind: str, campaign: Campaign) -> None:
    """The run is healed by itself or by the next one; then all tables are what the endpoint holds."""
    (outcome,) = campaign.run([1 + SLICE.index(kind)], [kind])
    assert not outcome.problems


def test_every_kind_of_the_slice_exists() -> None:
    assert set(SLICE) <= set(KINDS)


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        pytest.param("DELETE FROM faults.items WHERE id = {id}", "lost", id="a row is lost"),
        pytest.param("DELETE FROM faults.items__comments", "lost", id="children are lost"),
        pytest.param(
            "INSERT INTO faults.items SELECT * FROM faults.items WHERE id = {id}",
            "duplicated",
            id="double",
        ),
        pytest.param(
            "UPDATE faults.items SET state = 'Gone' WHERE id = {id}", "altered", id="a value is altered"
        ),
        pytest.param(
            "UPDATE faults.board SET state = 'Gone' WHERE id = {id}", "altered", id="a value of a set"
        ),
        pytest.param("UPDATE faults.owners SET valid_to = NULL", "altered", id="a history has a hole"),
        pytest.param("UPDATE faults.items SET _row = 99 WHERE id = {id}", "lineage", id="a row is another's"),
        pytest.param(
            "UPDATE faults.arrivals SET _part = '0-1' WHERE id = {id}",
            "lineage",
            id="no such part",
        ),
        pytest.param(
            "UPDATE xmlift.ledger SET tables = '{{}}' WHERE source = 'faults' AND stream = 'arrivals'",
            "ledger",
            id="the ledger counts other rows",
        ),
        pytest.param("{advance}", "watermark", id="the watermark is ahead"),
        pytest.param(
            "UPDATE xmlift.coverage SET covered_to = covered_to + INTERVAL '1 second' "
            "WHERE source = 'faults' AND covered_from < covered_to",
            "watermark",
            id="more is kept as settled than is",
        ),
    ],
)
def test_damage_is_found(damage: str, where: str, pipeline: Pipeline, campaign: Campaign) -> None:
    """Done in a transaction that is rolled back after the look at it."""
    ahead = (
        "UPDATE xmlift.ledger SET window_end = window_end + INTERVAL '1 day', as_of = as_of + INTERVAL '1 day' "
        "WHERE source = 'faults' AND stream = 'items'"
    )
    comparison = campaign.comparison
    comparison.at_rest()
    if where == "watermark":
        control.advance(pipeline.cloud, change=3, create=0)
    with closing(pipeline.connect()) as connection:
        connection.autocommit = False
        with connection.cursor() as cursor:
            cursor.execute("SELECT MIN(id) FROM faults.items WHERE NOT archived")
            ((identifier,),) = cursor.fetchall()
            cursor.execute(damage.format(id=identifier, advance=ahead))
            found = comparison.of(cursor)
        connection.rollback()
    assert getattr(found, where), str(found)


def test_the_watching_session_sees_what_is_wrong_for_a_moment(
    pipeline: Pipeline, campaign: Campaign, await_true: Callable[[Callable[[], bool]], None]
) -> None:
    with (
        Watcher(pipeline) as watcher,
        closing(pipeline.connect()) as connection,
        connection.cursor() as cursor,
    ):
        await_true(lambda: watcher.looks > 0)
        watcher.seen()
        cursor.execute("CREATE TABLE faults.kept AS SELECT * FROM faults.arrivals")
        cursor.execute("DELETE FROM faults.arrivals")
        looks = watcher.looks
        await_true(lambda: watcher.looks > looks + 1)
        cursor.execute("INSERT INTO faults.arrivals SELECT * FROM faults.kept")
        cursor.execute("DROP TABLE faults.kept")
    seen = watcher.seen()
    assert seen.ledger
    assert seen.watermark
