"""Runs of the soak's source, one after the other, each held against the endpoint's own state."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local import control
from local.deployment import Deployment
from operate import execution
from operate.errors import OperatorError
from operate.execution import Execution, Look
from xmlift.catalogue import Source
from xmlift.landing import names

from . import oracle, source
from .memory import Memory
from .oracle import Contents, Row

_PAUSE = 0.5  # seconds between two looks: each of them costs the emulator a little
_KEPT = (
    "SELECT SUM(rows_inserted - rows_removed) FROM xmlift.ledger "
    "WHERE source = '{source}' AND stream = '{stream}'"
)
_STEPS = ("Plan", "Extract", "Load", "Report")


@dataclass
class Run:
    """One run: what it read, how long it took, and everything that was not as it has to be.

    new and changed are work items, each of which every stream reads. memory is in megabytes, by function.
    """

    number: int
    windows: int = 0
    records: int = 0
    new: int = 0
    changed: int = 0
    seconds: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def records_per_second(self) -> float:
        return self.records / self.seconds if self.seconds else 0.0


class Soak:
    """The soak's source on a deployed cloud, whose endpoint nothing else changes meanwhile."""

    def __init__(self, deployment: Deployment, items: int, now: datetime) -> None:
        self.floor = source.newest(deployment, items)
        text = source.catalogue(self.floor, now)
        self._source: Source = source.load(text)
        self._deployment = source.install(deployment, text)
        self.memory = Memory(deployment)
        self._runs = 0
        self._known = 0

    def run(self, on_look: Callable[[Look], None] = lambda look: None) -> Run:
        """Change every work item and make some more (but before the first run), read all of them, and compare."""
        self._runs += 1
        run = Run(self._runs)
        if run.number > 1:
            run.changed, run.new = self._change()
        records = self._records()
        if run.number == 1:
            run.new = len(records)
        started = execution.start(self._deployment, source.NAME)
        self._follow(started, on_look)
        try:
            report = started.report()
        except OperatorError as error:
            run.faults.append(str(error))
            return run
        self._measure(run, started, report)
        run.faults += self._account(report, len(records))
        run.faults += self._compare(run, records)
        self.memory.look()
        run.memory = dict(self.memory.peaks)
        run.faults += self.memory.faults()
        self._known = len(records)
        return run

    def _change(self) -> tuple[int, int]:
        """All work items of the endpoint change, and one in a thousand of those that are read comes new."""
        everything = control.status(self._deployment.cloud)["items"]
        passed = control.advance(
            self._deployment.cloud, change=everything, create=max(1, self._known // 1000)
        )
        changed = [identifier for identifier in passed["changed"] if identifier >= self.floor]
        return len(changed), len(passed["created"])

    def _records(self) -> list[dict[str, Any]]:
        return [record for record in control.truth(self._deployment.cloud) if record["id"] >= self.floor]

    def _follow(self, started: Execution, on_look: Callable[[Look], None]) -> None:
        while (look := started.look()).status == "RUNNING":
            self.memory.look()
            on_look(look)
            time.sleep(_PAUSE)

    def _measure(self, run: Run, started: Execution, report: dict[str, Any]) -> None:
        states = self._deployment.cloud.client("stepfunctions")
        ended = states.describe_execution(executionArn=started.arn)
        run.seconds = (ended["stopDate"] - ended["startDate"]).total_seconds()
        run.steps = _step_seconds(states, started.arn)
        run.windows = sum(stream["landed"] for stream in _streams(report))
        run.records = sum(stream["records"] for stream in _streams(report))

    def _account(self, report: dict[str, Any], records: int) -> Iterator[str]:
        """Where the run's own report says something else than what has to have happened."""
        if report["status"] != "succeeded":
            yield str(report["message"])
            return
        now = names.run_started(report["run"])
        streams = {stream["stream"]: stream for stream in report["streams"]}
        for name, stream in self._source.streams.items():
            wanted = {
                "windows": source.windows(stream, now),
                "records": records,
                "rejected": 0,
                "out_of_window": 0,
            }
            wanted["landed"] = wanted["windows"]
            if stream.disposition == "merge":
                known = self._known
                wanted |= {"inserted": records - known, "updated": known, "stale": 0, "duplicates": 0}
            for count, value in wanted.items():
                if streams[name][count] != value:
                    yield f"{name}: the report has {count} {streams[name][count]} instead of {value}"

    def _compare(self, run: Run, records: list[dict[str, Any]]) -> Iterator[str]:
        """Where a table is not what the endpoint holds."""
        with closing(self._deployment.connect()) as connection:
            connection.autocommit = True

            def query(sql: str) -> list[Row]:
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                    return list(cursor.fetchall())

            for wanted in oracle.expected(self._source, records):
                there = oracle.found(self._source, wanted, query)
                run.tables[wanted.table] = _described(there)
                yield from oracle.differences(there, wanted)
                if wanted.table in self._source.streams:
                    ((kept,),) = query(_KEPT.format(source=source.NAME, stream=wanted.table))
                    if kept != len(there.rows):
                        yield f"{wanted.table}: the ledger counts {kept} rows, there are {len(there.rows)}"


def _described(contents: Contents) -> dict[str, Any]:
    return {"rows": len(contents.rows), "checksum": contents.checksum}


def _streams(report: dict[str, Any]) -> list[dict[str, Any]]:
    return list(report["streams"])


def _step_seconds(states: Any, arn: str) -> dict[str, float]:
    """How long the state machine was in each step."""
    entered: dict[str, datetime] = {}
    seconds = dict.fromkeys(_STEPS, 0.0)
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn):
        for event in page["events"]:
            if (name := event.get("stateEnteredEventDetails", {}).get("name")) in seconds:
                entered[name] = event["timestamp"]
            elif (name := event.get("stateExitedEventDetails", {}).get("name")) in seconds:
                seconds[name] += (event["timestamp"] - entered[name]).total_seconds()
    return seconds
