"""Runs for people: a line each, or one in full."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from commands import words
from commands.display import fail, out, say
from commands.failures import failures
from commands.reports import show_reports
from commands.tables import print_table
from local.past_runs import RUNNING, PastRun

_COUNTS = ("windows", "records", "new", "changed", "rejected")
# What the report calls them. Those of older runs lack some.
_SUMS = {
    "windows": ("windows", "recovered"),
    "records": ("records",),
    "new": ("inserted",),
    "changed": ("updated",),
    "rejected": ("rejected",),
}


def show_runs(runs: Sequence[PastRun]) -> None:
    """A table, newest first, and below it in words what has not succeeded."""
    columns = ("started", "source", "took", "status", "kind", *_COUNTS, "run")
    rows = [
        [
            words.instant(run.started),
            run.source,
            words.length(took(run)) if took(run) is not None else "",
            run.status,
            kind(run.given),
            *(f"{count:,}" if count is not None else "" for count in sums(run).values()),
            run.run,
        ]
        for run in runs
    ]
    print_table(columns, rows, right=_COUNTS)
    for run in runs:
        if run.message and run.status != "SUCCEEDED":
            say(f"{words.instant(run.started)} {run.message}")


def show_run(run: PastRun, failed_windows: Sequence[dict[str, str]]) -> None:
    """All that is known about a run."""
    facts = list(_facts(run))
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        out.print(f"{name.ljust(width)}  {value}", highlight=False, markup=False)
    if run.report is not None:
        show_reports([run.report])
    elif run.message:
        fail(run.message)
    told = (run.report or {}).get("problems", ())
    # What was tried again within the run and got through is no problem of its report.
    words_left = [note.get("message", note["place"]) for note in failed_windows]
    overcome = [message for message in dict.fromkeys(words_left) if message not in told]
    if overcome and run.status == "SUCCEEDED":
        for reason, details in failures({"source": run.source, "problems": overcome}):
            say("\n    ".join([f"Overcome within the run: {reason}", *details]))
    elif overcome:
        for reason, details in failures({"source": run.source, "problems": overcome}):
            fail(reason, details)


def as_json(run: PastRun) -> dict[str, Any]:
    """A run for programs; `seconds` are those till now of one that still runs."""
    time = took(run)
    return {
        "run": run.run,
        "source": run.source,
        "status": run.status,
        "started": run.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "seconds": round(time.total_seconds(), 3) if time is not None else None,
        "kind": kind(run.given),
        "input": run.given,
        **sums(run),
        "message": run.message,
    }


def kind(given: dict[str, Any]) -> str:
    """What a run was started for, by its input; empty for the schedule's own."""
    told = [
        "backfill" if given.get("from") or given.get("to") else "",
        "reread" if given.get("reread") else "",
        "replay" if given.get("replay") else "",
        "concurrent" if given.get("concurrent") else "",
    ]
    return ", ".join(word for word in told if word)


def sums(run: PastRun) -> dict[str, int | None]:
    """A run's counts over its streams; None where no report says.

    Windows are those that it read itself, and those of other runs that it loaded.
    """
    if run.report is None:
        return dict.fromkeys(_COUNTS)
    streams = run.report["streams"]
    return {
        name: sum(stream.get(column, 0) for stream in streams for column in columns)
        for name, columns in _SUMS.items()
    }


def took(run: PastRun) -> Any:
    """How long it ran, or has run until now; None if that is not known any more."""
    if run.ended is not None:
        return run.ended - run.started
    return datetime.now(UTC) - run.started if run.status == RUNNING else None


def _facts(run: PastRun) -> Iterator[tuple[str, str]]:
    time = took(run)
    yield "run", run.run
    yield "source", run.source
    yield "status", run.status
    yield "started", words.instant(run.started)
    if time is not None:
        yield "took", words.length(time) + (" until now" if run.status == RUNNING else "")
    if differs := {name: value for name, value in run.given.items() if name not in _SCHEDULED}:
        yield "input", ", ".join(f"{name} {value}" for name, value in differs.items())


# What every execution is given, whoever starts it.
_SCHEDULED = ("source", "catalogue", "base_url")
