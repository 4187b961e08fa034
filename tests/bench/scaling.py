"""What a run costs when ever more windows of its stream have been loaded before: plan, load and report."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median

import msgspec

from xmlift.landing.names import WindowName
from xmlift.loading.load import LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportEvent, report
from xmlift.run_input import PlanEvent, RunInput
from xmlift.windows import Interval
from xmlift.work import PlanAnswer, WorkItem

from ..unit.warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER
from .load_landing import CATALOGUE, CATALOGUE_KEY, SOURCE, START, STREAM, land_windows
from .load_world import Spent, World, world
from .section import Bench, Claim, Plot, Section, Table

FEW, MANY = 100, 100_000
SIZES = (FEW, 1_000, 10_000, MANY)
QUICK_SIZES = (FEW, 10_000)
MOST = 2.0
ROWS = 10
SPAN = timedelta(days=140)
"""All windows together: more of them are shorter ones, so that plan finds the same to read."""

type Steps = dict[str, list[Spent]]

_PROSE = """\
So many windows of one stream stand in the ledger as loaded, one after the other, each read by a run of its own.
Then a run is planned, its one window of {rows} rows lands, is loaded and reported; each step is a call as the state
machine makes it, its connections and all its statements included. The next one comes five minutes later.

The ledger is a real table of the stand-in. PostgreSQL reads whole rows of it where Redshift reads the few columns
that are asked for, and only blocks whose least and greatest value may fit, so what grows here grows less there.
Statements, rows and bytes that are fetched do not grow at all: `tests/protocol/test_costs.py` promises that.
"""

_FILL = """
INSERT INTO xmlift.ledger (source, stream, partition_id, epoch, window_name, window_start, window_end, run, state,
  commit_sha, as_of, pages, rows_read, rows_rejected, rows_out_of_window, rows_dropped, rows_written,
  rows_duplicate, rows_stale, rows_inserted, rows_updated, tables)
SELECT %s, %s, '-', 0, to_char(begins, form) || '_' || to_char(ends, form), begins, ends,
  to_char(ends, form) || '-' || md5(n::text), 'loaded', md5(n::text) || md5((n + 1)::text),
  ends + interval '6 minutes', 1, 10, 0, 0, 0, 10, 0, 0, 0, 10,
  '{"work_items":{"written":10,"inserted":0,"updated":10}}'
FROM (SELECT n, %s::timestamptz + n * length AS begins, %s::timestamptz + (n + 1) * length AS ends,
    'YYYYMMDD"T"HH24MISSUS"Z"' AS form
  FROM generate_series(0, %s) AS n, (SELECT %s::interval AS length) AS of_all) AS windows
"""


def measure(bench: Bench) -> Section:
    """Measure each step with a ledger of each size."""
    spent: dict[int, Steps] = {}
    with world(bench.folder / "scaling") as running:
        running.stand_in.add_sources(SOURCE)
        running.zone.put(CATALOGUE_KEY, CATALOGUE)
        for windows in QUICK_SIZES if bench.quick else SIZES:
            bench.say(f"{windows:,} windows in the ledger")
            fill_ledger(running, windows)
            a_run(running, windows, 0)  # makes the table, and its coverage is kept from now on: not measured
            spent[windows] = {}
            for number in range(bench.runs):
                for step, taken in a_run(running, windows, number + 1).items():
                    spent[windows].setdefault(step, []).append(taken)
    return section(spent)


def fill_ledger(running: World, windows: int) -> None:
    """Exactly so many loaded windows, settled to their end, and what the database does by itself after that."""
    running.stand_in.forget(SOURCE)
    length = SPAN / windows
    running.stand_in.run(_FILL, SOURCE, STREAM, START, START, windows - 1, length)
    running.stand_in.run("VACUUM ANALYZE xmlift.ledger")


def a_run(running: World, windows: int, number: int) -> dict[str, Spent]:
    """Plan, land, load and report one run, each five minutes after the one before.

    All within the hour after the last window, so that there is one slice of time to read.
    """
    stand_in, zone = running.stand_in, running.zone
    name = f"e{windows}-{number}"
    event = PlanEvent(
        input=RunInput(source=SOURCE, catalogue=CATALOGUE_KEY),
        execution=name,
        execution_arn=f"arn:{name}",
        started=START + SPAN + timedelta(minutes=30 + 5 * number),
        round=0,
    )
    answers: list[PlanAnswer] = []

    def planned() -> None:
        answers.append(plan(event, zone, stand_in.warehouse(PLANNER), lambda _: "SUCCEEDED"))

    def loaded() -> None:
        for item in answers[0].streams:
            told = LoadEvent(**msgspec.structs.asdict(item))
            done = load(told, zone, stand_in.warehouse(LOADER), COPY_ROLE, lambda: 900.0)
            assert done.status == "done"

    def reported() -> None:
        told = ReportEvent(**msgspec.structs.asdict(event))
        answer, _ = report(told, zone, stand_in.warehouse(REPORTER))
        assert answer.status == "succeeded", answer.message

    taken = {"plan": running.spent(planned)}
    items = msgspec.json.decode(zone.get(answers[0].extract.key), type=list[WorkItem])
    assert len(items) == 1, "what was loaded is settled"
    land_windows(zone, list(_windows(items)), ROWS)
    taken |= {"load": running.spent(loaded), "report": running.spent(reported)}
    return taken


def _windows(items: list[WorkItem]) -> Iterator[WindowName]:
    for item in items:
        yield WindowName(item.source, item.stream, item.run, item.partition, Interval(item.start, item.end))


def section(spent: dict[int, Steps]) -> Section:
    """What the measurements say."""
    least, most = min(spent), max(spent)
    steps = list(spent[least])
    return Section(
        title="Scaling with what was loaded before",
        prose=_PROSE.format(rows=ROWS),
        claims=[
            Claim(
                f"{step} with {most:,} windows in the ledger, of that with {least:,}",
                _median(spent[most][step], _wall) / _median(spent[least][step], _wall),
                MOST,
                "×",
                at_least=False,
            )
            for step in steps
        ],
        tables=[
            Table(
                "A run by the windows of its stream that stand in the ledger, medians",
                ["windows", *(f"{step}, {what}" for step in steps for what in ("ms", "ms CPU"))],
                [
                    [
                        f"{windows:,}",
                        *(
                            f"{1000 * _median(spent[windows][step], of):.0f}"
                            for step in steps
                            for of in (_wall, _cpu)
                        ),
                    ]
                    for windows in sorted(spent)
                ],
                "CPU is that of the step, of the stand-in and of PostgreSQL together.",
            )
        ],
        plots=[
            Plot(
                "scaling",
                "A run after so many windows",
                "lines",
                [],
                {
                    step: [
                        (float(windows), _median(spent[windows][step], _wall)) for windows in sorted(spent)
                    ]
                    for step in steps
                },
                "windows in the ledger",
                "seconds",
                logarithmic=True,
            )
        ],
    )


def _wall(spent: Spent) -> float:
    return spent.wall


def _cpu(spent: Spent) -> float:
    return spent.cpu


def _median(spent: list[Spent], of: Callable[[Spent], float]) -> float:
    return median(of(one) for one in spent)
