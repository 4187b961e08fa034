"""A million rows: from parts in the landing zone into the warehouse, beside a plain COPY of the same rows."""

import io
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from xmlift.loading.load import LoadEvent, load
from xmlift.warehouse.statements import identifier

from ..unit.warehouse_stand_in import COPY_ROLE, DATABASE, LOADER
from .load_landing import CATALOGUE_KEY, SOURCE, STREAM, Landing, land, run_of
from .load_world import Spent, World, world
from .section import Bench, Claim, Plot, Section, Table

ROWS, QUICK_ROWS = 1_000_000, 100_000
ROWS_OF_WINDOW = 20_000
FLOOR = 0.5
EVEN = 1.25
"""How much more a row may cost among ten times as many."""

_PROSE = """\
{rows:,} rows of {columns} columns ({megabytes:.0f} MB of CSV, {packed:.0f} MB packed) stand in the landing zone
as {windows} windows of one part each. **load** is the step as it is deployed, with all that it does: manifests,
COPY into a stage, the rows of each part held against its commit, keys that stand twice, what the target has
already, MERGE or INSERT, and the ledger; the first 32 windows are one transaction, the others the next. **COPY** is
psycopg2's `copy_expert` of the same rows from memory into an empty table of the same columns in the same
PostgreSQL: no gzip, no staging, no check, nothing found twice.

Both take turns, each into an empty table. The warehouse is the stand-in, whose PostgreSQL writes each row that is
staged once more where Redshift would write compressed columns: the ratio is that of the steps, not of Redshift.
*Update* loads a second reading of the same keys over the first.
"""


class Turn(NamedTuple):
    """The same rows by both ways."""

    load: Spent
    copy: Spent


def measure(bench: Bench) -> Section:
    """Measure a tenth and a hundredth of the rows too: a row costs the same however many there are."""
    most = QUICK_ROWS if bench.quick else ROWS
    with world(bench.folder / "load") as running:
        running.stand_in.add_sources(SOURCE)
        turns: dict[int, list[Turn]] = {}
        for number, rows in enumerate((most // 100, most // 10, most)):
            bench.say(f"{rows:,} rows")
            windows = max(1, rows // ROWS_OF_WINDOW)
            landing = land(running.zone, run_of(number, windows), rows, windows)
            turns[rows] = [take_turn(running, landing) for _ in range(bench.runs)]
        bench.say("the same keys again")
        over = update(running, most // 10, max(1, most // 10 // ROWS_OF_WINDOW))
    return section(turns, over, landing)


def take_turn(running: World, landing: Landing) -> Turn:
    """Load what has landed, and copy the same rows; each leaves nothing behind."""
    empty(running)
    copied = running.spent(lambda: copy(running, landing))
    running.stand_in.run("DROP TABLE plain")
    running.stand_in.run("CHECKPOINT")
    loaded = running.spent(lambda: load_run(running, landing.run))
    rows = landing.csv.count(b"\n")
    assert standing(running) == rows, "a load that loses rows is fast for nothing"
    return Turn(loaded, copied)


def load_run(running: World, run: str) -> None:
    """What the state machine does for one stream."""
    event = LoadEvent(source=SOURCE, catalogue=CATALOGUE_KEY, stream=STREAM, run=run)
    answer = load(event, running.zone, running.stand_in.warehouse(LOADER), COPY_ROLE, lambda: 900.0)
    assert answer.status == "done"


def copy(running: World, landing: Landing) -> None:
    """The plainest way to bring these rows into this PostgreSQL."""
    columns = ", ".join(f"{identifier(name)} {_PLAIN.get(name, 'text')}" for name in landing.columns)
    with running.stand_in.postgresql.superuser(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE plain ({columns})")
        cursor.copy_expert(
            "COPY plain FROM STDIN WITH (FORMAT csv, NULL '')", io.BytesIO(landing.csv), 1 << 18
        )


_PLAIN = {
    "id": "bigint", "modified": "timestamptz", "created": "timestamptz", "archived": "boolean",
    "duration": "bigint", "_page": "integer", "_row": "integer", "_read_at": "timestamptz",
    "_parsed_at": "timestamptz",
}  # fmt: skip


def update(running: World, rows: int, windows: int) -> Spent:
    """Load a newer reading of as many keys as stand in the table."""
    empty(running)
    first, second = (land(running.zone, run_of(number, windows), rows, windows) for number in (10, 11))
    load_run(running, first.run)
    spent = running.spent(lambda: load_run(running, second.run))
    assert standing(running) == rows, "a key stands once"
    return spent


def empty(running: World) -> None:
    """As before the first load."""
    running.stand_in.forget(SOURCE)
    running.stand_in.run(f"DROP TABLE IF EXISTS {SOURCE}.{STREAM}")
    running.stand_in.run("CHECKPOINT")


def standing(running: World) -> int:
    ((rows,),) = running.stand_in.run(f"SELECT COUNT(*) FROM {SOURCE}.{STREAM}")
    return int(rows)


def section(turns: dict[int, list[Turn]], over: Spent, landing: Landing) -> Section:
    """What the measurements say."""
    *_, tenth, most = sorted(turns)
    ratio = _median(turns[most], _copy_seconds) / _median(turns[most], _load_seconds)
    per_row = {rows: _median(taken, lambda turn: turn.load.cpu) / rows for rows, taken in turns.items()}
    return Section(
        title="Load",
        prose=_PROSE.format(
            rows=most,
            columns=len(landing.columns),
            megabytes=len(landing.csv) / 1e6,
            packed=landing.packed / 1e6,
            windows=max(1, most // ROWS_OF_WINDOW),
        ),
        claims=[
            Claim(f"{most:,} rows: rate of a plain client COPY", ratio, FLOOR, "×"),
            Claim(
                f"CPU of a row among {most:,}, of that among {tenth:,}",
                per_row[most] / per_row[tenth],
                EVEN,
                "×",
                at_least=False,
            ),
        ],
        tables=[_table(turns, over, tenth)],
        plots=[
            Plot(
                "load",
                "Rows into the warehouse",
                "lines",
                [],
                {"load": _line(turns, _load_seconds), "plain COPY": _line(turns, _copy_seconds)},
                "rows",
                "seconds",
                logarithmic=True,
            )
        ],
    )


def _table(turns: dict[int, list[Turn]], over: Spent, updated: int) -> Table:
    rows = []
    for count, taken in sorted(turns.items()):
        rows.append(_row(f"load, {count:,} rows", count, _middle([turn.load for turn in taken])))
        rows.append(_row(f"COPY, {count:,} rows", count, _middle([turn.copy for turn in taken])))
    rows.append(_row(f"update, {updated:,} rows", updated, over))
    return Table(
        "Rows into the stand-in, medians",
        ["", "rows/s", "s", "s CPU, this process", "s CPU, PostgreSQL"],
        rows,
        "This process is the step, the stand-in's front and the S3 in one, and for COPY psycopg2.",
    )


def _row(name: str, rows: int, spent: Spent) -> list[str]:
    return [name, f"{rows / spent.wall:,.0f}", *(f"{seconds:.2f}" for seconds in spent)]


def _line(turns: dict[int, list[Turn]], seconds: Callable[[Turn], float]) -> list[tuple[float, float]]:
    return [(float(rows), _median(taken, seconds)) for rows, taken in sorted(turns.items())]


def _middle(taken: list[Spent]) -> Spent:
    """The median of each of its times."""
    return Spent(*(median(times) for times in zip(*taken, strict=True)))


def _load_seconds(turn: Turn) -> float:
    return turn.load.wall


def _copy_seconds(turn: Turn) -> float:
    return turn.copy.wall


def _median(turns: list[Turn], of: Callable[[Turn], float]) -> float:
    return median(of(turn) for turn in turns)
