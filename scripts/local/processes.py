"""Processes that are known again later: by id and start time, since ids are reused."""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

import psutil

# Start times are told as wall-clock times, which move a little when the clock is set.
_CLOCK_JITTER = 5.0


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one with the same id by when it started (seconds since 1970)."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The live process; None if it has ended, or another one has its id now."""
        try:
            process = psutil.Process(self.pid)
            difference = abs(process.create_time() - self.started)
            if difference > _CLOCK_JITTER or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process

    def group(self) -> Iterator[psutil.Process]:
        """The live members of the process group that this process leads or led.

        While one member lives the system gives the id to no new process, so a group whose leader is gone is
        still ours, unless its members are older than the leader was.
        """
        if self.process() is None and psutil.pid_exists(self.pid) and not _is_zombie(self.pid):
            return  # the id belongs to somebody else now
        for process in psutil.process_iter():
            try:
                if (
                    os.getpgid(process.pid) == self.pid
                    and process.create_time() >= self.started - _CLOCK_JITTER
                ):
                    yield process
            except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
                continue


def start(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> "Popen[bytes]":
    """Start a leader of a process group of its own, its errors going to the log.

    Its standard input stays open as long as this process lives; its standard output is the caller's to read.
    """
    with log.open("ab") as errors:
        return Popen(
            command, stdin=PIPE, stdout=PIPE, stderr=errors, env=dict(environment), start_new_session=True
        )


def end(leader: Identity, patience: float) -> bool:
    """Ask a process to stop, then end what is left of its group; tells whether anything was running.

    patience: seconds that the leader gets to stop by itself.
    """
    process = leader.process()
    if process is not None:
        process.send_signal(signal.SIGTERM)
        psutil.wait_procs([process], timeout=patience)
    rest = list(leader.group())
    for member in rest:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(rest, timeout=patience)
    return process is not None or bool(rest)


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
