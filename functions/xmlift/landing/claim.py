"""The claim: one execution reads a source at a time, and the next one learns what was left undone (P5).

Nothing releases a claim. It names its execution, and whether that has ended is what Step Functions knows.
"""

from collections.abc import Callable
from datetime import timedelta

import msgspec
from msgspec import Struct

from xmlift.errors import LandingError, PlanError
from xmlift.landing import names
from xmlift.landing.zone import Zone

MOST_UNFINISHED = 20
"""How many runs that did not succeed are carried along; the windows of older ones were read again long since."""

UNKNOWN_FOR = timedelta(minutes=5)
"""How long an execution that has begun may be unknown: DescribeExecution is eventually consistent."""

_RUNNING, _SUCCEEDED = "RUNNING", "SUCCEEDED"
_ATTEMPTS = 5

StatusOf = Callable[[str], str | None]
"""An execution's status by its ARN, None where Step Functions knows it no longer."""


class Claim(Struct, frozen=True, kw_only=True):
    """Who reads the source: a run, its execution's ARN, and the runs before it that left something undone.

    `after_failure`: the one just before it did not succeed.
    """

    run: str
    execution: str
    unfinished: list[str] = []
    after_failure: bool = False


def take(
    zone: Zone,
    source: str,
    mine: Claim,
    status_of: StatusOf,
    still_open: Callable[[list[str]], list[str]],
) -> list[str]:
    """Claim the source for a run, and answer the runs that left something undone, oldest first.

    `still_open` says which of them still have something to load. Raises PlanError while another execution runs,
    LandingError for what is no claim.
    """
    key = names.claim(source)
    for _ in range(_ATTEMPTS):
        standing = zone.find_version(key)
        if standing is None:
            zone.put_once(key, msgspec.json.encode(mine))  # who came first is seen by looking again
            continue
        claim = _decoded(standing.body, key)
        if claim.run == mine.run:
            return claim.unfinished
        # Those that left nothing take no place from those that did.
        status = status_of(claim.execution)
        if status is None and _has_just_begun(claim.run, mine.run):
            status = _RUNNING
        unfinished = still_open(_left_by(claim, status, source))[-MOST_UNFINISHED:]
        taken = Claim(
            run=mine.run,
            execution=mine.execution,
            unfinished=unfinished,
            after_failure=status != _SUCCEEDED,
        )
        zone.replace(key, msgspec.json.encode(taken), standing.etag)
    raise LandingError(f"{key}: others take the claim at the same time, again and again: start the run again")


def claim_of(zone: Zone, source: str, run: str) -> Claim | None:
    """The claim that `take` made for the run; None once another has it, or without one."""
    body = zone.find(names.claim(source))
    claim = None if body is None else _decoded(body, names.claim(source))
    return claim if claim and claim.run == run else None


def unfinished_of(zone: Zone, source: str, run: str) -> list[str]:
    """What `take` answered the run, in its later rounds; nothing once another has the claim, or without one."""
    claim = claim_of(zone, source, run)
    return claim.unfinished if claim else []


def _has_just_begun(run: str, mine: str) -> bool:
    """Whether a run began so shortly before ours that Step Functions may not know of its execution yet."""
    return names.run_started(mine) - names.run_started(run) < UNKNOWN_FOR


def _left_by(claim: Claim, status: str | None, source: str) -> list[str]:
    """The runs that did not succeed, once the claim's own has ended."""
    if status == _RUNNING:
        raise PlanError(
            f"{source}: the execution {claim.execution} reads this source already: wait until it has ended, or "
            'stop it; with "concurrent": true in the input a run goes ahead beside it'
        )
    ended = [] if status == _SUCCEEDED else [claim.run]
    return sorted({*claim.unfinished, *ended})


def _decoded(body: bytes, key: str) -> Claim:
    try:
        return msgspec.json.decode(body, type=Claim)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise LandingError(
            f"{key}: not a claim ({error}): delete the object once no execution of the source runs"
        ) from error
