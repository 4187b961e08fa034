"""Object names: each says what it holds, sorts by time, and parses back into what made it.

landing/<source>/<stream>/<run>/<partition>/<from>_<to>/
    <table>-<attempt>-<seq>-<rows>-<schema>-<sha16>.csv.gz      a part
    chain-<g>-<n>.json                                          a checkpoint
    commit.json                                                 the end: this window has landed
raw/<source>/<stream>/<run>/<partition>/<from>_<to>/
    <attempt>-<page>-<sha16>.xml.gz                             an answer as it came, where the stream keeps them
inbox/<source>/<stream>/…                                       files that somebody drops, by any name
runs/<source>/<run>/…                                           its catalogue, work lists, failures, report
runs/<source>/running.json                                      the claim: which execution reads the source
load/<id>/<table>-<schema>.manifest                             what one COPY reads
"""

import hashlib
import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote, unquote

from xmlift.errors import LandingError
from xmlift.windows import ALL_TIME, Interval, format_instant, parse_instant, parse_interval

WHOLE = "-"
"""The partition of a stream that has none."""

MOST_PARTITION_BYTES = 512
"""Of a key's 1,024 bytes the others name source, stream, run, window and file."""

COMMIT = "commit.json"


class WindowName(NamedTuple):
    """What a window's folder is named after: a scope's interval, read by one run."""

    source: str
    stream: str
    run: str
    partition: str
    interval: Interval

    @property
    def folder(self) -> str:
        """The prefix of everything that belongs to the window, with its closing slash."""
        return f"{stream_prefix(self.source, self.stream, self.run)}{self.inner}/"

    @property
    def raw_folder(self) -> str:
        """The prefix of the window's answers, where they are kept."""
        return f"{raw_prefix(self.source, self.stream, self.run)}{self.inner}/"

    @property
    def inner(self) -> str:
        """The part of the folder that is the window's own: partition and interval."""
        return f"{_quoted(self.partition)}/{self.interval}"

    def __str__(self) -> str:
        partition = "" if self.partition == WHOLE else f" partition {self.partition}"
        window = "" if self.interval == ALL_TIME else f" window {self.interval}"
        return f"{self.source}.{self.stream}{partition}{window} of run {self.run}"


class PartName(NamedTuple):
    """What a part is named after. `sha16` is the start of the SHA-256 of its bytes."""

    table: str
    attempt: str
    sequence: int
    rows: int
    schema: str
    sha16: str

    def __str__(self) -> str:
        return (
            f"{self.table}-{self.attempt}-{self.sequence:05d}-{self.rows}-{self.schema}-{self.sha16}.csv.gz"
        )

    @property
    def origin(self) -> str:
        """What rows carry of it (`_part`): the full name holds a hash of the rows and cannot stand in them."""
        return f"{self.attempt}-{self.sequence:05d}"


class LinkName(NamedTuple):
    """The n-th link of the chain of restart g."""

    restart: int
    number: int

    def __str__(self) -> str:
        return f"chain-{self.restart:03d}-{self.number:05d}.json"


class RawName(NamedTuple):
    """What a kept answer is named after: the call that read it, its page in the window, its bytes' hash."""

    attempt: str
    page: int
    sha16: str

    def __str__(self) -> str:
        return f"{self.attempt}-{self.page:05d}-{self.sha16}.xml.gz"


_PART = re.compile(
    r"(?P<table>[a-z_][a-z0-9_]*)-(?P<attempt>[0-9a-f]{12})-(?P<sequence>\d{5,})-(?P<rows>\d+)"
    r"-(?P<schema>[0-9a-f]{8})-(?P<sha16>[0-9a-f]{16})\.csv\.gz",
    re.ASCII,
)
_LINK = re.compile(r"chain-(?P<restart>\d{3,})-(?P<number>\d{5,})\.json", re.ASCII)
_RAW = re.compile(
    r"(?P<attempt>[0-9a-f]{12})-(?P<page>\d{5,})-(?P<sha16>[0-9a-f]{16})\.xml\.gz",
    re.ASCII,
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def stream_prefix(source: str, stream: str, run: str | None = None) -> str:
    """The prefix of all windows that one run, or any, read of a stream."""
    return f"landing/{source}/{stream}/" + (f"{run}/" if run else "")


def raw_prefix(source: str, stream: str, run: str | None = None) -> str:
    """The prefix of all answers that are kept of a stream, of one run or of all."""
    return f"raw/{source}/{stream}/" + (f"{run}/" if run else "")


def inbox_prefix(source: str, stream: str) -> str:
    """Below it lie the files that are dropped for a stream."""
    return f"inbox/{source}/{stream}/"


def parse_window(key: str) -> tuple[WindowName, str]:
    """A landing key's window and its file name. Raises LandingError."""
    return _parse(key, "landing")


def parse_raw(key: str) -> tuple[WindowName, RawName]:
    """A kept answer's window and its own name. Raises LandingError."""
    window, file = _parse(key, "raw")
    match = _RAW.fullmatch(file)
    name = match and RawName(match["attempt"], int(match["page"]), match["sha16"])
    if not name or str(name) != file:
        raise LandingError(f"{key}: not a name of a kept answer")
    return window, name


def _parse(key: str, zone: str) -> tuple[WindowName, str]:
    try:
        first, source, stream, run, partition, interval, file = key.split("/")
        window = WindowName(source, stream, run, unquote(partition), parse_interval(interval))
        parse_instant(run.partition("-")[0])
    except ValueError as error:
        raise LandingError(f"{key}: not a name below {zone}/") from error
    named = _NAME.fullmatch(source) and _NAME.fullmatch(stream) and window.partition and file
    folder = window.folder if zone == "landing" else window.raw_folder
    if not named or first != zone or f"{folder}{file}" != key:
        raise LandingError(f"{key}: not a name below {zone}/")
    return window, file


def parse_part(file: str) -> PartName | None:
    """A part's file name, or None where it is something else."""
    match = _PART.fullmatch(file)
    if match is None:
        return None
    name = PartName(
        match["table"],
        match["attempt"],
        int(match["sequence"]),
        int(match["rows"]),
        match["schema"],
        match["sha16"],
    )
    return name if str(name) == file else None


def parse_link(file: str) -> LinkName | None:
    """A checkpoint's file name, or None where it is something else."""
    match = _LINK.fullmatch(file)
    if match is None:
        return None
    name = LinkName(int(match["restart"]), int(match["number"]))
    return name if str(name) == file else None


def is_nameable(partition: str) -> bool:
    """Whether keys can hold the partition's name, and it is not that of a stream without partitions."""
    return partition != WHOLE and 0 < len(_quoted(partition)) <= MOST_PARTITION_BYTES


def run_id(started: datetime, execution: str) -> str:
    """The name of a run: when its execution started, and the execution's own name. Sorts by start."""
    return f"{format_instant(started)}-{_quoted(execution)}"


def run_started(run: str) -> datetime:
    """When the run's execution started. Raises LandingError for what is not a run's name."""
    try:
        return parse_instant(run.partition("-")[0])
    except ValueError as error:
        raise LandingError(f"{run!r} is not the name of a run") from error


def run_prefix(source: str, run: str) -> str:
    return f"runs/{source}/{run}/"


def catalogue(source: str, run: str) -> str:
    """The run's own copy of its catalogue file."""
    return f"{run_prefix(source, run)}catalogue.yaml"


def work_list(source: str, run: str, round_number: int) -> str:
    """The Map's items of one planning round."""
    return f"{run_prefix(source, run)}work-{round_number:04d}.json"


def plan(source: str, run: str, round_number: int) -> str:
    """What one planning round decided."""
    return f"{run_prefix(source, run)}plan-{round_number:04d}.json"


def failure(window: WindowName) -> str:
    """Why a window did not land."""
    return f"{run_prefix(window.source, window.run)}failures/{window.stream}/{window.inner}.json"


def refused_login(source: str, run: str) -> str:
    """That the source refused the run's login. No stream has a name that begins so."""
    return f"{run_prefix(source, run)}failures/-login.json"


def unauthorized(window: WindowName) -> str:
    """That a request for the window's stream and partition was answered with 401."""
    folder = f"{run_prefix(window.source, window.run)}failures/-login"
    return f"{folder}/{window.stream}/{_quoted(window.partition)}.json"


def load_failure(source: str, stream: str, run: str, windows_of: str) -> str:
    """Why a run did not load a stream: its own windows, those of another run, or (`*`) of all."""
    which = stream if windows_of == run else f"{stream}-of-{'all' if windows_of == '*' else windows_of}"
    return f"{run_prefix(source, run)}failures/{which}.json"


def claim(source: str) -> str:
    """Which execution reads the source."""
    return f"runs/{source}/running.json"


def report(source: str, run: str) -> str:
    return f"{run_prefix(source, run)}report.json"


def manifest(load: str, table: str, schema: str) -> str:
    return f"load/{load}/{table}-{schema}.manifest"


def short_hash(text: str) -> str:
    """Sixteen hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _quoted(text: str) -> str:
    """Any text as one safe path segment, and back by `unquote`. The text `-` is kept for `WHOLE`."""
    return text if text == WHOLE else quote(text, safe="").replace(".", "%2E")
