"""From an endpoint to rows in the warehouse, by the deployed state machine, beside the script that went before."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from local.deployment import Deployment
from local.errors import LocalError
from local.servers import ROOT
from xmlift.landing import names

from . import cost_model
from .pipeline_calls import Recorder
from .pipeline_cloud import SIDE_BY_SIDE, Timed, check_same_rows, deployed, endpoint, install, postgresql, run
from .pipeline_overlap import LATENCY_MILLISECONDS, OPEN, Overlap, read_side_by_side
from .pipeline_pages import Shape, write_pages
from .section import Bench, Claim, Plot, Samples, Section, Table

SHAPE = Shape(windows=10, pages=20)
QUICK_SHAPE = Shape(windows=10, pages=4)
PART = Shape(windows=1, pages=10)
OVERLAPPING = Shape(windows=8, pages=10)
LATENCY = 100
FASTER = 20.0
OVERLAPPED = 0.55
"""What part of the wall time of windows read side by side has to be unavoidable: see `Overlap.reached`."""

CAPACITY = 8
"""RPU of the local environment's warehouse."""

COUNTS = (1, 100, 10_000)
SCRIPT = Path(__file__).with_name("pipeline_sequential.py")
SCRIPT_PYTHON = ROOT / ".venvs" / "bench-sequential" / "bin" / "python"


class Scripted(NamedTuple):
    """One run of the sequential script: seconds in all, of each part, and of its CPU; pages that it read."""

    pages: int
    seconds: float
    cpu: float
    parts: dict[str, float]


class Measured(NamedTuple):
    """Everything that the section tells."""

    shape: Shape
    ours: list[Timed]
    whole: Scripted
    parts: list[Scripted]
    model: cost_model.Model
    overlaps: list[Overlap]

    @property
    def seconds(self) -> Samples:
        return Samples([timed.seconds for timed in self.ours])

    @property
    def ratio(self) -> float:
        return self.whole.seconds / self.seconds.median


def measure(bench: Bench) -> Section:
    shape = QUICK_SHAPE if bench.quick else SHAPE
    bench.say(f"pipeline: {shape.windows * shape.pages} pages, a cloud of its own")
    pages = write_pages(bench.folder, shape)
    with deployed(bench.folder / "pipeline-cloud") as deployment, endpoint(pages, LATENCY) as url:
        bench.say("pipeline: one run before, then those that count")
        run(install(deployment, url), shape)
        sources = [install(deployment, url) for _ in range(bench.runs)]
        ours = [run(installed, shape) for installed in sources]
        bench.say("pipeline: what a run uses")
        model = _model(deployment, url, shape)
        bench.say("pipeline: fetching and parsing side by side")
        overlaps = list(_overlaps(deployment, bench))
        bench.say("pipeline: the sequential script, a few pages, then all")
        dsn = postgresql(deployment)
        with endpoint(write_pages(bench.folder, PART), LATENCY) as part_url:
            parts = [script(part_url, PART, dsn) for _ in range(bench.runs)]
        whole = script(url, shape, dsn)
        check_same_rows(sources[-1], dsn)
    return section(Measured(shape, ours, whole, parts, model, overlaps))


def script(url: str, shape: Shape, dsn: str) -> Scripted:
    """Run the sequential script over all pages of a shape. Raises CalledProcessError, LocalError."""
    command = [str(SCRIPT_PYTHON), str(SCRIPT), url, str(shape.windows), dsn]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if told["rows"] != shape.all_records:
        raise LocalError(f"the sequential script made {told['rows']} rows of {shape.all_records} records")
    return Scripted(shape.windows * shape.pages, told["seconds"], told["cpu"], told["parts"])


def _model(deployment: Deployment, url: str, shape: Shape) -> cost_model.Model:
    """From a run of one window and one of all."""
    recorder = Recorder(deployment)

    def used(windows: int) -> cost_model.Usage:
        installed = install(deployment, url)
        with recorder.recorded():
            timed = run(installed, shape._replace(windows=windows))
        return recorder.usage(timed, windows, CAPACITY)

    return cost_model.fitted(used(1), 1, used(shape.windows), shape.windows)


def _overlaps(deployment: Deployment, bench: Bench) -> Iterator[Overlap]:
    """For each number of open windows the reading of the median wall time; the function's processes are warm."""
    with endpoint(write_pages(bench.folder, OVERLAPPING), LATENCY_MILLISECONDS) as url:
        installed = install(deployment, url)
        _overlap(installed, OVERLAPPING)
        for windows in OPEN:
            found = [_overlap(installed, OVERLAPPING._replace(windows=windows)) for _ in range(bench.runs)]
            yield sorted(found, key=lambda one: one.wall)[len(found) // 2]


def _overlap(installed: Deployment, shape: Shape) -> Overlap:
    (name,) = installed.sources
    run_name = names.run_id(datetime.now(UTC), uuid.uuid4().hex[:12])
    # A run's functions read the run's own copy of its catalogue file, which plan makes.
    s3, given = installed.client("s3"), installed.given(name)
    copy = names.catalogue(name, run_name)
    source = {"Bucket": installed.bucket, "Key": given["catalogue"]}
    s3.copy_object(Bucket=installed.bucket, Key=copy, CopySource=source)
    return read_side_by_side(installed, shape, run_name, copy)


def section(measured: Measured) -> Section:
    """The section of what was measured."""
    pages = measured.shape.windows * measured.shape.pages
    open_windows = [overlap for overlap in measured.overlaps if overlap.windows > 1]
    worst = min(open_windows, key=lambda overlap: overlap.reached)
    return Section(
        title="Pipeline",
        prose=_prose(measured),
        claims=[
            Claim(
                f"pipeline: {pages} pages of {measured.shape.records} records through the state machine: in "
                f"wall time at least {FASTER:g} times faster than the sequential script",
                measured.ratio,
                FASTER,
                "×",
            ),
            Claim(
                f"overlap: with {', '.join(str(one.windows) for one in open_windows)} windows open, the wall "
                f"time is what the endpoint's pauses or the cores need alone: at least {OVERLAPPED:g} of it",
                worst.reached,
                OVERLAPPED,
                "",
            ),
        ],
        tables=[*_tables(measured)],
        plots=[
            Plot(
                name="overlap",
                title=f"Cores kept busy by extract, endpoint of {LATENCY_MILLISECONDS} ms",
                kind="lines",
                labels=[],
                series={"cores busy": [(one.windows, one.busy) for one in measured.overlaps]},
                x_label="windows open",
                y_label="cores",
            )
        ],
    )


def _prose(measured: Measured) -> str:
    shape, seconds = measured.shape, measured.seconds
    pages = shape.windows * shape.pages
    return f"""\
{pages} pages of {shape.records} records (about 1 MB each, 26 columns) from an endpoint on loopback that waits
{LATENCY} ms before each answer and costs next to no CPU; {shape.windows} windows of {shape.pages} pages,
{SIDE_BY_SIDE} of which are read side by side (`extract_concurrency`). Timed is one execution of the state machine
by its own clock, from its start to its end: plan, extract, load and report, with the rows in their table.
*Warm* means that the same state machine has run before, so that the functions' processes exist; each timed run
is of a new source, whose windows nobody has read and whose tables do not exist. Making the source known (an apply
and migrate) is not timed. Everything shares the machine's cores: functions, emulator, warehouse and endpoint.
Median of {len(seconds.samples)} runs; the spread is {seconds.spread:.0%}.

The sequential script ([pipeline_sequential.py](../tests/bench/pipeline_sequential.py)) asks for a page, reads
it with Beautiful Soup on lxml, goes on to the next, types one DataFrame with pandas at the end, and copies it into
a new table of the same PostgreSQL, which it reaches directly, without the stand-in. It keeps no state, no history
and no rejects. It ran once over all pages, and {len(measured.parts)} times over a few: its time grows with the
pages alone. Its table and ours were compared: the same rows in all 26 columns.

What this leaves out: network to AWS, cold starts, and Redshift's own speed; PostgreSQL stands in for it.
"""


def _tables(measured: Measured) -> Iterator[Table]:
    ours, script_part = measured.seconds, Samples([part.seconds / part.pages for part in measured.parts])
    pages = measured.whole.pages
    steps = {
        name: Samples([timed.steps[name] for timed in measured.ours]).median
        for name in measured.ours[0].steps
    }
    yield Table(
        "From the endpoint to the table",
        ["", "seconds", "pages/s", "ratio"],
        [
            ["xmlift", f"{ours.median:.1f}", f"{pages / ours.median:.1f}", "1.0"],
            [
                "sequential script",
                f"{measured.whole.seconds:.1f}",
                f"{pages / measured.whole.seconds:.1f}",
                f"{measured.ratio:.1f}",
            ],
            [
                f"the same, from {measured.parts[0].pages} pages",
                f"{script_part.median * pages:.1f}",
                f"{1 / script_part.median:.1f}",
                f"{script_part.median * pages / ours.median:.1f}",
            ],
        ],
        "xmlift by step: "
        + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items())
        + ". The script: "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in measured.whole.parts.items())
        + ".",
    )
    yield Table(
        f"Windows read side by side, endpoint of {LATENCY_MILLISECONDS} ms",
        ["windows open", "pages", "seconds", "CPU seconds", "cores busy", "least seconds", "reached"],
        [
            [
                str(one.windows),
                str(one.windows * one.pages),
                f"{one.wall:.2f}",
                f"{one.cpu:.2f}",
                f"{one.busy:.2f}",
                f"{one.least:.2f}",
                f"{one.reached:.0%}",
            ]
            for one in measured.overlaps
        ],
        "Least: all pauses of one window one after the other, since a page names the next one, or all CPU time on "
        "the cores there are, whichever is more. Reached: least by measured.",
    )
    yield Table(
        f"What a run costs, in {cost_model.REGION} at list prices of {cost_model.PRICES_AS_OF}",
        [
            "",
            *(
                cell
                for count in COUNTS
                for cell in (f"{count:,} windows" if count > 1 else "1 window", "cost")
            ),
        ],
        cost_model.table_rows(measured.model, CAPACITY, COUNTS),
        f"From runs of 1 and {measured.shape.windows} windows of {measured.shape.pages} pages, calls counted by "
        "the local cloud, durations as they were here, with two cores for everything. S3's GETs include COPY's. "
        f"A warehouse of {CAPACITY} RPU is taken to be awake in plan, load and report, for "
        f"{cost_model.SHORTEST_WAKE_SECONDS} s at least. Prices: "
        + ", ".join(sorted({p.page for p in cost_model.PRICES.values()}))
        + ".",
    )
