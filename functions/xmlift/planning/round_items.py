"""What a round hands on: a work item for each window, a load item for each stream, and each function's share."""

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec import structs

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.cursor import DeltaLink
from xmlift.catalogue.deletes import PeriodicFull, SecondFeed
from xmlift.catalogue.model import Limits
from xmlift.catalogue.paging import NoPaging
from xmlift.landing import names
from xmlift.run_input import PlanEvent
from xmlift.windows import Interval
from xmlift.work import LoadItem, Plan, Validators, WorkItem

_LONGEST_INTERVAL = 60.0


def work_item(
    event: PlanEvent, name: str, stream: Stream, partition: str, window: Interval, set_windows: int = 0
) -> WorkItem:
    return WorkItem(
        source=event.source,
        catalogue=names.catalogue(event.source, event.run),
        base_url=event.base_url,
        run=event.run,
        stream=name,
        partition=partition,
        epoch=stream.epoch,
        start=window.start,
        end=window.end,
        set_windows=set_windows,
    )


def is_one_document(stream: Stream) -> bool:
    """Whether each run asks for the same document, of which the endpoint may say that nothing was modified.

    What is read as a set is not: without its rows it would say that there are none. Nor is what a transform makes
    something else of, whose code the catalogue does not tell.
    """
    request = stream.request
    if request is None or request.method != "GET" or request.bootstrap is not None:
        return False
    is_set = stream.disposition != "merge" or isinstance(stream.deletes, PeriodicFull | SecondFeed)
    is_whole = isinstance(stream.page, NoPaging) and not request.asks_for("{window.")
    return is_whole and not is_set and not isinstance(stream.cursor, DeltaLink) and stream.transform is None


def going_on(item: WorkItem, source: Source, link: str | None, known: Validators | None) -> WorkItem:
    """The item with what the endpoint told of the window before: where it goes on, what it need not send again."""
    stream = source.streams[item.stream]
    if not is_one_document(stream):
        return structs.replace(item, link=link)
    # All that decides which rows an answer makes: a prefix stands for another name, another user may read more.
    decides = [source.base_url, source.auth, source.namespaces, stream]
    of = hashlib.sha256(msgspec.json.encode(decides, order="deterministic")).hexdigest()[:16]
    return structs.replace(item, validators=known if known and known.of == of else Validators(of=of))


def load_item(event: PlanEvent, stream: str, windows_of: str, with_runs: tuple[str, ...] = ()) -> LoadItem:
    return LoadItem(
        source=event.source,
        catalogue=names.catalogue(event.source, event.run),
        stream=stream,
        run=event.run,
        windows_of=windows_of,
        with_runs=with_runs,
    )


def with_histories(event: PlanEvent, plan: Plan, left: Sequence[tuple[str, str]]) -> Plan:
    """A round in which histories load what (run, stream) has left together with their own windows, as time went by.

    Loaded without what lies between, it would have to wait; loaded later, history would have gone over it.
    """
    runs: dict[str, tuple[str, ...]] = {}
    for run, stream in left:
        runs[stream] = (*runs.get(stream, ()), run)
    own = dict.fromkeys((*(load.stream for load in plan.loads), *runs))
    loads = [load_item(event, stream, event.run, runs.get(stream, ())) for stream in own]
    return structs.replace(plan, loads=loads)


def shared_out(plan: Plan, limits: Limits, concurrency: int) -> Plan:
    """The round with as many functions at work as it needs and may have, each with its share of the source's pace.

    `concurrency` is what the environment allows. No function knows of another, so what each may do is settled
    before they begin, by how many there can be at once. Of a slow source's pace only so many get a share that each
    may ask within a minute: a function's time is bounded, and waiting for its turn spends it.
    """
    in_a_minute = int(_LONGEST_INTERVAL * limits.requests_per_second)
    at_once = max(1, min(concurrency, limits.concurrency, len(plan.items), in_a_minute))
    pace = limits.requests_per_second / at_once
    items = [structs.replace(item, pace=pace) for item in plan.items]
    return structs.replace(plan, items=items, concurrency=at_once)
