"""What is kept as coverage, held against the windows of the ledger one by one: slow, and obviously right."""

from datetime import UTC, datetime, timedelta

from xmlift.warehouse.ledger import LOADED
from xmlift.windows import EPOCH, Interval, merged, settled_by

from .warehouse_stand_in import StandIn

type Kept = list[tuple[str, int, str, int, datetime, datetime]]
"""Stream, epoch, partition, overlap in microseconds, from and to."""


def kept(stand_in: StandIn, source: str) -> Kept:
    """The rows of the table, as they are."""
    rows = stand_in.run(
        "SELECT stream, epoch, partition_id, overlap, covered_from, covered_to FROM xmlift.coverage "
        "WHERE source = %s",
        source,
    )
    return sorted((*row[:4], row[4].astimezone(UTC), row[5].astimezone(UTC)) for row in rows)


def to_be_kept(stand_in: StandIn, source: str, overlaps: dict[str, timedelta]) -> Kept:
    """What the rows of these streams have to be, with these overlaps."""
    settled: dict[tuple[str, int, str], list[Interval]] = {}
    for stream, epoch, partition, start, end, as_of in stand_in.run(
        "SELECT stream, epoch, partition_id, window_start, window_end, as_of FROM xmlift.ledger "
        "WHERE source = %s AND state = %s",
        source,
        LOADED,
    ):
        if stream in overlaps:
            one = settled_by(Interval(start, end), as_of, overlaps[stream])
            settled.setdefault((stream, epoch, partition), []).append(one)
    marks = {(stream, epoch, ""): [Interval(EPOCH, EPOCH)] for stream, epoch, _ in settled}
    return sorted(
        (stream, epoch, partition, overlaps[stream] // timedelta(microseconds=1), start, end)
        for scopes in ({scope: merged(ones) for scope, ones in settled.items()}, marks)
        for (stream, epoch, partition), wholes in scopes.items()
        for start, end in wholes
    )


def check_kept(stand_in: StandIn, source: str) -> None:
    """That each stream which has coverage has exactly that of its ledger, with one overlap."""
    found = kept(stand_in, source)
    overlaps = {stream: timedelta(microseconds=overlap) for stream, _, _, overlap, _, _ in found}
    assert found == to_be_kept(stand_in, source, overlaps)
