"""Runs what reads a page as a child process pinned to one CPU, and takes its measurements."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from local.errors import LocalError
from local.servers import ROOT
from xmlift.catalogue import Source, load_source

from .corpora import Corpus, Shape

PEERS = Path(__file__).with_name("peers")
CATALOGUES: dict[Shape, Path] = {
    "ewm": Path(__file__).with_name("catalogue") / "ewm.yaml",
    "mixed": Path(__file__).with_name("catalogue") / "ewm.yaml",
    "oslc": Path(__file__).with_name("catalogue") / "oslc.yaml",
}


class Peer(NamedTuple):
    """A program that makes a table of a page: its name on the page, its script, its environment."""

    name: str
    script: str
    environment: str

    @property
    def python(self) -> Path:
        return ROOT / self.environment / "bin" / "python"

    @property
    def is_there(self) -> bool:
        return self.python.exists()


OURS = Peer("xmlift", "ours", ".venv")
ITERPARSE = Peer("lxml.iterparse, csv, gzip", "iterparse", ".venvs/bench-lxml")
READ_XML = Peer("pandas.read_xml", "read_xml", ".venvs/bench-pandas")
JSON_NORMALIZE = Peer("xmltodict, json_normalize", "json_normalize", ".venvs/bench-xmltodict")
DLT = Peer("dlt with xmltodict", "dlt_pipeline", ".venvs/bench-dlt")
BEAUTIFUL_SOUP = Peer("Beautiful Soup per record", "beautiful_soup", ".venvs/bench-beautifulsoup")
OTHERS = (ITERPARSE, READ_XML, JSON_NORMALIZE, DLT, BEAUTIFUL_SOUP)


class Measured(NamedTuple):
    """One run: wall and CPU seconds of the work alone, CPU seconds of the start before it, peak memory in bytes."""

    seconds: float
    cpu: float
    start_cpu: float
    peak: int


def run(peer: Peer, corpus: Corpus, folder: Path, stream: str = "items", *, processes: int = 1) -> Measured:
    """Let a peer read a corpus into an empty folder. Raises LocalError with what it said where it failed.

    It has one CPU. xmlift, told of more `processes`, has all.
    """
    if not peer.is_there:
        raise LocalError(f"{peer.environment} does not exist: `make bench` and `make bench-quick` make it")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = {name: column.path for name, column in catalogue(corpus.shape).streams[stream].columns.items()}
    job = {"corpus": str(corpus.file.resolve()), "folder": str(folder.resolve()), "columns": columns}
    said = _run(
        [str(peer.python), str(PEERS / f"{peer.script}.py")],
        _environment(corpus.shape, stream, processes),
        job,
    )
    return Measured(**json.loads(said.splitlines()[-1]))


def xmllint(corpus: Corpus) -> Measured:
    """Let xmllint read it and do nothing with it: as fast as libxml2 reads. Its memory is not measured."""
    if shutil.which("xmllint") is None:
        raise LocalError(
            "xmllint was not found on PATH; on Debian and Ubuntu: apt install libxml2-utils; macOS has it"
        )
    begun = perf_counter()
    with one_cpu():
        child = subprocess.Popen(["xmllint", "--stream", "--noout", str(corpus.file)])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise LocalError(f"xmllint could not read {corpus.file}")
    return Measured(perf_counter() - begun, usage.ru_utime + usage.ru_stime, 0.0, 0)


def catalogue(shape: Shape) -> Source:
    """What is taken from a page of this shape."""
    file = CATALOGUES[shape]
    return load_source(file.read_bytes(), file.name)


@contextmanager
def one_cpu() -> Iterator[None]:
    """What is started meanwhile runs on one CPU, the same for all; on any where the system cannot pin (macOS)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _environment(shape: Shape, stream: str, processes: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT / "functions"),
        "BENCH_CATALOGUE": str(CATALOGUES[shape]),
        "BENCH_STREAM": stream,
        "BENCH_PROCESSES": str(processes),
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def _run(command: list[str], environment: Mapping[str, str], job: Any) -> str:
    with one_cpu() if environment["BENCH_PROCESSES"] == "1" else nullcontext():
        done = subprocess.run(
            command, input=json.dumps(job), env=dict(environment), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise LocalError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
