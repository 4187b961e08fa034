"""How sources stand, for people: a line for each stream, then in words what goes on and what is wrong."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Any

from commands import words
from commands.display import say
from commands.run_lines import as_json as run_as_json
from commands.tables import print_table
from operate.standing import Standing, StreamStanding
from xmlift.windows import Interval

type Command = Callable[[str], str]
"""How a person types a make target for the environment at hand."""

_LONGEST_PARTITION = 40
_RIGHT = ("lag", "gaps", "windows", "quarantined", "rows")


def show_standings(
    standings: Sequence[Standing], now: datetime, gaps: bool, command: Command = lambda words: f"make {words}"
) -> None:
    """Print the table, with all gaps if asked for, and say the rest."""
    rows = [
        _row(name, stream, now)
        for standing in standings
        for name, stream in zip(short_titles(standing), standing.streams, strict=True)
    ]
    print_table(("stream", "watermark", *_RIGHT), rows, right=_RIGHT)
    if gaps:
        _print_gaps(standings)
    for standing in standings:
        for line in lines(standing, now, gaps, command):
            say(line)


def lines(
    standing: Standing, now: datetime, gaps_shown: bool, command: Command = lambda words: f"make {words}"
) -> Iterator[str]:
    """What the table does not say: runs, gaps, quarantined windows with their reasons."""
    for run in standing.under_way:
        yield f"{standing.source}: under way for {words.length(now - run.started)}: {run.run}"
    if standing.last is None:
        if not standing.under_way:
            how = command(f"run SOURCE={standing.source}")
            if not standing.is_asked:
                how = command(f"drop FILE=… STREAM={standing.source}.{standing.streams[0].stream}")
            yield f"{standing.source}: has never run. Start it with: {how}"
    else:
        last = standing.last
        why = f": {last.message}" if last.message and last.status != "SUCCEEDED" else ""
        ago = words.length(now - (last.ended or last.started))
        yield f"{standing.source}: last run {last.status}, {ago} ago{why}"
    for stream in standing.streams:
        name = title(standing.source, stream)
        if stream.gaps and not gaps_shown:
            oldest = stream.gaps[0]
            number = "a gap" if len(stream.gaps) == 1 else f"{len(stream.gaps)} gaps, the oldest"
            yield f"{name}: {number} {between(oldest)}; the next run reads it (--gaps lists all)"
        for each in stream.quarantined:
            what = f"the file {each.file}" if each.file else between(each.window)
            yield f"{name}: quarantined {what}, run {each.run}: {each.reason}"


def as_json(standing: Standing, now: datetime) -> dict[str, Any]:
    """How a source stands, for programs. Lags are in seconds."""
    return {
        "source": standing.source,
        "under_way": [run_as_json(run) for run in standing.under_way],
        "last_run": run_as_json(standing.last) if standing.last else None,
        "streams": [_stream_as_json(stream, now) for stream in standing.streams],
    }


def title(source: str, stream: StreamStanding) -> str:
    return f"{source}.{stream.stream}" + (f" [{stream.partition}]" if stream.partition else "")


def between(interval: Interval) -> str:
    return (
        f"{words.instant(interval.start)} to {words.instant(interval.end)} "
        f"({words.length(interval.end - interval.start)})"
    )


def short_titles(standing: Standing) -> list[str]:
    """As `title`, but of partitions that are URLs only what tells them apart: a terminal has no room for more."""
    beginnings = {
        name: _common_folder([each.partition or "" for each in standing.streams if each.stream == name])
        for name in {each.stream for each in standing.streams}
    }
    return [
        title(standing.source, replace(each, partition=_cut(each.partition, beginnings[each.stream])))
        for each in standing.streams
    ]


def _common_folder(partitions: Sequence[str]) -> str:
    """What all of them begin with, up to a slash; of one alone nothing can be left out by comparing."""
    if len(partitions) < 2:
        return ""
    first, last = min(partitions), max(partitions)
    alike = takewhile(lambda letters: letters[0] == letters[1], zip(first, last, strict=False))
    return "".join(letter for letter, _ in alike).rpartition("/")[0] + "/"


def _cut(partition: str | None, beginning: str) -> str | None:
    if partition is None:
        return None
    short = partition.removeprefix(beginning) if len(beginning) > 1 else partition
    if len(short) > _LONGEST_PARTITION:
        return f"…{short[-_LONGEST_PARTITION:]}"
    return short if short == partition else f"…/{short}"


def _row(name: str, stream: StreamStanding, now: datetime) -> list[str]:
    mark = stream.watermark
    none = "the start is missing" if stream.windows else "nothing loaded yet"
    return [
        name,
        words.instant(mark) if mark else none,
        words.length(now - mark) if mark else "",
        *(f"{count:,}" for count in (len(stream.gaps), stream.windows, len(stream.quarantined), stream.rows)),
    ]


def _print_gaps(standings: Sequence[Standing]) -> None:
    rows = [
        [
            title(standing.source, stream),
            words.instant(gap.start),
            words.instant(gap.end),
            words.length(gap.end - gap.start),
        ]
        for standing in standings
        for stream in standing.streams
        for gap in stream.gaps
    ]
    if rows:
        print_table(("gaps of", "from", "to", "length"), rows, right=("length",))


def _stream_as_json(stream: StreamStanding, now: datetime) -> dict[str, Any]:
    mark = stream.watermark
    return {
        "stream": stream.stream,
        "partition": stream.partition,
        "watermark": mark.isoformat() if mark else None,
        "lag_seconds": round((now - mark).total_seconds(), 3) if mark else None,
        "gaps": [_interval_as_json(gap) for gap in stream.gaps],
        "windows": stream.windows,
        "superseded": stream.superseded,
        "quarantined": [
            {
                **_interval_as_json(each.window),
                "run": each.run,
                "reason": each.reason,
                "file": each.file or None,
            }
            for each in stream.quarantined
        ],
        "rows": stream.rows,
    }


def _interval_as_json(interval: Interval) -> dict[str, str]:
    return {"from": interval.start.isoformat(), "to": interval.end.isoformat()}
