"""Each permission is needed: a slice. `make permissions` takes all of them away, one by one."""

import pytest
from tests.permissions.scenarios import a_file_is_dropped, a_run_without_a_plan_is_reported
from tests.permissions.stage import Stage
from tests.permissions.trial import Baseline, tried

from local.cloud import Cloud
from local.deployment import Deployment

TAKEN = (
    ("report", "ReadCatalogueRunsAndWindows", "catalogue/*"),
    ("pipeline", "CallTheSteps", "-load:live"),
    ("extract", "UseTheKey", "kms:Decrypt"),
)


@pytest.fixture(scope="module")
def baseline(cloud: Cloud, deployed: Deployment) -> Baseline:
    """Two quick scenarios with every permission; that none of them was refused anything is part of it."""
    scenarios = {"reported": a_run_without_a_plan_is_reported, "dropped": a_file_is_dropped}
    return Baseline(Stage(cloud, deployed), scenarios)


@pytest.mark.parametrize(("step", "statement", "without"), TAKEN)
def test_a_permission_that_is_taken_away_is_missed(
    baseline: Baseline, step: str, statement: str, without: str
) -> None:
    (mutant,) = (
        each
        for each in baseline.mutants
        if (each.step, each.sid) == (step, statement) and each.without.endswith(without)
    )
    verdict = tried(baseline, mutant, unenforced=[])
    assert (verdict.outcome, bool(verdict.lost)) == ("noticed", True), verdict
