"""Runs of the past and the present: the landing bucket keeps what they wrote, Step Functions how they ended.

The bucket knows every run that got as far as planning or reporting; Step Functions forgets an execution after 90
days.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.execution import cause
from xmlift.errors import LandingError
from xmlift.landing import names
from xmlift.windows import format_instant

RUNNING = "RUNNING"
_UNSUCCESSFUL = (RUNNING, "FAILED", "TIMED_OUT", "ABORTED")
# The newest runs are looked for among those of so many days, then of more, and then of all time.
_HORIZONS = (1, 30, 366)
_READERS = 8
_MOST_FAILURES = 1000
_MOST_LISTED = 1000
_SHORTEST_NAME = 4


@dataclass(frozen=True)
class PastRun:
    """One execution for one source.

    run: its name in the bucket, which begins with its start. status: Step Functions' word for it, or the report's
    if Step Functions has forgotten it. given: its input. report: what its last step wrote, if it came that far.
    cause: the execution's own words about its failure.
    """

    source: str
    run: str
    status: str
    started: datetime
    ended: datetime | None = None
    given: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    cause: str = ""

    @property
    def message(self) -> str:
        """Its outcome in words; empty while it runs."""
        if self.status == RUNNING:
            return ""
        # A report is written after each round: of what comes after it only the execution tells.
        if self.report is not None and self.report["status"] == self.status.lower():
            return str(self.report["message"])
        return self.cause or f"{self.source}: ended as {self.status}, and left no report"


class PastRuns:
    """The runs of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._bucket = deployment.client("s3")
        self._states = deployment.client("stepfunctions")

    def newest(self, sources: Sequence[str], limit: int) -> list[PastRun]:
        """The newest runs of some sources, newest first."""
        with ThreadPoolExecutor(_READERS) as readers:
            written = [(source, run) for source in sources for run in self._newest_written(source, limit)]
            found = list(readers.map(lambda named: self._written_run(*named), written))
            known = {run.run for run in found}
            # Some fail before they write a word: those would be missed just when everything fails.
            others = filter(None, readers.map(self._described, self._unsuccessful(limit)))
            found += [run for run in others if run.run not in known and run.source in sources]
            newest = sorted(found, key=lambda run: run.run, reverse=True)[:limit]
            return list(readers.map(self._with_report, newest))

    def find(self, name: str) -> PastRun:
        """The run of this name: its own, that (or the ARN) of its execution, or how only one execution's begins.

        Raises: OperatorError with the remedy if there is none, or more than one.
        """
        execution = execution_name(name)
        found = self._described(execution or name.rpartition(":")[2])
        if found is None and execution:
            written = (source for source in self._deployment.sources if self._is_written(source, name))
            found = next((self._written_run(source, name) for source in written), None)
        if found is None and not execution:
            found = self._beginning(name)
        if found is None:
            known = ", ".join(sorted(self._deployment.sources))
            raise OperatorError(
                f"No source and no run is called {name!r}. Sources: {known}. The names of runs stand in: "
                + self._deployment.command("runs")
            )
        return self._with_report(found)

    def failed_windows(self, run: PastRun) -> list[dict[str, str]]:
        """What each window or stream that failed in a run has left: `place` below the run, `error`, `message`."""
        prefix = f"{names.run_prefix(run.source, run.run)}failures/"
        keys = self._keys(prefix)[:_MOST_FAILURES]
        with ThreadPoolExecutor(_READERS) as readers:
            notes = list(readers.map(self._read, keys))
        return [
            {"place": unquote(key.removeprefix(prefix).removesuffix(".json")), **(note or {})}
            for key, note in zip(keys, notes, strict=True)
        ]

    def _beginning(self, short: str) -> PastRun | None:
        """The run whose execution's name begins so; only names are looked through.

        Raises: OperatorError that names them if there are several.
        """
        if len(short) < _SHORTEST_NAME:
            return None
        executions = set(self._unsuccessful(_MOST_LISTED))
        written = {
            execution: (source, run)
            for source in self._deployment.sources
            for run in self._written_since(source, "")
            if (execution := execution_name(run))
        }
        # An execution of a source that is not deployed any more is none.
        found = [
            run
            for execution in sorted({*executions, *written})
            if execution.startswith(short)
            and (
                run := self._written_run(*written[execution])
                if execution in written
                else self._described(execution)
            )
        ]
        if len(found) > 1:
            raise OperatorError(
                f"Several runs are called {short}…: {', '.join(run.run for run in found)}. Give one in full"
            )
        return found[0] if found else None

    def _newest_written(self, source: str, limit: int) -> list[str]:
        """Names of the newest runs in the bucket: they sort by their start."""
        runs: list[str] = []
        for start in [*(format_instant(datetime.now(UTC) - timedelta(days=days)) for days in _HORIZONS), ""]:
            runs = list(self._written_since(source, start))
            if len(runs) >= limit:
                break
        return sorted(runs)[-limit:]

    def _written_since(self, source: str, start: str) -> Iterator[str]:
        prefix = f"runs/{source}/"
        pages = self._bucket.get_paginator("list_objects_v2").paginate(
            Bucket=self._deployment.bucket, Prefix=prefix, Delimiter="/", StartAfter=prefix + start
        )
        for page in pages:
            for entry in page.get("CommonPrefixes", ()):
                name = entry["Prefix"].removeprefix(prefix).rstrip("/")
                if execution_name(name):
                    yield name

    def _written_run(self, source: str, run: str) -> PastRun:
        """A run in the bucket, with what Step Functions knows of it."""
        found = self._described(execution_name(run) or run)
        if found is not None:
            return found
        report = self._read(names.report(source, run))
        return PastRun(source, run, report["status"].upper() if report else "UNKNOWN", names.run_started(run))

    def _described(self, execution: str) -> PastRun | None:
        """An execution as Step Functions knows it; None if it does not, or if its source is not deployed."""
        arn = f"{self._deployment.state_machine.replace(':stateMachine:', ':execution:')}:{execution}"
        try:
            told = self._states.describe_execution(executionArn=arn)
        except (self._states.exceptions.ExecutionDoesNotExist, self._states.exceptions.InvalidArn):
            return None
        given = json.loads(told.get("input") or "{}")
        if given.get("source") not in self._deployment.sources:
            return None
        return PastRun(
            source=given["source"],
            run=names.run_id(told["startDate"], execution),
            status=told["status"],
            started=told["startDate"].astimezone(UTC),
            ended=told["stopDate"].astimezone(UTC) if told.get("stopDate") else None,
            given=given,
            cause="" if told["status"] in (RUNNING, "SUCCEEDED") else cause(told),
        )

    def _unsuccessful(self, limit: int) -> Iterator[str]:
        """Names of the newest executions that run or have not succeeded, of all sources."""
        for status in _UNSUCCESSFUL:
            listed = self._states.list_executions(
                stateMachineArn=self._deployment.state_machine, statusFilter=status, maxResults=limit
            )
            yield from (execution["name"] for execution in listed["executions"])

    def _with_report(self, run: PastRun) -> PastRun:
        return replace(run, report=self._read(names.report(run.source, run.run)))

    def _is_written(self, source: str, run: str) -> bool:
        return bool(self._keys(names.run_prefix(source, run)))

    def _keys(self, prefix: str) -> list[str]:
        pages = self._bucket.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self._deployment.bucket, Prefix=prefix)
        return [entry["Key"] for page in found for entry in page.get("Contents", ())]

    def _read(self, key: str) -> dict[str, Any] | None:
        try:
            found = self._bucket.get_object(Bucket=self._deployment.bucket, Key=key)
        except self._bucket.exceptions.NoSuchKey:
            return None
        return dict(json.load(found["Body"]))


def execution_name(run: str) -> str | None:
    """The name of a run's execution; None for what is not the name of a run."""
    try:
        names.run_started(run)
    except LandingError:
        return None
    return unquote(run.partition("-")[2]) or None
