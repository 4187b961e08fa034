"""report: does everything add up? What was planned, landed and loaded in a run, held against each other (I5)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
import psycopg2
from msgspec import Struct

from xmlift.catalogue import Source, load_source
from xmlift.checks import LoadedCounts, LoadedWindow, window_faults
from xmlift.errors import XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import Damaged, landed_windows
from xmlift.landing.zone import Zone
from xmlift.planning.missing import watermarks
from xmlift.planning.plan import counted_coverage, run_catalogue
from xmlift.reporting.recovery import recovered_windows
from xmlift.reporting.stream_report import StreamReport
from xmlift.run_input import PlanEvent
from xmlift.telemetry import logger
from xmlift.warehouse import coverage, ledger
from xmlift.warehouse.connection import Warehouse, one_line
from xmlift.warehouse.statements import count_rows, doubled_keys
from xmlift.windows import Interval
from xmlift.work import Plan, WorkItem

_SHOWN_PROBLEMS = 5

MOST_EVENTS = 18_000
"""How many events of an execution's history its rounds may fill before the next run has to go on.

At 25,000 Step Functions ends an execution, and no state can catch that. A round has about 30 events (5 each for
plan and report, 4 each for the two Maps, 2 for each choice), and 12 for each stream that it loads (5 for the call,
the iteration's and its choices). The other 7,000 are for calls that are tried again, hooks, and loads that take
several.
"""
_EVENTS_OF_ROUND, _EVENTS_OF_LOAD = 30, 12


class ReportEvent(PlanEvent, frozen=True, kw_only=True):
    """The plan's event, and the failure that ended the run early, as Step Functions caught it."""

    failure: dict[str, str] | None = None


class ReportAnswer(Struct, frozen=True, kw_only=True):
    """How the run ended, in words; `catch_up` asks for another round. `report` is a key of the bucket.

    `loaded` counts rows of the streams whose tables the run met: what those downstream are told of it.
    """

    status: str
    catch_up: bool
    message: str
    report: str
    loaded: dict[str, dict[str, int]]


class RunReport(Struct, kw_only=True):
    """The whole of a run, as it is kept on S3. `complete_to` is where each stream that asks an endpoint stands."""

    source: str
    run: str
    status: str
    message: str
    more: bool
    streams: list[StreamReport]
    problems: list[str]
    warnings: list[str]
    complete_to: dict[str, datetime] = {}


def report(event: ReportEvent, zone: Zone, warehouse: Warehouse) -> tuple[ReportAnswer, RunReport]:
    """Write the run's report. Raises nothing for a failed run: that is what it reports."""
    problems: list[str] = [_failure_words(event.failure)] if event.failure else []
    warnings: list[str] = []
    plans: list[Plan] = []
    streams: dict[str, StreamReport] = {}
    complete_to: dict[str, datetime] = {}
    try:
        source = load_source(run_catalogue(event, zone), event.catalogue, event.base_url)
        plans = list(_plans(zone, source.source, event.run))
        faults = _account(event, zone, warehouse, source, plans, streams)
        recovery = recovered_windows(zone, warehouse, source, event.run, plans)
        for found in recovery.found:
            streams.setdefault(found.stream, StreamReport(stream=found.stream)).add_recovered(found)
        # What went wrong with a window says more than the Map's word that one of its items failed.
        faults = list(
            dict.fromkeys([*faults, *recovery.problems])
        )  # windows that fail alike share their words
        # But not than that of a hook: what it kept from being read is missing for that very reason.
        last = plans and "Where" not in (event.failure or {})
        problems = [*faults, *problems] if last else [*problems, *faults]
        touched = [name for name, stream in streams.items() if stream.touched]
        unaccounted, complete_to = warehouse.transaction(
            lambda cursor: (
                list(_unaccounted(cursor, source.source, touched)),
                _complete_to(cursor, source),
            )
        )
        warnings = [*recovery.warnings, *unaccounted]
    except (XmliftError, psycopg2.Error) as error:
        problems.append(one_line(error))
    if problems and plans:
        problems += [
            f"{event.source}.{name}: not read by this run, since it waits for {', '.join(above)}"
            for name, above in plans[-1].waiting.items()
        ]
    more = plans[-1].more if plans else False
    status = "failed" if problems else "succeeded"
    message = _message(event.source, streams.values(), problems)
    is_full = _events(plans) > MOST_EVENTS
    if status == "succeeded" and more and is_full:
        message += "; not everything yet: the execution has had its rounds, the next run goes on"
    result = RunReport(
        source=event.source,
        run=event.run,
        status=status,
        message=message,
        more=more,
        streams=list(streams.values()),
        problems=problems,
        warnings=[
            *(each for stream in streams.values() for each in stream.warnings(event.source)),
            *dict.fromkeys(warning for plan in plans for warning in plan.warnings),
            *warnings,
        ],
        complete_to=complete_to,
    )
    key = names.report(event.source, event.run)
    zone.put(key, msgspec.json.encode(result))
    logger.info("reported", status=status, summary=result.message)
    catch_up = status == "succeeded" and more and not is_full
    answer = ReportAnswer(
        status=status,
        catch_up=catch_up,
        message=result.message,
        report=key,
        loaded=_loaded(streams.values()),
    )
    return answer, result


def figures(
    event: ReportEvent, answer: ReportAnswer, result: RunReport, now: datetime
) -> dict[str, dict[str, float]]:
    """What the report measures, by stream, under "" of the source: steps have measured what they did themselves."""
    lags = {stream: (now - mark).total_seconds() for stream, mark in result.complete_to.items()}
    own: dict[str, float] = {"lag": max(lags.values())} if lags else {}
    if not answer.catch_up:
        own["run_seconds"] = (now - event.started).total_seconds()
        own["failed_runs"] = int(result.status == "failed")
    return {"": own, **{stream: {"lag": lag} for stream, lag in lags.items()}}


def _loaded(streams: Iterable[StreamReport]) -> dict[str, dict[str, int]]:
    counts = ("inserted", "updated", "removed", "rejected")
    return {
        stream.stream: {name: getattr(stream, name) for name in counts}
        for stream in streams
        if stream.touched
    }


def _plans(zone: Zone, source: str, run: str) -> Iterator[Plan]:
    """All planning rounds of a run so far."""
    prefix = f"{names.run_prefix(source, run)}plan-"
    for key in zone.keys(prefix):
        yield msgspec.json.decode(zone.get(key), type=Plan)


def _events(plans: Sequence[Plan]) -> int:
    """About how many events of the execution's history these rounds have filled."""
    return sum(_EVENTS_OF_ROUND + _EVENTS_OF_LOAD * len(plan.loads) for plan in plans)


def _account(
    event: ReportEvent,
    zone: Zone,
    warehouse: Warehouse,
    source: Source,
    plans: Sequence[Plan],
    streams: dict[str, StreamReport],
) -> list[str]:
    """Fill the streams' reports with the run's own windows, and answer all that does not add up."""
    for plan in plans:
        for name, mark in plan.watermarks.items():
            stream = streams.setdefault(name, StreamReport(stream=name))
            stream.watermark = mark
            # In later rounds what the first one read is settled.
            stream.began_at = stream.began_at or mark
        for name, partitions in plan.partitions.items():
            # As they were at first: in later rounds the new ones are known.
            streams[name].partitions = streams[name].partitions or partitions
    planned = {_item_key(item): item for plan in plans for item in plan.items}
    entries = warehouse.transaction(lambda cursor: ledger.of_run(cursor, source.source, event.run))
    closed = {(entry.stream, entry.partition_id, entry.window_name): entry for entry in entries}
    landed = {
        (window.window.stream, window.window.partition, str(window.window.interval)): window
        for name in dict.fromkeys(item.stream for item in planned.values())
        for window in landed_windows(zone, names.stream_prefix(source.source, name, event.run))
    }
    problems: list[str] = []
    # Which hook kept them from being begun is told already, and by it that none of them was read.
    never_begun = {_item_key(item) for item in plans[-1].items} if _was_kept_out(event) and plans else set()
    unread = 0
    for key, item in planned.items():
        stream = streams[item.stream]
        stream.windows += 1
        window = landed.get(key)
        if window is None and key in never_begun:
            unread += 1
            continue
        if window is None:
            problems.append(_why_not_landed(zone, item))
            continue
        if isinstance(window, Damaged):
            problems.append(str(window))
            continue
        stream.add_landed(window)
        problems += _closing(zone, stream, window, closed.get(key))
    if unread:
        problems.append(f"{source.source}: {unread} windows were not read; the next run reads them")
    for name, stream in streams.items():
        own = [
            window
            for window in landed.values()
            if isinstance(window, Landed) and window.window.stream == name
        ]
        stream.note_unseen(source.streams[name], own)
        stream.note_paging(source.streams[name], own)
    problems += warehouse.transaction(lambda cursor: list(_doubled(cursor, source, event.run, entries)))
    return problems


def _was_kept_out(event: ReportEvent) -> bool:
    """Whether the hook before the reading ended the run, as the state machine says."""
    return (event.failure or {}).get("Where") == "the hook before_extract"


def _item_key(item: WorkItem) -> tuple[str, str, str]:
    return item.stream, item.partition, str(Interval(item.start, item.end))


def _closing(zone: Zone, stream: StreamReport, window: Landed, entry: ledger.Entry | None) -> Iterator[str]:
    """Count what became of a landed window, and say what is wrong with it."""
    if entry is None:
        yield _why_not_loaded(zone, window)
        return
    if entry.state == ledger.QUARANTINED:
        stream.quarantined += 1
        yield f"{window.window}: quarantined: {entry.reason}"
        return
    stream.superseded += entry.state == ledger.SUPERSEDED
    counts = msgspec.json.decode(entry.tables, type=dict[str, LoadedCounts])
    stream.add_loaded(entry, counts)
    yield from window_faults(window, LoadedWindow(entry.state, entry.commit_sha, counts))


def _why_not_landed(zone: Zone, item: WorkItem) -> str:
    interval = Interval(item.start, item.end)
    window = names.WindowName(item.source, item.stream, item.run, item.partition, interval)
    note = zone.find(names.failure(window))
    if note is None:
        return (
            f"{window}: has not landed, and left no message: see the logs of extract for a kill or a time-out"
        )
    return str(msgspec.json.decode(note)["message"])


def _why_not_loaded(zone: Zone, window: Landed) -> str:
    name = window.window
    note = zone.find(names.load_failure(name.source, name.stream, name.run, name.run))
    if note is None:
        return f"{name}: has landed, but is not loaded; the next run reads it again"
    return str(msgspec.json.decode(note)["message"])


def _doubled(cursor: Any, source: Source, run: str, entries: Sequence[ledger.Entry]) -> Iterator[str]:
    """A key that stands twice among those that this run touched: the one thing that must never be."""
    touched = {entry.stream for entry in entries if entry.rows_inserted + entry.rows_updated}
    for name, model in source.streams.items():
        key = [*model.key, "valid_from"] if model.disposition == "scd2" else model.key
        if name not in touched or not key or model.disposition == "append":
            continue
        cursor.execute(doubled_keys(source.source, name, key), (run,))
        (doubled,) = cursor.fetchone()
        if doubled:
            yield (
                f"{source.source}.{name}: {doubled} keys stand more than once in the table. If its `disposition` "
                "or `key` was changed over the rows that it had, drop it and its children, and rebuild-ledger "
                "loads them anew from what has landed"
            )


def _unaccounted(cursor: Any, source: str, touched: Sequence[str]) -> Iterator[str]:
    """Rows that came or went by another hand than a load's. No fault of this run, so it does not fail it."""
    for name in touched:
        counted = ledger.rows_of_loads(cursor, source, name)
        cursor.execute(count_rows(source, name))
        (standing,) = cursor.fetchone()
        if counted != standing:
            yield (
                f"{source}.{name}: {standing} rows, the ledger accounts for {counted}: something else than a load "
                "changed the table; rebuild-ledger loads again what has landed"
            )


def _complete_to(cursor: Any, source: Source) -> dict[str, datetime]:
    """Up to where each stream has everything, save those that have no time to be late by.

    These are streams of dropped files alone, and those of partitions of which none was read so far.
    """
    settled = coverage.settled(cursor, source.source, counted_coverage(source))
    asked = {
        name: stream
        for name, stream in source.streams.items()
        if stream.request is not None and (not stream.for_each or settled.get(name))
    }
    return watermarks(asked, settled)


def _failure_words(failure: Mapping[str, str]) -> str:
    """The failure as Step Functions caught it: a Lambda's cause is JSON with the message in it.

    `Where` the state machine adds where what failed is none of the steps: a hook, the announcement.
    """
    cause = failure.get("Cause", "")
    with suppress(msgspec.DecodeError):
        decoded = msgspec.json.decode(cause)
        cause = decoded.get("errorMessage", cause) if isinstance(decoded, dict) else cause
    words = f"{failure.get('Error', 'failure')}: {cause}"
    return f"{failure['Where']} failed: {words}" if "Where" in failure else words


def _message(source: str, streams: Iterable[StreamReport], problems: Sequence[str]) -> str:
    if problems:
        more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
        return f"{source}: " + " | ".join(problems[:_SHOWN_PROBLEMS]) + more
    return f"{source}: " + ("; ".join(stream.words for stream in streams) or "nothing to read")
