"""Deltas (L2): a window holds what changed since the one before it, so each goes on from what is loaded.

The server's link says where a window began. One that began at the beginning holds everything, and needs nothing.
"""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.dispositions.disposition import Chosen, Targets, reading_of
from xmlift.landing.chain import Landed
from xmlift.warehouse import deltas, ledger


def continuing(cursor: Cursor, targets: Targets, landed: Sequence[Landed]) -> Chosen:
    """The windows that begin where the last loaded one of their partition ended; others are superseded."""
    epochs = {window.commit.scope.epoch for window in landed}
    links = {
        (epoch, partition): link
        for epoch in epochs
        for (_, partition), link in deltas.links(cursor, targets.source, {targets.stream: epoch}).items()
    }
    newest = ledger.newest_of_partitions(cursor, targets.source, targets.stream)
    loaded: list[Landed] = []
    superseded: list[Landed] = []
    for window in sorted(landed, key=_place):
        reading = reading_of(window)
        age, place = (reading.epoch, reading.as_of), (reading.epoch, reading.partition)
        epoch, as_of = newest.get(reading.partition, (-1, reading.as_of))
        goes_on = window.commit.link is not None and window.commit.link == links.get(place)
        begins = window.commit.link is None and age > (epoch, as_of)
        if reading.epoch >= epoch and (goes_on or begins):
            loaded.append(window)
            links[place], newest[reading.partition] = window.commit.next_link or "", age
        else:
            superseded.append(window)
    return Chosen(loaded, superseded)


def _place(landed: Landed) -> tuple[object, ...]:
    # Not by the window's time: one that began anew covers that of all before it, and is later than they are.
    reading = reading_of(landed)
    return reading.epoch, reading.as_of, reading.run
