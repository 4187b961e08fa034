"""Windows put into the landing zone without an endpoint, by the code that extract itself uses."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.deletes import Mark
from xmlift.extraction.rooms import record_mapping
from xmlift.extraction.window_lifting import WindowLifting, WindowToLift
from xmlift.extraction.window_processes import Place
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing import commits, names
from xmlift.landing.chain import Chain, Landed
from xmlift.landing.commits import Commit, Progress, Scope
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.records import Batch, NestedRows
from xmlift.windows import Interval
from xmlift.work import Validators

DAY = datetime(2026, 1, 1, tzinfo=UTC)

GONE = "gone"
"""Under this name a row may have what its stream's `deletes` looks at."""

Row = dict[str, Any]
"""Fields as text by column; under a child's name a list of such."""


class ReadPage(NamedTuple):
    """What one page held, and when it was asked for."""

    rows: Sequence[Row]
    read_at: datetime


def at(hours: float) -> datetime:
    """So many hours after the first day of these tests began."""
    return DAY + timedelta(hours=hours)


def run_at(hours: float, execution: str = "x") -> str:
    """The run that started then."""
    return names.run_id(at(hours), execution)


def land(
    zone: Zone,
    source: Source,
    stream_name: str,
    run: str,
    window: tuple[float, float],
    pages: Sequence[ReadPage],
    *,
    as_of: datetime,
    attempt: str = "0123456789ab",
    unmatched: dict[str, int] | None = None,
    epoch: int = 0,
    set_windows: int = 0,
    partition: str = names.WHOLE,
    link: str | None = None,
    next_link: str | None = None,
    validators: Validators | None = None,
    not_modified: bool = False,
) -> Landed:
    """Land a window, a part of each table for every page; `window` is in hours."""
    stream = source.streams[stream_name]
    name = WindowName(source.source, stream_name, run, partition, Interval(at(window[0]), at(window[1])))
    chain, progress = Chain(zone, name), Progress(unmatched=unmatched or {})
    mapping = record_mapping(source, stream)
    lifting = WindowLifting(WindowToLift(mapping, stream, name, attempt, names.run_started(run)), 1)
    rows = WindowRows(lifting, chain, progress)
    parts = []
    for number, read in enumerate(pages, start=1):
        progress.pages = number
        batch = batch_of(stream, read.rows)
        rows.add(1, lifting.page(Place(number, read.read_at), 0).lift(batch))
        parts += rows.flush()
    commit = chain.commit(
        Commit(
            scope=Scope(source=source.source, stream=stream_name, partition=partition, epoch=epoch),
            run=run,
            start=name.interval.start,
            end=name.interval.end,
            attempt=attempt,
            links=0,
            parts=parts,
            columns=rows.columns,
            progress=progress,
            as_of=as_of,
            parsed_at=names.run_started(run),
            ended_by="the test said so",
            set_windows=set_windows,
            link=link,
            next_link=next_link,
            validators=validators,
            not_modified=not_modified,
        )
    )
    return Landed(name, commit, commits.sha256(commits.encode(commit)))


def batch_of(stream: Stream, rows: Sequence[Row]) -> Batch:
    """Records as they are read, with what is in them."""
    nested = tuple(
        _nested([row.get(name, []) for row in rows], spec) for name, spec in stream.children.items()
    )
    return Batch(
        _columns([*stream.columns, *([GONE] if isinstance(stream.deletes, Mark) else [])], rows),
        tuple(chain.from_iterable(nested)),
    )


def _nested(inside: list[list[Row]], spec: Any, parent: NestedRows | None = None) -> Iterator[NestedRows]:
    """A child's rows, of which each row above has some, and those inside them."""
    children = list(chain.from_iterable(inside))
    rows = NestedRows.counted([len(some) for some in inside], _columns(spec.columns, children), parent)
    yield rows
    for name, below in spec.children.items():
        yield from _nested([child.get(name, []) for child in children], below, rows)


def _columns(names: Iterable[str], rows: Sequence[Row]) -> list[Sequence[str]]:
    return [[str(row.get(name, "")) for row in rows] for name in names]
