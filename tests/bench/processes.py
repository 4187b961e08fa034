"""The same window by one process and by several, where a function has more than one vCPU."""

from functools import partial

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
more processes are for. The rows are the same, in the same order. The main process fetches, cuts, compresses and
writes, a third of all the work, and that is what bounds the gain (docs/adr/0019).
"""


def measure(bench: Bench) -> Section:
    """Let each number of processes read the page, in turn."""
    page = corpus(bench.folder, "ewm", MEGABYTES)
    bench.say(f"{page.size / 1e6:.0f} MB by {', '.join(map(str, PROCESSES))} processes")

    def seconds(count: int) -> float:
        return children.run(OURS, page, bench.folder / "work" / "processes", processes=count).seconds

    walls = interleaved(bench.runs, {str(count): partial(seconds, count) for count in PROCESSES})
    alone = walls["1"].median
    best = max(alone / walls[str(count)].median for count in PROCESSES[1:])
    rows = [
        [name, number(samples.median, "s"), f"{alone / samples.median:.2f}×"]
        for name, samples in walls.items()
    ]
    return Section(
        title="One window, several processes",
        prose=_PROSE.format(megabytes=page.size / 1e6),
        claims=[Claim("processes on two cores, of one on one", best, 1.7, "×")],
        tables=[Table("", ["processes", "wall time", "faster than one"], rows)],
        plots=[],
    )
