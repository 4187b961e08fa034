"""What an operator asks of a run, held against the rules of plan before anything is started."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from operate.deployment import Deployment
from operate.errors import OperatorError
from xmlift.errors import XmliftError
from xmlift.planning.missing import chosen_streams
from xmlift.run_input import PlanEvent, read_event

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# What plan calls by the keys of its input, an operator gives as options.
_OPTIONS = {
    "`from`": "--from",
    "`to`": "--to",
    "`reread`": "--reread",
    "`from_raw`": "--from-raw",
    "`streams`": "--stream",
}


def parse_time(text: str, option: str) -> datetime:
    """An instant as people write it: a day (its midnight in UTC), or a time with its offset.

    Raises: OperatorError that names the option and says how to write it.
    """
    try:
        time = datetime.fromisoformat(text)
        if _DAY.fullmatch(text):
            return time.replace(tzinfo=UTC)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
        why = "does not say in which time zone"
    except (ValueError, OverflowError):
        why = "is not a time"
    raise OperatorError(
        f"{option} {text!r} {why}. Write a day (2026-01-01, its midnight in UTC) or a time with its offset "
        "(2026-01-01T06:00:00Z, 2026-01-01T06:00:00+02:00)"
    )


def check(deployment: Deployment, given: Mapping[str, Any], now: datetime) -> None:
    """Refuse what plan would refuse, by its own rules, before an execution is started.

    given: the input of an execution. Raises: OperatorError with the remedy.
    """
    event = {"input": dict(given), "execution": "", "execution_arn": "", "started": now}
    try:
        asked = read_event(event, PlanEvent)
        chosen_streams(asked, deployment.catalogue(asked.source))
    except XmliftError as error:
        raise OperatorError(as_options(str(error))) from error


def as_options(words: str) -> str:
    """Plan's words, where they name keys of its input, with the options that stand for these."""
    for key, option in _OPTIONS.items():
        words = words.replace(key, option)
    return words
