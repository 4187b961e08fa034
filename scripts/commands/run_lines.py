"""Runs for people: a line each, or one in full."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from commands import words
from commands.display import fail, out, say
from commands.failures import failures
from commands.reports import show_reports
from commands.tables import print_table
from operate.past_runs import RUNNING, PastRun, execution_name

_COUNTS = ("windows", "records", "new", "changed", "rejected")
_RIGHT = ("windows", "records", "changes", "rejected")
_IF_ANY = ("kind", "rejected")
_SHORTEST = 8  # letters of an execution's name, which is as good as random
# What the report calls them. Those of older runs lack some.
_SUMS = {
    "windows": ("windows", "recovered"),
    "records": ("records",),
    "new": ("inserted",),
    "changed": ("updated",),
    "rejected": ("rejected",),
}


def show_runs(runs: Sequence[PastRun], of_one_source: bool = False) -> None:
    """A table, newest first, and below it in words what has not succeeded.

    It is to fit a narrow terminal: a kind and rejected records have columns only where there are any, a source has
    none where only one was asked for, and a run has the first letters of its execution's name.
    """
    lines = [_line(run, short) for run, short in zip(runs, abbreviated(runs), strict=True)]
    shown = [
        column
        for column in lines[0]
        if (column not in _IF_ANY or any(line[column] for line in lines))
        and not (column == "source" and of_one_source)
    ]
    print_table(shown, [[line[column] for column in shown] for line in lines], right=_RIGHT)
    for run in runs:
        if run.message and run.status != "SUCCEEDED":
            say(f"{words.instant(run.started)} {run.message}")


def abbreviated(runs: Sequence[PastRun]) -> list[str]:
    """The names of their executions, as short as tells them apart: `make runs RUN=` takes them."""
    names = [execution_name(run.run) or run.run for run in runs]
    longest = max(map(len, names), default=0)
    for length in range(_SHORTEST, longest):
        if len({name[:length] for name in names}) == len(set(names)):
            return [name[:length] for name in names]
    return names


def show_run(run: PastRun, failed_windows: Sequence[dict[str, str]]) -> None:
    """All that is known about a run."""
    facts = list(_facts(run))
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        out.print(f"{name.ljust(width)}  {value}", highlight=False, markup=False)
    if run.report is not None:
        show_reports([run.report], bool((run.given or {}).get("from_raw")))
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


def _line(run: PastRun, short: str) -> dict[str, str]:
    """A run's cells by their columns."""
    time, counts = took(run), sums(run)
    told = {name: f"{count:,}" if count is not None else "" for name, count in counts.items()}
    new, changed = counts["new"], counts["changed"]
    if new is None or changed is None:
        changes = ""
    # What a replay loads may have been there before: it is not told as new.
    elif run.given.get("replay"):
        changes = f"{new + changed:,}"
    else:
        changes = f"{new:,}+{changed:,}"
    return {
        "started": f"{run.started:%Y-%m-%d %H:%M:%S}",
        "source": run.source,
        "took": words.length(time) if time is not None else "",
        "status": run.status,
        "kind": _short_kind(run.given),
        "windows": told["windows"],
        "records": told["records"],
        "changes": changes,
        "rejected": "" if told["rejected"] == "0" else told["rejected"],
        "run": short,
    }


def _short_kind(given: dict[str, Any]) -> str:
    """The word that says most: to read again what a range has is called the one, not the other."""
    told = kind(given).split(", ")
    return next((word for word in ("replay", "reread", "backfill", "concurrent") if word in told), "")


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
