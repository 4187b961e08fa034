"""Which times a window asks its server for, and how many records have another one: so an ignored filter shows."""

from collections.abc import Sequence
from typing import NamedTuple

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import Watermark
from xmlift.catalogue.request import Call
from xmlift.source.urls import widened
from xmlift.tables.times import written_in_utc
from xmlift.windows import ALL_TIME, Interval

# Typed times are of one width, in UTC, and sort as time does: between these.
_BEFORE_ALL, _AFTER_ALL = "", "~"


class AskedTimes(NamedTuple):
    """The first and the last time that a request asks for, as typed times are written."""

    start: str
    end: str

    def count_others(self, times: Sequence[str]) -> int:
        """How many were not asked for; what has no time is not known."""
        if self.start <= min(times, default=self.start) and max(times, default=self.start) <= self.end:
            return 0
        return sum(bool(time) and not self.start <= time <= self.end for time in times)


def asked_times(stream: Stream, request: Call | None, window: Interval) -> AskedTimes | None:
    """None where a request asks for no time, or for one that the records do not tell."""
    if request is None or window == ALL_TIME or not request.asks_for("{window."):
        return None
    if not isinstance(cursor := stream.cursor, Watermark):
        return None
    start, end = map(written_in_utc, widened(window, cursor.resolution_time))
    return AskedTimes(
        start if request.asks_for("{window.from}") else _BEFORE_ALL,
        end if request.asks_for("{window.to}") else _AFTER_ALL,
    )
