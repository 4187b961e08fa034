"""Windows: half-open intervals of UTC time, and the arithmetic that decides which of them to read.

All instants are timezone-aware datetimes in UTC with microsecond resolution; all intervals are `[start, end)`.
The rules P1–P4 that these functions carry are explained in docs/protocol.md.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = "%Y%m%dT%H%M%S%fZ"


class Interval(NamedTuple):
    """`[start, end)` in UTC. An interval with `start >= end` holds no instant and is never kept."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{format_instant(self.start)}_{format_instant(self.end)}"


ALL_TIME = Interval(datetime(1800, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC))
"""The window of what no time was asked for, such as a dropped file."""


def format_instant(instant: datetime) -> str:
    """The fixed-width name of an instant, which sorts as time does: `20261122T161500123456Z`."""
    utc = instant.astimezone(UTC)
    # %Y is not padded to four digits by every C library, and these names must sort.
    return f"{utc.year:04d}{utc:%m%dT%H%M%S%f}Z"


def parse_instant(text: str) -> datetime:
    """The inverse of `format_instant`. Raises ValueError on anything else."""
    instant = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    if format_instant(instant) != text:
        raise ValueError(f"{text!r} is not an instant in the form 20261122T161500123456Z")
    return instant


def parse_interval(text: str) -> Interval:
    """The inverse of `str(Interval)`."""
    start, separator, end = text.partition("_")
    if not separator:
        raise ValueError(f"{text!r} is not an interval in the form <from>_<to>")
    return Interval(parse_instant(start), parse_instant(end))


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """The same set of instants as sorted, disjoint, non-touching intervals."""
    result: list[Interval] = []
    for interval in sorted(i for i in intervals if i.start < i.end):
        if result and interval.start <= result[-1].end:
            result[-1] = Interval(result[-1].start, max(result[-1].end, interval.end))
        else:
            result.append(interval)
    return result


def subtracted(wanted: Interval, settled: Iterable[Interval]) -> list[Interval]:
    """What of `wanted` no interval of `settled` covers, oldest first: a gap heals by itself (P2)."""
    gaps: list[Interval] = []
    start = wanted.start
    for interval in merged(settled):
        if interval.end <= start:
            continue
        if interval.start >= wanted.end:
            break
        if start < interval.start:
            gaps.append(Interval(start, interval.start))
        start = interval.end
    if start < wanted.end:
        gaps.append(Interval(start, wanted.end))
    return gaps


def settled_by(window: Interval, as_of: datetime, overlap: timedelta) -> Interval:
    """What a loaded window settles: `[from, min(to, as_of − overlap))`, possibly nothing (P2).

    `as_of` is the server's clock when it was first asked, ours where that is the earlier: what the server committed
    later, or up to `overlap` late, lies beyond this end and is read again by the next window.
    """
    if window == ALL_TIME:
        return Interval(window.start, window.start)  # no time was asked for, so that none is settled
    # Lengths of time rather than instants: an overlap of many years would lead to before the first of them.
    length = max(as_of - window.start - overlap, timedelta(0))
    return Interval(window.start, min(window.end, window.start + length))


def watermark(start: datetime, settled: Iterable[Interval]) -> datetime:
    """The end of the contiguous settled prefix from `start` (P3), never the greatest end of a window."""
    for interval in merged(settled):
        if interval.start <= start < interval.end:
            return interval.end
    return start


def grid_cells(interval: Interval, cell: timedelta) -> Iterator[Interval]:
    """The pieces of `interval` cut at multiples of `cell` since 1970, oldest first (P4)."""
    start = interval.start
    while start < interval.end:
        end = min(interval.end, EPOCH + ((start - EPOCH) // cell + 1) * cell)
        yield Interval(start, end)
        start = end
