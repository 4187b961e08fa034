"""Failed runs in words: what is wrong first, then where, and what to do about it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

# A problem begins with its window: `ewm.work_items window FROM_TO of run RUN: page 3, URL: reason. Remedy`.
_OF_WINDOW = re.compile(
    r"(?P<stream>[a-z0-9_]+\.[a-z0-9_]+)(?P<partition> partition .+?)? window (?P<window>\S+) of run "
    r"(?P<run>[^\s:]+): (?:page (?P<page>\d+), )?(?:(?P<url>https?://.+?): )?(?P<told>.*)",
    re.DOTALL,
)
# The Map's own word that one of its items failed, which its window tells better.
_MAP = "States.ExceedToleratedFailureThreshold"


class Failure(NamedTuple):
    """One thing that went wrong: a line that says what, and lines that say where and what to do."""

    reason: str
    details: tuple[str, ...] = ()


def failures(report: dict[str, Any]) -> list[Failure]:
    """All that went wrong in a run; what several windows have in common is told once."""
    problems: list[str] = report.get("problems") or [report["message"].removeprefix(f"{report['source']}: ")]
    matches = [match for problem in problems if (match := _OF_WINDOW.fullmatch(problem))]
    others = [
        problem
        for problem in problems
        if not _OF_WINDOW.fullmatch(problem) and not (matches and problem.startswith(_MAP))
    ]
    groups: dict[tuple[str, str], list[re.Match[str]]] = {}
    for match in matches:
        # Windows that fail alike differ in counts and times.
        groups.setdefault((match["stream"], re.sub(r"\d+", "#", match["told"])), []).append(match)
    return [
        *(_of_windows(group) for group in groups.values()),
        *(Failure(f"{report['source']}: {problem}") for problem in others),
    ]


def _of_windows(windows: list[re.Match[str]]) -> Failure:
    first = windows[0]
    reason, _, remedy = first["told"].partition(". ")
    more = f" (and {len(windows) - 1} more windows)" if len(windows) > 1 else ""
    return Failure(f"{first['stream']}: {reason}", tuple(_details(first, remedy, more)))


def _details(first: re.Match[str], remedy: str, more: str) -> Iterator[str]:
    if remedy:
        yield remedy
    if first["url"]:
        yield (f"page {first['page']}, " if first["page"] else "") + first["url"]
    yield f"window {first['window']}{first['partition'] or ''}, run {first['run']}{more}"
