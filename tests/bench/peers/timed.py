"""The same for all that read a page here: their job on standard input, their measurements on standard output.

Nothing but the standard library: it runs in every peer's environment.
"""

import gzip
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """A page to read, the folder for what is made of it, and what is wanted: column name → path in the record."""

    corpus: Path
    folder: Path
    columns: dict[str, str]

    @property
    def output(self) -> Path:
        """Where the rows go, with a header."""
        return self.folder / "rows.csv.gz"


# As to_csv's documentation has it for speed; gzip's own default would have the peers compress most of the time.
GZIP = {"method": "gzip", "compresslevel": 1, "mtime": 1}


def measure(read: Callable[[Job], object]) -> None:
    """Do the job, and print what it took.

    `seconds` and `cpu` (user and system, threads and children included) are of the work alone; `start_cpu` is what
    the interpreter and the imports took before. `peak` is the process's largest resident memory, in bytes.
    """
    given = json.load(sys.stdin)
    job = Job(Path(given["corpus"]), Path(given["folder"]), given["columns"])
    before, begun = _cpu(), time.perf_counter()
    read(job)
    seconds, after = time.perf_counter() - begun, _cpu()
    print(json.dumps({"seconds": seconds, "cpu": after - before, "start_cpu": before, "peak": _peak()}))


def open_rows(job: Job) -> gzip.GzipFile:
    """The output, compressed as fast as the other peers'."""
    return gzip.open(job.output, "wt", compresslevel=GZIP["compresslevel"], encoding="utf-8", newline="")


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss would be that of whoever started this process, where that one was the larger.
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
