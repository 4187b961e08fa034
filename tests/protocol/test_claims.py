"""P5: of two executions that claim a source at the same moment one has it, and the other is refused."""

import pytest

from xmlift.errors import PlanError
from xmlift.landing.claim import Claim, take
from xmlift.landing.zone import Zone


def claim_of(name: str) -> Claim:
    return Claim(run=f"20260101T000000000000Z-{name}", execution=f"arn:{name}")


def test_who_asked_first_and_writes_last_is_refused(zone: Zone) -> None:
    """Between the question for the old claim and the answer to it another execution takes the source."""
    asked: list[str] = []

    def status_of(execution: str) -> str:
        asked.append(execution)
        if len(asked) == 1:
            assert take(zone, "s", claim_of("faster"), lambda _: "FAILED", list) == [claim_of("old").run]
        return "RUNNING" if execution == "arn:faster" else "FAILED"

    assert take(zone, "s", claim_of("old"), lambda _: None, list) == []
    with pytest.raises(PlanError, match="arn:faster reads this source already"):
        take(zone, "s", claim_of("slower"), status_of, list)
    assert asked == ["arn:old", "arn:faster"]


def test_who_finds_nothing_and_writes_last_is_refused(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where there was no claim yet."""
    put_once = Zone.put_once

    def too_late(self: Zone, key: str, body: bytes) -> bytes:
        monkeypatch.undo()
        take(zone, "s", claim_of("faster"), lambda _: None, list)
        return put_once(self, key, body)

    monkeypatch.setattr(Zone, "put_once", too_late)
    with pytest.raises(PlanError, match="arn:faster reads this source already"):
        take(zone, "s", claim_of("slower"), lambda _: "RUNNING", list)
