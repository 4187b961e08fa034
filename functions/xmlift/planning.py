"""plan: what a round of a run has to do: windows to read, or streams to load. Decided once, and kept on S3."""

import msgspec

from xmlift.catalogue import Source, load_source
from xmlift.landing import claim, names
from xmlift.landing.claim import Claim, StatusOf
from xmlift.landing.zone import Zone
from xmlift.leftovers import leftovers
from xmlift.missing import chosen_streams, load_item, missing_windows, stream_overlap, watermarks
from xmlift.run_input import PlanEvent
from xmlift.telemetry import logger
from xmlift.warehouse import coverage
from xmlift.warehouse.connection import Warehouse
from xmlift.warehouse.coverage import Counted, Covered
from xmlift.work import ALL_RUNS, Plan, PlanAnswer, WorkList


def plan(event: PlanEvent, zone: Zone, warehouse: Warehouse, status_of: StatusOf) -> PlanAnswer:
    """Write the work list of one round. Raises CatalogueError, PlanError, LandingError, WarehouseError."""
    source = load_source(run_catalogue(event, zone), event.catalogue, event.base_url)
    round_number = event.round + 1
    # Written once: a call that is repeated, or comes late, goes by what the first one decided.
    decision = msgspec.json.encode(decide(event, source, zone, warehouse, status_of))
    standing = zone.put_once(names.plan(source.source, event.run, round_number), decision)
    decided = msgspec.json.decode(standing, type=Plan)
    work_list = names.work_list(source.source, event.run, round_number)
    zone.put(work_list, msgspec.json.encode(decided.items))
    logger.info(
        "planned", windows=len(decided.items), loads=len(decided.loads), more=decided.more, round=round_number
    )
    return PlanAnswer(
        run=event.run,
        round=round_number,
        extract=WorkList(items=len(decided.items), bucket=zone.bucket, key=work_list),
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
    """The first round claims the source and loads what stands on S3, where there is any; then windows are read."""
    streams = chosen_streams(event, source)
    left: dict[str, list[str]] = {}
    if event.round == 0 and not event.input.concurrent:
        left = _claimed(event, source, zone, warehouse, status_of)
    settled, own = _covered(event, source, warehouse)
    if event.input.replay:
        loads = [load_item(event, name, ALL_RUNS) for name in streams]
        return Plan(items=[], loads=loads, more=False, watermarks=watermarks(streams, settled))
    loads = [
        load_item(event, name, run)
        for run, names_left in left.items()
        for name in names_left
        if name in streams
    ]
    windows = missing_windows(event, source, settled, own)
    if loads:
        # What is missing after that is seen in the next round, by the coverage as it will be then.
        return Plan(items=[], loads=loads, more=True, watermarks=windows.watermarks)
    return windows


def _claimed(
    event: PlanEvent, source: Source, zone: Zone, warehouse: Warehouse, status_of: StatusOf
) -> dict[str, list[str]]:
    """What the runs before this one left undone, once the source is claimed (P5)."""

    def undone(runs: list[str]) -> dict[str, list[str]]:
        return leftovers(zone, warehouse, source, runs)

    mine = Claim(run=event.run, execution=event.execution_arn)
    return undone(claim.take(zone, source.source, mine, status_of, lambda runs: list(undone(runs))))


def _covered(event: PlanEvent, source: Source, warehouse: Warehouse) -> tuple[Covered, Covered]:
    """What is settled, and what this run has read, at one moment."""
    counted = counted_coverage(source)
    return warehouse.transaction(
        lambda cursor: (
            coverage.settled(cursor, source.source, counted),
            coverage.of_run(cursor, source.source, event.run),
        )
    )


def counted_coverage(source: Source) -> list[Counted]:
    """Which coverage counts for each stream, by its epoch and overlap."""
    return [Counted(name, stream.epoch, stream_overlap(stream)) for name, stream in source.streams.items()]
