"""What the options of replay change in an execution's input."""

from typing import Any

import pytest

from commands.replay import asked
from operate.errors import OperatorError


def given(**options: Any) -> dict[str, Any]:
    return asked(
        options.pop("streams", []),
        **{"concurrent": False, "from_raw": False, "start": None, "end": None} | options,
    )


def test_a_replay_loads_what_has_landed() -> None:
    assert given() == {"replay": True}
    assert given(streams=["items"], concurrent=True) == {
        "replay": True,
        "streams": ["items"],
        "concurrent": True,
    }


def test_kept_answers_may_be_those_of_a_range() -> None:
    assert given(from_raw=True) == {"from_raw": True}
    assert given(from_raw=True, start="2026-01-01", end="2026-02-01T06:00:00+02:00") == {
        "from_raw": True,
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-02-01T04:00:00+00:00",
    }


def test_a_range_of_what_has_landed_is_refused() -> None:
    with pytest.raises(OperatorError, match="--from and --to need --from-raw"):
        given(start="2026-01-01")
