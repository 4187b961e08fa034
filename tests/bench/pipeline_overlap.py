"""Whether fetching overlaps parsing: windows read side by side by the deployed function, and how busy it is."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, NamedTuple

import psutil

from local.deployment import Deployment
from local.errors import LocalError

from .pipeline_pages import FIRST_DAY, Shape

CORES = 2
LATENCY_MILLISECONDS = 50
OPEN = (1, 2, 4, 8)


class Overlap(NamedTuple):
    """`windows` read side by side: wall seconds, CPU seconds of the function's processes, pages of each window."""

    windows: int
    wall: float
    cpu: float
    pages: int

    @property
    def busy(self) -> float:
        """How many cores the function kept busy, on average."""
        return self.cpu / self.wall

    @property
    def least(self) -> float:
        """The least wall seconds that there can be: all waiting of one window, or all work on all cores.

        A page names the next one, so that a window's requests cannot but follow one another.
        """
        return max(self.pages * LATENCY_MILLISECONDS / 1_000, self.cpu / min(CORES, self.windows))

    @property
    def reached(self) -> float:
        """What part of the wall time could not have been less; one where fetching and parsing overlap fully."""
        return self.least / self.wall


def read_side_by_side(installed: Deployment, shape: Shape, run: str, catalogue: str) -> Overlap:
    """Read each of a shape's windows by a call of extract of its own, all at once, into a run of this name.

    catalogue: the key of the run's own copy of the catalogue file.
    """
    events = [_event(installed, window, run) | {"catalogue": catalogue} for window in range(shape.windows)]
    before, begun = _cpu(installed), time.monotonic()
    with ThreadPoolExecutor(shape.windows) as callers:
        answers = list(callers.map(lambda event: _extract(installed, event), events))
    wall, after = time.monotonic() - begun, _cpu(installed)
    if sum(answer["pages"] for answer in answers) != shape.windows * shape.pages:
        raise LocalError(f"extract did not read all pages: {answers}")
    cpu = sum(spent - before.get(pid, 0.0) for pid, spent in after.items())
    return Overlap(shape.windows, wall, cpu, shape.pages)


def _event(installed: Deployment, window: int, run: str) -> dict[str, Any]:
    (name,) = installed.sources
    begins = FIRST_DAY + timedelta(days=window)
    return {
        **installed.given(name),
        "run": run,
        "stream": "work_items",
        "partition": "-",
        "epoch": 0,
        "from": begins.isoformat(),
        "to": (begins + timedelta(days=1)).isoformat(),
    }


def _extract(installed: Deployment, event: dict[str, Any]) -> dict[str, Any]:
    function = installed.outputs["functions"]["extract"]["alias_arn"]
    answer = installed.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise LocalError(f"extract failed: {told}")
    return dict(told)


def _cpu(installed: Deployment) -> dict[int, float]:
    """CPU seconds so far of each process of the function extract."""
    name = installed.outputs["functions"]["extract"]["name"]
    supervisor = installed.cloud.state.supervisor.process()
    spent = {}
    for process in supervisor.children(recursive=True) if supervisor else ():
        try:
            if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name:
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it has ended meanwhile, or is no function's
    return spent
