"""The round of a run that a dropped file started: that one file, unless it is loaded already."""

from collections.abc import Callable

from msgspec import structs

from xmlift.catalogue import Source, Stream
from xmlift.errors import PlanError
from xmlift.landing import names
from xmlift.planning.round_items import load_item, work_item
from xmlift.run_input import PlanEvent
from xmlift.telemetry import logger
from xmlift.windows import ALL_TIME
from xmlift.work import InboxObject, Plan


def inbox_round(
    event: PlanEvent, source: Source, dropped: InboxObject, is_loaded: Callable[[str, Stream, str], bool]
) -> Plan:
    """Read the file, in the run's first round. `is_loaded` is asked of a stream, by name, and a partition.

    S3 tells of an object at least once, in any order: what it tells again is loaded already. Raises PlanError for a
    file that no stream takes.
    """
    nothing = Plan(items=[], loads=[], more=False, watermarks={})
    if event.round > 0:
        return nothing
    if dropped.key.endswith("/"):
        logger.info("a folder was made, there is nothing to read", key=dropped.key)
        return nothing
    name, stream = stream_of(source, dropped)
    partition = partition_of(dropped)
    if is_loaded(name, stream, partition):
        logger.info("told once more of a file that is loaded", key=dropped.key, partition=partition)
        return nothing
    item = structs.replace(work_item(event, name, stream, partition, ALL_TIME), inbox=dropped)
    return structs.replace(nothing, items=[item], loads=[load_item(event, name, event.run)])


def stream_of(source: Source, dropped: InboxObject) -> tuple[str, Stream]:
    """The stream that a file is dropped for. Raises PlanError where its place names none that takes files."""
    for name, stream in source.streams.items():
        if stream.inbox and dropped.key.startswith(names.inbox_prefix(source.source, name)):
            return name, stream
    takers = ", ".join(
        names.inbox_prefix(source.source, name) for name, stream in source.streams.items() if stream.inbox
    )
    raise PlanError(
        f"{source.source}: {dropped.key} is dropped where no stream takes it: "
        + (f"drop it under {takers}" if takers else "say `inbox: true` on a stream, and apply")
    )


def partition_of(dropped: InboxObject) -> str:
    """The partition that a version of an object is.

    Without versions its content and the sequencer tell one from the next: a content may come back.
    """
    written = "-".join(filter(None, (dropped.etag, dropped.sequencer)))
    return f"inbox-{names.short_hash(dropped.key)}-{dropped.version or written or 'unversioned'}"
