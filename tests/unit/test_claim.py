"""The claim of a source: who has it, who may take it over, and what the one before left undone."""

import threading
from collections.abc import Callable
from typing import Any

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from xmlift.clients.executions import execution_status
from xmlift.errors import LandingError, PlanError
from xmlift.landing import claim
from xmlift.landing.claim import MOST_UNFINISHED, Claim
from xmlift.landing.zone import Zone

KEY = "runs/ewm/running.json"
ARN = "arn:aws:states:us-east-1:123456789012:execution:pipeline:{}"


def arn(run: str) -> str:
    return ARN.format(run)


def all_open(runs: list[str]) -> list[str]:
    return runs


def take(
    zone: Zone,
    run: str,
    status: str | None = "FAILED",
    still_open: Callable[[list[str]], list[str]] = all_open,
) -> list[str]:
    """Claim the source for a run, whatever other execution there is being in this status."""
    mine = Claim(run=run, execution=arn(run))
    return claim.take(zone, "ewm", mine, lambda _: status, still_open)


def standing(zone: Zone) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(zone.get(KEY))
    return found


def test_who_comes_first_has_it(zone: Zone) -> None:
    assert take(zone, "run-1") == []
    assert standing(zone) == {
        "run": "run-1",
        "execution": arn("run-1"),
        "unfinished": [],
        "after_failure": False,
    }


def test_a_running_execution_keeps_it(zone: Zone) -> None:
    take(zone, "run-1")
    with pytest.raises(PlanError) as refused:
        take(zone, "run-2", "RUNNING")
    assert str(refused.value) == (
        f"ewm: the execution {arn('run-1')} reads this source already: wait until it has ended, or stop it; with "
        '"concurrent": true in the input a run goes ahead beside it'
    )
    assert standing(zone)["run"] == "run-1"


def test_one_that_has_it_goes_on_whatever_is_said_of_it(zone: Zone) -> None:
    take(zone, "run-1")
    take(zone, "run-2", "FAILED")
    before = zone.find_version(KEY)
    assert take(zone, "run-2", "RUNNING") == ["run-1"], "a call that is repeated learns the same"
    assert zone.find_version(KEY) == before


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_run_that_did_not_succeed_is_left_to_the_next(zone: Zone, status: str | None) -> None:
    take(zone, "run-1")
    assert take(zone, "run-2", status) == ["run-1"]
    assert standing(zone) == {
        "run": "run-2",
        "execution": arn("run-2"),
        "unfinished": ["run-1"],
        "after_failure": True,
    }


def began(minutes: int) -> str:
    return f"20260101T00{minutes:02}00000000Z-at-{minutes}"


def test_an_execution_that_is_not_known_yet_runs(zone: Zone) -> None:
    """DescribeExecution answers for a new one only after a while."""
    take(zone, began(0))
    with pytest.raises(PlanError, match=f"{arn(began(0))} reads this source already"):
        take(zone, began(4), None)
    assert standing(zone)["run"] == began(0)
    assert take(zone, began(5), None) == [began(0)]


def test_an_execution_that_is_known_to_have_ended_is_believed_at_once(zone: Zone) -> None:
    take(zone, began(0))
    assert take(zone, began(1), "FAILED") == [began(0)]


def test_a_run_that_succeeded_leaves_nothing(zone: Zone) -> None:
    take(zone, "run-1")
    assert take(zone, "run-2", "SUCCEEDED") == []


def test_what_was_left_undone_is_handed_on_until_it_is_done(zone: Zone) -> None:
    take(zone, "run-1")
    take(zone, "run-2", "FAILED")
    assert take(zone, "run-3", "SUCCEEDED") == ["run-1"], "another run's success loads nothing of it"
    assert take(zone, "run-4", "FAILED", lambda runs: [run for run in runs if run == "run-3"]) == ["run-3"]


def test_the_newest_are_kept(zone: Zone) -> None:
    for number in range(MOST_UNFINISHED + 5):
        left = take(zone, f"run-{number:02d}")
    assert left == [f"run-{number:02d}" for number in range(4, MOST_UNFINISHED + 4)]


def test_those_that_left_nothing_take_no_place_from_those_that_did(zone: Zone) -> None:
    take(zone, "run-00")
    for number in range(1, MOST_UNFINISHED + 1):
        take(zone, f"run-{number:02d}")
    done = "run-05"
    left = take(zone, "run-99", "FAILED", lambda runs: [run for run in runs if run != done])
    kept = [f"run-{number:02d}" for number in range(MOST_UNFINISHED + 1) if f"run-{number:02d}" != done]
    assert left == kept
    assert standing(zone)["unfinished"] == kept


def test_a_later_round_learns_the_same_as_long_as_it_has_the_claim(zone: Zone) -> None:
    assert claim.unfinished_of(zone, "ewm", "run-1") == []
    take(zone, "run-1")
    take(zone, "run-2")
    assert claim.unfinished_of(zone, "ewm", "run-2") == ["run-1"]
    assert claim.unfinished_of(zone, "ewm", "run-3") == []


def test_it_is_asked_of_the_execution_that_the_claim_names(zone: Zone) -> None:
    take(zone, "run-1")
    asked: list[str] = []

    def status(execution: str) -> str:
        asked.append(execution)
        return "SUCCEEDED"

    claim.take(zone, "ewm", Claim(run="run-2", execution=arn("run-2")), status, all_open)
    assert asked == [arn("run-1")]


def test_of_two_at_the_same_moment_one_has_it(zone: Zone) -> None:
    take(zone, "run-0")
    both_look = threading.Barrier(2)
    ended = {arn("run-0")}
    outcomes: dict[str, Any] = {}

    def status(execution: str) -> str:
        if execution not in ended:
            return "RUNNING"
        both_look.wait(10)  # neither writes before the other has read
        return "FAILED"

    def start(run: str) -> None:
        mine = Claim(run=run, execution=arn(run))
        try:
            outcomes[run] = claim.take(zone, "ewm", mine, status, all_open)
        except PlanError as error:
            outcomes[run] = error

    threads = [threading.Thread(target=start, args=(run,)) for run in ("run-1", "run-2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winner = standing(zone)["run"]
    loser = {"run-1": "run-2", "run-2": "run-1"}[winner]
    assert outcomes[winner] == ["run-0"]
    assert isinstance(outcomes[loser], PlanError)


class Network:
    """An S3 client whose PUTs fare as the test says."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.fates: list[str] = []
        self.before_put: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **request: Any) -> Any:
        fate = self.fates.pop(0) if self.fates else "answered"
        self.before_put()
        if fate == "conflict":
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject")
        answer = self._s3.put_object(**request)
        if fate == "lost":
            raise ConnectionClosedError(endpoint_url="https://s3")
        return answer


@pytest.fixture
def network(s3: Any) -> Network:
    return Network(s3)


@pytest.fixture
def far_zone(network: Network) -> Zone:
    return Zone(network, "landing", sleep=lambda _: None)


@pytest.mark.parametrize("fate", ["lost", "conflict"])
@pytest.mark.parametrize("taken", [False, True])
def test_an_answer_that_got_lost_is_found_by_looking(
    network: Network, far_zone: Zone, fate: str, taken: bool
) -> None:
    if taken:
        take(far_zone, "run-1")
    network.fates = [fate]
    assert take(far_zone, "run-2") == (["run-1"] if taken else [])
    assert standing(far_zone)["run"] == "run-2"


def test_a_claim_that_is_taken_again_and_again_is_given_up(network: Network, far_zone: Zone, s3: Any) -> None:
    take(far_zone, "run-1")
    others = iter(range(100))

    def somebody_is_faster() -> None:
        other = Claim(run=f"run-{next(others)}", execution="arn")
        s3.put_object(Bucket="landing", Key=KEY, Body=msgspec.json.encode(other))

    network.before_put = somebody_is_faster
    with pytest.raises(LandingError, match="take the claim at the same time"):
        take(far_zone, "run-me")


def test_a_claim_that_vanishes_meanwhile_is_written_anew(network: Network, far_zone: Zone, s3: Any) -> None:
    take(far_zone, "run-1")
    gone: list[bool] = []

    def somebody_deletes_it() -> None:
        if not gone:
            gone.append(True)
            s3.delete_object(Bucket="landing", Key=KEY)

    network.before_put = somebody_deletes_it
    assert take(far_zone, "run-2") == []
    assert standing(far_zone)["run"] == "run-2"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"run": 1, "execution": "a"}'])
def test_what_is_no_claim_is_named(zone: Zone, body: bytes) -> None:
    zone.put(KEY, body)
    with pytest.raises(LandingError, match=r"runs/ewm/running.json: not a claim .*: delete the object"):
        take(zone, "run-1")


# What Step Functions is asked.


@pytest.fixture
def step_functions(s3: Any, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return aws.client("stepfunctions")


def test_an_executions_status(step_functions: Any) -> None:
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    role = "arn:aws:iam::123456789012:role/pipeline"
    machine = step_functions.create_state_machine(name="pipeline", definition=definition, roleArn=role)
    started = step_functions.start_execution(stateMachineArn=machine["stateMachineArn"], name="run-1")
    status = execution_status()
    assert status(started["executionArn"]) == "RUNNING"
    step_functions.stop_execution(executionArn=started["executionArn"])
    assert status(started["executionArn"]) == "ABORTED"


def test_an_execution_that_nobody_knows_any_more(step_functions: Any) -> None:
    assert execution_status()(arn("long-ago")) is None


def test_a_question_that_is_refused_is_told(step_functions: Any) -> None:
    with pytest.raises(PlanError, match=r"whether the execution no-arn still runs.*\"concurrent\": true"):
        execution_status()("no-arn")
