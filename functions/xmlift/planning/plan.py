"""plan: what a round of a run has to do: windows to read, or streams to load. Decided once, and kept on S3."""

from collections.abc import Mapping

import msgspec
from msgspec import structs
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Source, Stream, load_source
from xmlift.landing import claim, names
from xmlift.landing.claim import Claim, StatusOf
from xmlift.landing.zone import Zone
from xmlift.planning.inbox_round import inbox_round
from xmlift.planning.kept_windows import kept_windows
from xmlift.planning.leftovers import leftovers, newest
from xmlift.planning.missing import (
    check_epochs,
    chosen_streams,
    is_history,
    missing_windows,
    stream_overlap,
    watermarks,
)
from xmlift.planning.round_items import load_item, shared_out, with_histories
from xmlift.planning.told import told_by_warehouse
from xmlift.run_input import PlanEvent
from xmlift.telemetry import logger
from xmlift.warehouse import coverage, ledger, version
from xmlift.warehouse.connection import Warehouse
from xmlift.warehouse.coverage import Counted, Covered
from xmlift.work import ALL_RUNS, Plan, PlanAnswer, WorkList


def plan(
    event: PlanEvent, zone: Zone, warehouse: Warehouse, status_of: StatusOf, concurrency: int = 1
) -> PlanAnswer:
    """Write the work list of one round, of which `concurrency` windows may be read at once.

    Raises CatalogueError, PlanError, LandingError, WarehouseError.
    """
    source = load_source(run_catalogue(event, zone), event.catalogue, event.base_url)
    round_number = event.round + 1
    # Written once: a call that is repeated, or comes late, goes by what the first one decided.
    decision = msgspec.json.encode(
        shared_out(decide(event, source, zone, warehouse, status_of), source.limits, concurrency)
    )
    standing = zone.put_once(names.plan(source.source, event.run, round_number), decision)
    decided = msgspec.json.decode(standing, type=Plan)
    work_list = names.work_list(source.source, event.run, round_number)
    zone.put(work_list, msgspec.json.encode(decided.items))
    logger.info(
        "planned",
        windows=len(decided.items),
        at_once=decided.concurrency,
        loads=len(decided.loads),
        waiting=list(decided.waiting),
        more=decided.more,
        round=round_number,
    )
    return PlanAnswer(
        run=event.run,
        round=round_number,
        extract=WorkList(
            items=len(decided.items), concurrency=decided.concurrency, bucket=zone.bucket, key=work_list
        ),
        streams=decided.loads,
        load_items=len(decided.loads),
        more=decided.more,
    )


def run_catalogue(event: PlanEvent, zone: Zone) -> bytes:
    """The run's own copy of its catalogue file, made when it is first asked for.

    An apply takes the file that an execution was started with away when it brings another one; the run, its
    retries and its redrive within 14 days go on with the copy.
    """
    key = names.catalogue(event.source, event.run)
    body = zone.find(key)
    if body is None:
        body = zone.get(event.catalogue)
        zone.put(key, body, content_type="application/yaml")
    return body


def decide(event: PlanEvent, source: Source, zone: Zone, warehouse: Warehouse, status_of: StatusOf) -> Plan:
    """The first round claims the source and loads what stands on S3, where there is any; then windows are read.

    A run for a dropped file claims nothing: it asks nobody, and many may be dropped at once.
    """
    if event.input.inbox is not None:
        dropped = inbox_round(
            event,
            source,
            event.input.inbox,
            lambda name, stream, partition: _is_loaded(source, name, stream, partition, warehouse),
        )
        its_streams = {load.stream: source.streams[load.stream] for load in dropped.loads}
        return structs.replace(dropped, watermarks=watermarks(its_streams, {}))
    streams = chosen_streams(event, source)
    if event.round == 0:
        loaded = warehouse.transaction(lambda cursor: _greatest_epochs(cursor, source, streams))
        if not event.input.replay:
            check_epochs(event, streams, loaded)
    left: list[tuple[str, str]] = []
    if not event.input.concurrent:
        left = _left_undone(event, source, streams, zone, warehouse, status_of)
    settled, own = _covered(event, source, warehouse)
    if event.input.replay:
        loads = [load_item(event, name, ALL_RUNS) for name in streams]
        return Plan(items=[], loads=loads, more=False, watermarks=watermarks(streams, settled))
    loads = [load_item(event, name, run) for run, name in left if not is_history(streams[name])]
    if loads and event.round == 0:
        # What is missing after that is seen in the next round, by the coverage as it will be then.
        return Plan(items=[], loads=loads, more=True, watermarks=watermarks(streams, settled))
    if event.input.from_raw:
        done = warehouse.transaction(lambda cursor: _read_by_run(cursor, event, streams))
        return structs.replace(
            kept_windows(event, source, streams, zone, done), watermarks=watermarks(streams, settled)
        )
    warnings: list[str] = []
    mine = claim.claim_of(zone, source.source, event.run)
    told = told_by_warehouse(event, source, streams, settled, warehouse, warnings, mine)
    windows = structs.replace(missing_windows(event, source, settled, own, told), warnings=warnings)
    return with_histories(event, windows, [(run, name) for run, name in left if is_history(streams[name])])


def _greatest_epochs(cursor: Cursor, source: Source, streams: Mapping[str, Stream]) -> dict[str, int]:
    version.check(cursor)  # before anything is claimed, or asked for that an older warehouse does not have
    return coverage.greatest_epochs(cursor, source.source, streams)


def _is_loaded(source: Source, name: str, stream: Stream, partition: str, warehouse: Warehouse) -> bool:
    def ask(cursor: Cursor) -> bool:
        version.check(cursor)
        return ledger.is_loaded(cursor, source.source, name, partition, stream.epoch)

    return warehouse.transaction(ask)


def _read_by_run(
    cursor: Cursor, event: PlanEvent, streams: Mapping[str, Stream]
) -> dict[str, set[tuple[str, str]]]:
    """By stream the (partition, window) that the run has read, whatever became of them."""
    return {
        name: {
            (partition, window)
            for _, partition, window in ledger.windows(cursor, event.source, name, event.run)
        }
        for name in streams
    }


def _left_undone(
    event: PlanEvent,
    source: Source,
    streams: Mapping[str, Stream],
    zone: Zone,
    warehouse: Warehouse,
    status_of: StatusOf,
) -> list[tuple[str, str]]:
    """(run, stream) that the runs before this one left undone, once the source is claimed (P5).

    In the later rounds only of histories: what they have left is loaded in order with what is read again.
    """

    def undone(asked: Mapping[str, Stream], runs: list[str]) -> dict[str, list[str]]:
        return leftovers(zone, warehouse, source.source, asked, runs)

    if event.round > 0:
        histories = {name: stream for name, stream in streams.items() if is_history(stream)}
        open_runs = claim.unfinished_of(zone, source.source, event.run) if histories else []
        return newest(undone(histories, open_runs))
    mine = Claim(run=event.run, execution=event.execution_arn)
    runs = claim.take(zone, source.source, mine, status_of, lambda runs: list(undone(source.streams, runs)))
    return newest(undone(streams, runs))


def _covered(event: PlanEvent, source: Source, warehouse: Warehouse) -> tuple[Covered, Covered]:
    """What is settled, and what this run has read, at one moment."""
    counted = counted_coverage(source)

    def ask(cursor: Cursor) -> tuple[Covered, Covered]:
        version.check(cursor)
        settled = coverage.settled(cursor, source.source, counted)
        # Before its first round a run has read nothing; where that is decided again, the first decision stands.
        own: Covered = {} if event.round == 0 else coverage.of_run(cursor, source.source, event.run)
        return settled, own

    return warehouse.transaction(ask)


def counted_coverage(source: Source) -> list[Counted]:
    """Which coverage counts for each stream, by its epoch and overlap."""
    return [Counted(name, stream.epoch, stream_overlap(stream)) for name, stream in source.streams.items()]
