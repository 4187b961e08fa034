"""How much memory each function has taken at most, against the size that Terraform has given it.

The functions are real processes here, and the kernel keeps the peak of each one's resident memory (`VmHWM`):
that is what counts, pages of shared libraries included. The platform's own word, `Max Memory Used` of the REPORT
line, is no measure in the emulator: it asks for the largest of its child processes that have ended, whichever
function's that was, and says 0 MB as long as none has. On Lambda it is the sandbox's and can be believed.
"""

from collections.abc import Iterator
from pathlib import Path

import psutil

from local.cloud import Cloud
from local.deployment import Deployment

_MEGABYTE = 1024 * 1024


class Memory:
    """The peaks of one cloud's functions, looked at again and again, since a process may end at any time."""

    def __init__(self, deployment: Deployment) -> None:
        self._cloud = deployment.cloud
        self._steps = {function["name"]: step for step, function in deployment.outputs["functions"].items()}
        functions = deployment.cloud.client("lambda")
        self.sizes: dict[str, int] = {
            step: functions.get_function_configuration(FunctionName=name)["MemorySize"]
            for name, step in self._steps.items()
        }
        self.peaks: dict[str, float] = {}

    def look(self) -> None:
        """Note the peaks, in megabytes (of 1,024 × 1,024 bytes, as Lambda counts them)."""
        for name, peak in _peaks(self._cloud):
            if step := self._steps.get(name):
                self.peaks[step] = max(self.peaks.get(step, 0.0), peak / _MEGABYTE)

    def faults(self) -> list[str]:
        """The functions that took as much as they have, or more, and those of which nothing is known."""
        unseen = [
            f"no process of {step} was ever seen: its memory is not known"
            for step in self.sizes
            if step not in self.peaks
        ]
        return unseen + [
            f"{step} took {peak:.0f} MB of the {self.sizes[step]} MB that it has: find what grows, or give it "
            "more under `functions` in Terraform"
            for step, peak in self.peaks.items()
            if peak >= self.sizes[step]
        ]


def _peaks(cloud: Cloud) -> Iterator[tuple[str, int]]:
    """Every process of a function: the function's name and the most bytes that the process ever had resident."""
    supervisor = cloud.state.supervisor.process()
    for process in supervisor.children(recursive=True) if supervisor else ():
        try:
            name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
            if name:
                yield name, _peak(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue  # it has ended meanwhile, or is no function's


def _peak(process: psutil.Process) -> int:
    """The kernel's own record where it tells it (Linux); elsewhere what is resident now, so look often."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(process.memory_info().rss)
