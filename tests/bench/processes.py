"""The same window by one process and by several, where a function has more than one vCPU."""

from functools import partial
from statistics import median

from . import children
from .children import OURS
from .corpora import corpus
from .page import number
from .section import Bench, Claim, Section, Table, interleaved

MEGABYTES = 100
PROCESSES = (1, 2, 3)

_PROSE = """\
The page of {megabytes:.0f} MB from above as one window, by one process on one CPU and by several on all of them
(`XMLIFT_PROCESSES`, which Terraform sets to the function's vCPUs). Wall time of the work alone, since that is what
more processes are for. The rows are the same. Each process converts and compresses into parts of its own; the main
one fetches, cuts and puts, too (docs/adr/0019). CPU time is that of all processes together: what it grows by, the
way between them and their shared cache take, and twice one's wall time by it is the most that two cores can gain.
"""


def measure(bench: Bench) -> Section:
    """Let each number of processes read the page, in turn."""
    page = corpus(bench.folder, "ewm", MEGABYTES)
    bench.say(f"{page.size / 1e6:.0f} MB by {', '.join(map(str, PROCESSES))} processes")

    cpu: dict[str, list[float]] = {str(count): [] for count in PROCESSES}

    def seconds(count: int) -> float:
        measured = children.run(OURS, page, bench.folder / "work" / "processes", processes=count)
        cpu[str(count)].append(measured.cpu)
        return measured.seconds

    walls = interleaved(bench.runs, {str(count): partial(seconds, count) for count in PROCESSES})
    alone = walls["1"].median
    best = max(alone / walls[str(count)].median for count in PROCESSES[1:])
    rows = [
        [name, number(samples.median, "s"), number(median(cpu[name]), "s"), f"{alone / samples.median:.2f}×"]
        for name, samples in walls.items()
    ]
    return Section(
        title="One window, several processes",
        prose=_PROSE.format(megabytes=page.size / 1e6),
        claims=[Claim("processes on two cores, of one on one", best, 1.7, "×")],
        tables=[
            Table(
                "By the number of processes", ["processes", "wall time", "CPU time", "faster than one"], rows
            )
        ],
        plots=[],
    )
