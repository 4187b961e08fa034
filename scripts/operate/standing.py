"""How a source stands: by the ledger how far it is loaded and where not, by its runs what goes on."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2

from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.past_runs import RUNNING, PastRun, PastRuns
from xmlift.catalogue import Stream
from xmlift.errors import WarehouseError
from xmlift.landing.names import WHOLE
from xmlift.planning.missing import stream_start
from xmlift.planning.plan import counted_coverage
from xmlift.warehouse import coverage
from xmlift.windows import ALL_TIME, Interval, subtracted, watermark

# Those of a window that fails in every run are told once, by the newest.
_MOST_QUARANTINED = 1000
_LOOKED_THROUGH = 20

# Dropped files, each a partition of its own, are told together with what has no partition.
_COUNTS = """
SELECT stream, CASE WHEN window_name = %s THEN %s ELSE partition_id END,
  SUM(CASE WHEN state = 'loaded' THEN 1 ELSE 0 END),
  SUM(CASE WHEN state = 'superseded' THEN 1 ELSE 0 END), SUM(rows_inserted) - SUM(rows_removed)
FROM xmlift.ledger WHERE source = %s GROUP BY 1, 2
"""
# Of a dropped file no time tells whether it has been settled since: that another version of it was read does.
_QUARANTINED = """
SELECT refused.stream, CASE WHEN window_name = %(dropped)s THEN %(whole)s ELSE refused.partition_id END,
  epoch, window_start, window_end, run, reason,
  CASE WHEN window_name = %(dropped)s THEN refused.partition_id ELSE '' END
FROM xmlift.ledger AS refused LEFT JOIN (
  SELECT stream, partition_id, MAX(loaded_at) AS read_at FROM xmlift.ledger
  WHERE source = %(source)s AND window_name = %(dropped)s AND state <> 'quarantined' GROUP BY 1, 2
) AS files
  ON files.stream = refused.stream AND files.partition_id = refused.partition_id AND window_name = %(dropped)s
WHERE source = %(source)s AND state = 'quarantined' AND (read_at IS NULL OR read_at < loaded_at)
ORDER BY loaded_at DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class Quarantined:
    """A window that would not load, and whose time nothing has settled since. file: the one dropped, if any."""

    window: Interval
    run: str
    reason: str
    file: str = ""


@dataclass(frozen=True)
class StreamStanding:
    """A stream, or one partition of it.

    partition: None where the stream has none. watermark: up to there everything is loaded; None if nothing is, from
    the cursor's start on. gaps: what is not settled before the last settled instant, oldest first. windows: that
    are loaded, superseded: that gave way to newer ones. rows: what the ledger says the stream's own table holds.
    """

    stream: str
    partition: str | None
    watermark: datetime | None
    gaps: list[Interval]
    windows: int
    superseded: int
    quarantined: list[Quarantined]
    rows: int


@dataclass(frozen=True)
class Standing:
    """A source. last: the newest run that has ended. under_way: those that have not, newest first.

    is_asked: whether it has a server; else files alone start its runs.
    """

    source: str
    streams: list[StreamStanding]
    last: PastRun | None
    under_way: list[PastRun]
    is_asked: bool = True


def standing(deployment: Deployment, source: str) -> Standing:
    """How a source stands now.

    The runs are read first: what one that has ended loaded is then in the ledger's answer.

    Raises: OperatorError if the environment has no such source, or its warehouse no ledger.
    """
    runs = PastRuns(deployment).newest([source], _LOOKED_THROUGH)
    return Standing(
        source=source,
        streams=stream_standings(deployment, source),
        last=next((run for run in runs if run.status != RUNNING), None),
        under_way=[run for run in runs if run.status == RUNNING],
        is_asked=deployment.is_asked(source),
    )


def stream_standings(deployment: Deployment, source: str) -> list[StreamStanding]:
    """What the ledger says about each stream of a source.

    Raises: OperatorError if the environment has no such source, or its warehouse no ledger.
    """
    catalogue = deployment.catalogue(source)
    try:
        with closing(deployment.connect()) as connection, connection.cursor() as cursor:
            settled = coverage.settled(cursor, source, counted_coverage(catalogue))
            cursor.execute(_COUNTS, (str(ALL_TIME), WHOLE, source))
            counts = {
                (stream, partition): tuple(map(int, sums)) for stream, partition, *sums in cursor.fetchall()
            }
            cursor.execute(
                _QUARANTINED,
                {"source": source, "dropped": str(ALL_TIME), "whole": WHOLE, "most": _MOST_QUARANTINED},
            )
            quarantined = cursor.fetchall()
    except (WarehouseError, psycopg2.errors.UndefinedColumn) as error:
        raise OperatorError(
            "The warehouse's ledger is not there, older than this command line, or not for this caller. Remedy: "
            f"{deployment.command(deployment.applied_by)}, with the caller's IAM role among `warehouse.readers`"
        ) from error
    return [
        _of_stream(
            name,
            partition,
            stream,
            settled.get(name, {}).get(partition, []),
            counts.get((name, partition), (0, 0, 0)),
            [row for row in quarantined if row[:3] == (name, partition, stream.epoch)],
        )
        for name, stream in catalogue.streams.items()
        for partition in _partitions(name, [*settled.get(name, {}), *(p for s, p in counts if s == name)])
    ]


def _of_stream(
    name: str,
    partition: str,
    stream: Stream,
    settled: Sequence[Interval],
    counts: Sequence[int],
    quarantined: Sequence[Any],
) -> StreamStanding:
    start = stream_start(stream)
    reached = watermark(start, settled)
    furthest = max((interval.end for interval in settled), default=start)
    windows, superseded, rows = counts
    return StreamStanding(
        stream=name,
        partition=None if partition == WHOLE else partition,
        watermark=reached if reached > start else None,
        gaps=subtracted(Interval(start, furthest), settled),
        windows=windows,
        superseded=superseded,
        quarantined=open_quarantine(
            [
                Quarantined(Interval(begin, end), run, reason, file)
                for *_, begin, end, run, reason, file in quarantined
            ],
            settled,
        ),
        rows=rows,
    )


def open_quarantine(newest_first: Sequence[Quarantined], settled: Sequence[Interval]) -> list[Quarantined]:
    """Those of them whose time nothing has settled, oldest first.

    A window that fails run after run begins at the same instant and ends at ever later ones: it is told once.
    """
    latest: dict[tuple[datetime, str], Quarantined] = {}
    for each in newest_first:
        if each.file or subtracted(each.window, settled):
            latest.setdefault((each.window.start, each.file), each)
    return sorted(latest.values(), key=lambda each: (each.window, each.file))


def _partitions(name: str, found: Sequence[str]) -> list[str]:
    return sorted(set(found)) or [WHOLE]
