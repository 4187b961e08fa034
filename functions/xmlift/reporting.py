"""report: does everything add up? What was planned, landed and loaded in a run, held against each other (I5)."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg2
from msgspec import Struct

from xmlift.catalogue import Source, load_source
from xmlift.checks import LoadedCounts, LoadedWindow, unseen_columns, window_faults
from xmlift.errors import XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.zone import Zone
from xmlift.missing import is_first_load
from xmlift.planning import run_catalogue
from xmlift.run_input import PlanEvent
from xmlift.telemetry import logger
from xmlift.warehouse import ledger
from xmlift.warehouse.connection import Warehouse, one_line
from xmlift.warehouse.statements import doubled_keys
from xmlift.windows import Interval
from xmlift.work import Plan, WorkItem

_SHOWN_PROBLEMS = 5
_MANY_RECORDS = 100


class ReportEvent(PlanEvent, frozen=True, kw_only=True):
    """The plan's event, and the failure that ended the run early, as Step Functions caught it."""

    failure: dict[str, str] | None = None


class ReportAnswer(Struct, frozen=True, kw_only=True):
    """How the run ended, in words; `catch_up` asks for another round. `report` is a key of the bucket."""

    status: str
    catch_up: bool
    message: str
    report: str


class StreamReport(Struct, kw_only=True):
    """One stream of a run. Counts are of its own table; `tables` has all of them."""

    stream: str
    windows: int = 0
    landed: int = 0
    pages: int = 0
    bytes: int = 0
    records: int = 0
    rejected: int = 0
    out_of_window: int = 0
    dropped: int = 0
    written: int = 0
    inserted: int = 0
    updated: int = 0
    stale: int = 0
    duplicates: int = 0
    loaded: int = 0
    retries: int = 0
    repaired_pages: int = 0
    seconds: float = 0.0
    watermark: datetime | None = None
    tables: dict[str, LoadedCounts] = {}
    reject_reasons: dict[str, int] = {}
    unseen_columns: dict[str, list[str]] = {}
    unmatched: dict[str, int] = {}


class RunReport(Struct, kw_only=True):
    """The whole of a run, as it is kept on S3."""

    source: str
    run: str
    status: str
    message: str
    more: bool
    streams: list[StreamReport]
    problems: list[str]
    warnings: list[str]


def report(event: ReportEvent, zone: Zone, warehouse: Warehouse) -> tuple[ReportAnswer, RunReport]:
    """Write the run's report. Raises nothing for a failed run: that is what it reports."""
    problems: list[str] = [_failure_words(event.failure)] if event.failure else []
    plans: list[Plan] = []
    streams: dict[str, StreamReport] = {}
    try:
        source = load_source(run_catalogue(event, zone), event.catalogue, event.base_url)
        plans = list(_plans(zone, source.source, event.run))
        faults = _account(event, zone, warehouse, source, plans, streams)
        # What went wrong with a window says more than the Map's word that one of its items failed.
        faults = list(dict.fromkeys(faults))  # the windows of a stream that was not loaded share its words
        problems = [*faults, *problems] if plans else [*problems, *faults]
    except (XmliftError, psycopg2.Error) as error:
        problems.append(one_line(error))
    more = plans[-1].more if plans else False
    status = "failed" if problems else "succeeded"
    result = RunReport(
        source=event.source,
        run=event.run,
        status=status,
        message=_message(event.source, streams.values(), problems),
        more=more,
        streams=list(streams.values()),
        problems=problems,
        warnings=[warning for stream in streams.values() for warning in _warnings(event.source, stream)],
    )
    key = names.report(event.source, event.run)
    zone.put(key, msgspec.json.encode(result))
    logger.info("reported", status=status, summary=result.message)
    catch_up = status == "succeeded" and more
    return ReportAnswer(status=status, catch_up=catch_up, message=result.message, report=key), result


def figures(result: RunReport) -> dict[str, int]:
    """The run's figures as metrics, summed over its streams."""
    metrics = ("windows", "pages", "records", "rejected", "inserted", "updated", "stale", "retries", "bytes")
    sums = {name: sum(getattr(stream, name) for stream in result.streams) for name in metrics}
    return {**sums, "failed_runs": int(result.status == "failed")}


def _plans(zone: Zone, source: str, run: str) -> Iterator[Plan]:
    """All planning rounds of a run so far."""
    prefix = f"{names.run_prefix(source, run)}plan-"
    for key in zone.keys(prefix):
        yield msgspec.json.decode(zone.get(key), type=Plan)


def _account(
    event: ReportEvent,
    zone: Zone,
    warehouse: Warehouse,
    source: Source,
    plans: list[Plan],
    streams: dict[str, StreamReport],
) -> list[str]:
    """Fill the streams' reports, and answer all that does not add up."""
    planned = {_item_key(item): item for plan in plans for item in plan.items}
    for plan in plans:
        for name, mark in plan.watermarks.items():
            streams.setdefault(name, StreamReport(stream=name)).watermark = mark
    entries = warehouse.transaction(lambda cursor: ledger.of_run(cursor, source.source, event.run))
    loaded = {(entry.stream, entry.partition_id, entry.window_name): entry for entry in entries}
    landed = {
        (window.window.stream, window.window.partition, str(window.window.interval)): window
        for name in streams
        for window in landed_windows(zone, names.stream_prefix(source.source, name, event.run))
    }
    problems: list[str] = []
    for key, item in planned.items():
        stream = streams[item.stream]
        stream.windows += 1
        window = landed.get(key)
        if window is None:
            problems.append(_why_not_landed(zone, item))
            continue
        entry = loaded.get(key)
        _add_landed(stream, window)
        if entry is None:
            problems.append(_why_not_loaded(zone, window))
            continue
        counts = msgspec.json.decode(entry.tables, type=dict[str, LoadedCounts])
        _add_loaded(stream, entry, counts)
        problems += window_faults(window, LoadedWindow(entry.state, entry.commit_sha, counts))
    _note_unseen(source, streams, landed.values())
    problems += warehouse.transaction(
        lambda cursor: [
            fault for name in streams for fault in _duplicate_keys(cursor, source, name, event.run, entries)
        ]
    )
    return problems


def _item_key(item: WorkItem) -> tuple[str, str, str]:
    return item.stream, item.partition, str(Interval(item.start.astimezone(UTC), item.end.astimezone(UTC)))


def _add_landed(stream: StreamReport, window: Landed) -> None:
    progress = window.commit.progress
    own = progress.tables.get(stream.stream)
    stream.landed += 1
    stream.pages += progress.pages
    stream.bytes += progress.bytes
    stream.retries += progress.retries
    stream.repaired_pages += progress.repaired_pages
    stream.seconds = round(stream.seconds + progress.seconds, 3)
    if own is not None:
        stream.records += own.read
        stream.rejected += own.rejected
        stream.out_of_window += own.out_of_window
        stream.dropped += own.dropped
        stream.written += own.written
    for reason, count in progress.reject_reasons.items():
        stream.reject_reasons[reason] = stream.reject_reasons.get(reason, 0) + count
    for name, count in progress.unmatched.items():
        stream.unmatched[name] = stream.unmatched.get(name, 0) + count


def _add_loaded(stream: StreamReport, entry: ledger.Entry, counts: dict[str, LoadedCounts]) -> None:
    stream.inserted += entry.rows_inserted
    stream.updated += entry.rows_updated
    stream.stale += entry.rows_stale
    stream.duplicates += entry.rows_duplicate
    stream.loaded += entry.rows_inserted + entry.rows_updated
    for table, more in counts.items():
        sofar = stream.tables.get(table, LoadedCounts())
        stream.tables[table] = LoadedCounts(
            written=sofar.written + more.written,
            duplicate=sofar.duplicate + more.duplicate,
            stale=sofar.stale + more.stale,
            inserted=sofar.inserted + more.inserted,
            updated=sofar.updated + more.updated,
        )


def _why_not_landed(zone: Zone, item: WorkItem) -> str:
    interval = Interval(item.start.astimezone(UTC), item.end.astimezone(UTC))
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


def _note_unseen(source: Source, streams: dict[str, StreamReport], landed: Iterable[Landed]) -> None:
    """Declared columns that had no value in any record of the run, where that tells something.

    In a stream's first load it does, and where many records were read; that the three changes of an hour lack a
    resolution does not.
    """
    seen: dict[str, set[str]] = {}
    for window in landed:
        for table, columns in window.commit.progress.seen_columns.items():
            seen.setdefault(table, set()).update(columns)
    for name, stream in streams.items():
        model = source.streams[name]
        if not is_first_load(model, stream.watermark):
            stream.unmatched = {}  # a feed without news has its title and links all the same
            if stream.records < _MANY_RECORDS:
                continue
        declared = {
            name: list(model.columns),
            **{f"{name}__{child}": list(spec.columns) for child, spec in model.children.items()},
        }
        for table, columns in declared.items():
            if table in seen and (missing := unseen_columns(columns, sorted(seen[table]))):
                stream.unseen_columns[table] = missing


def _warnings(source: str, stream: StreamReport) -> Iterator[str]:
    """What is no failure, and most likely a mistake in the catalogue."""
    where = f"{source}.{stream.stream}"
    if stream.unmatched and not stream.records:
        found = ", ".join(f"{count} × {name.rpartition('}')[2]}" for name, count in stream.unmatched.items())
        yield (
            f"{where}: no record in {stream.pages} pages; where records are expected stand {found}: "
            "is `records` right?"
        )
    for table, columns in stream.unseen_columns.items():
        yield f"{source}.{table}: never a value in {', '.join(columns)}: are their paths right?"
    if stream.rejected:
        yield f"{where}: {stream.rejected} rows rejected: {'; '.join(stream.reject_reasons)}"


def _duplicate_keys(
    cursor: Any, source: Source, stream: str, run: str, entries: list[ledger.Entry]
) -> Iterator[str]:
    """A key that stands twice among those that this run touched: the one thing that must never be."""
    model = source.streams[stream]
    touched = any(e.stream == stream and e.rows_inserted + e.rows_updated for e in entries)
    if model.disposition != "merge" or not touched:
        return
    cursor.execute(doubled_keys(source.source, stream, model.key), (run,))
    (doubled,) = cursor.fetchone()
    if doubled:
        yield f"{source.source}.{stream}: {doubled} keys stand more than once in the table"


def _failure_words(failure: dict[str, str]) -> str:
    """The failure as Step Functions caught it: a Lambda's cause is JSON with the message in it."""
    cause = failure.get("Cause", "")
    with suppress(msgspec.DecodeError):
        decoded = msgspec.json.decode(cause)
        cause = decoded.get("errorMessage", cause) if isinstance(decoded, dict) else cause
    return f"{failure.get('Error', 'failure')}: {cause}"


def _message(source: str, streams: Iterable[StreamReport], problems: list[str]) -> str:
    if problems:
        more = f" (and {len(problems) - _SHOWN_PROBLEMS} more)" if len(problems) > _SHOWN_PROBLEMS else ""
        return f"{source}: " + " | ".join(problems[:_SHOWN_PROBLEMS]) + more
    parts = [
        f"{stream.stream}: {stream.records} records read, {stream.inserted} new, {stream.updated} changed, "
        f"{stream.stale + stream.duplicates} already known, {stream.rejected} rejected"
        for stream in streams
    ]
    return f"{source}: " + ("; ".join(parts) or "nothing to read")
