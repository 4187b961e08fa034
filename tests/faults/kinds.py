"""The kinds of faults: each starts a run, strikes once, and leaves everything else to the product."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import psutil
from tests.faults import storage
from tests.faults.pipeline import MissedError, Pipeline, Run
from tests.faults.storage import await_true

from local import control

# How many requests to S3 and statements of SQL a step makes at least in a run of all streams.
_REQUESTS = {"plan": 4, "extract": 25, "load": 20, "report": 6}
_STATEMENTS = {"plan": 3, "load": 60, "report": 2}
_PAGES = 10
_CHECKPOINT_PAGES = 20  # of one work item each, as the catalogue asks
_COPY_KEY = "Credential=test/"  # COPY reads as the stand-in, whose key is the emulator's root


@dataclass
class Attack:
    """Runs that were started, whether the fault struck, and what has to be done once they have ended."""

    runs: list[Run]
    struck: Callable[[], bool] = lambda: True
    afterwards: Callable[[], None] = lambda: None
    # Not all streams were read, or the endpoint changed meanwhile: only another run completes the tables.
    incomplete: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Kind:
    """A fault by its name."""

    name: str
    what: str
    strike: Callable[[Pipeline, Random], Attack] = field(compare=False)


KINDS: dict[str, Kind] = {}
Strike = Callable[[Pipeline, Random], Attack]


def kind(name: str, what: str) -> Callable[[Strike], Strike]:
    def register(strike: Strike) -> Strike:
        KINDS[name] = Kind(name, what, strike)
        return strike

    return register


def several(*names: tuple[str, str, Any]) -> Callable[[Callable[[Pipeline, Random, Any], Attack]], None]:
    """Kinds that differ in one thing."""

    def register(strike: Callable[[Pipeline, Random, Any], Attack]) -> None:
        for name, what, thing in names:
            KINDS[name] = Kind(
                name, what, lambda pipeline, random, thing=thing: strike(pipeline, random, thing)
            )

    return register


# Moments.


def at_a_moment(
    pipeline: Pipeline, random: Random, step: str, *, sql: bool | None = None, **changes: Any
) -> Attack:
    """Start a run and return while a random request or statement of the step is held.

    Whether what is held takes effect after its sender is gone is drawn too. Raises MissedError.
    """
    by_sql = sql if sql is not None else step in _STATEMENTS and random.random() < 0.6
    if by_sql:
        after, when = random.randrange(_STATEMENTS[step]), random.choice(["before", "after"])
        pipeline.warehouse.add(".", "hold", by=f"xmlift-{step}", when=when, after=after, seconds=20.0)
        detail = f"{when} statement {after + 1}"
    else:
        after, then = random.randrange(_REQUESTS[step]), random.choice([storage.REFUSED, storage.CARRIED_OUT])
        pipeline.storage.hold(None, key=pipeline.key_of(step), after=after, then=then)
        detail = f"at request {after + 1} to S3, which is {'refused' if then else 'carried out'}"
    return _held(pipeline, detail, **changes)


def _held(pipeline: Pipeline, detail: str, **changes: Any) -> Attack:
    run = pipeline.start(**changes)
    running = partial(_is_running, pipeline, run)
    if not await_true(partial(_has_struck, pipeline), running):
        raise MissedError(f"{detail}: never came")
    return Attack([run], detail=detail, incomplete="streams" in changes)


def _is_running(pipeline: Pipeline, run: Run) -> bool:
    return pipeline.status(run) == "RUNNING"


def _has_struck(pipeline: Pipeline) -> bool:
    return bool(pipeline.storage.fired() or pipeline.warehouse.struck())


def _let_go(pipeline: Pipeline, step: str, *, effective: bool) -> None:
    """What was held of a dead sender goes on, or is lost with its session."""
    if not effective:
        pipeline.warehouse.cut(f"xmlift-{step}")
    pipeline.warehouse.clear()


def _killed(pipeline: Pipeline, step: str, attack: Attack, *, effective: bool) -> Attack:
    pipeline.kill(step)
    _let_go(pipeline, step, effective=effective)
    return attack


# Killed functions.

_COPY, _DML, _COMMIT = r"^\s*COPY\b", r"^\s*(MERGE|INSERT|DELETE)\b", r"^\s*COMMIT\b"


@several(
    *(
        (f"kill-{step}", f"SIGKILL of {step} at a random request to S3 or statement of SQL", step)
        for step in ("plan", "extract", "load", "report")
    )
)
def killed_anywhere(pipeline: Pipeline, random: Random, step: str) -> Attack:
    attack = at_a_moment(pipeline, random, step)
    return _killed(pipeline, step, attack, effective=random.random() < 0.5)


@kind("extract-before-commit", "SIGKILL of extract after its last part, before commit.json")
def extract_before_commit(pipeline: Pipeline, random: Random) -> Attack:
    pipeline.storage.hold("PutObject", key=pipeline.key_of("extract"), what="once")
    return _killed(pipeline, "extract", _held(pipeline, "commit.json", streams=["arrivals"]), effective=True)


@kind("extract-after-link", "SIGKILL of extract after a link of its chain was written, before it knew")
def extract_after_link(pipeline: Pipeline, random: Random) -> Attack:
    control.advance(pipeline.cloud, change=_CHECKPOINT_PAGES + 5, create=0)
    pipeline.storage.add("PutObject", key=pipeline.key_of("extract"), what="once", **storage.ENDLESS)
    attack = _held(pipeline, "the answer to a link", streams=["items"])
    pipeline.await_object("landing/faults/items/", "chain-000-00000.json", attack.runs[0])
    return _killed(pipeline, "extract", attack, effective=True)


@kind("extract-after-commit", "SIGKILL of extract after commit.json was written, before its answer")
def extract_after_commit(pipeline: Pipeline, random: Random) -> Attack:
    pipeline.storage.add("PutObject", key=pipeline.key_of("extract"), what="once", **storage.ENDLESS)
    attack = _held(pipeline, "the answer to commit.json", streams=["arrivals"])
    pipeline.await_object("landing/faults/arrivals/", "commit.json", attack.runs[0])
    return _killed(pipeline, "extract", attack, effective=True)


@several(
    ("load-after-copy", "SIGKILL of load after a COPY", (_COPY, "after", 5, False)),
    ("load-after-dml", "SIGKILL of load after a MERGE, INSERT or DELETE", (_DML, "after", 9, False)),
    ("load-before-commit", "SIGKILL of load before a COMMIT", (_COMMIT, "before", 4, False)),
    (
        "load-commit-in-flight",
        "SIGKILL of load whose COMMIT arrives after its death",
        (_COMMIT, "before", 4, True),
    ),
    ("load-after-commit", "SIGKILL of load after a COMMIT, before its answer", (_COMMIT, "after", 4, True)),
)
def load_killed(pipeline: Pipeline, random: Random, where: tuple[str, str, int, bool]) -> Attack:
    match, when, number, effective = where
    after = random.randrange(number)
    pipeline.warehouse.add(match, "hold", when=when, after=after, seconds=20.0)
    return _killed(pipeline, "load", _held(pipeline, f"{when} {match} {after + 1}"), effective=effective)


@kind("report-before-put", "SIGKILL of report before it writes its report")
def report_before_put(pipeline: Pipeline, random: Random) -> Attack:
    pipeline.storage.hold("PutObject", key=pipeline.key_of("report"))
    return _killed(pipeline, "report", _held(pipeline, "report.json"), effective=True)


@kind("crash", "all functions' processes are killed at once, while one of them works")
def crash(pipeline: Pipeline, random: Random) -> Attack:
    step = random.choice(["plan", "extract", "load", "report"])
    attack = at_a_moment(pipeline, random, step)
    pipeline.kill()
    _let_go(pipeline, "", effective=random.random() < 0.5)
    attack.detail = f"{step} {attack.detail}"
    return attack


# Time-outs and what outlives them.


@several(
    *(
        (f"time-out-{step}", f"{step} stands still (SIGSTOP) at a random moment until it is timed out", step)
        for step in ("plan", "extract", "load", "report")
    )
)
def timed_out(pipeline: Pipeline, random: Random, step: str) -> Attack:
    attack = at_a_moment(pipeline, random, step)
    stopped = pipeline.time_out(step)
    for process in stopped:
        process.kill()
    _let_go(pipeline, step, effective=random.random() < 0.5)
    return attack


@several(
    ("zombie-extract", "extract is timed out, and goes on after its successor has finished", "extract"),
    ("zombie-load", "load is timed out, and goes on after its successor has finished", "load"),
)
def zombie(pipeline: Pipeline, random: Random, step: str) -> Attack:
    # A load that stands still within its transaction keeps its successor waiting for minutes, as it must: that
    # is a unit test's with a clock of its own. Here it stands still between its requests to S3.
    attack = at_a_moment(pipeline, random, step, sql=False)
    stopped = pipeline.time_out(step)

    def awake() -> None:
        for process in stopped:
            process.resume()
        # Its answer is refused; long before that it has done whatever it will.
        for process in psutil.wait_procs(stopped, timeout=2.0)[1]:
            process.kill()

    attack.afterwards = awake
    return attack


@kind(
    "stopped-by-operator",
    "the execution is stopped, the next one starts while the stopped one's functions work on",
)
def stopped(pipeline: Pipeline, random: Random) -> Attack:
    step = random.choice(["extract", "load"])
    attack = at_a_moment(pipeline, random, step, sql=False)
    pipeline.stop(attack.runs[0])
    attack.runs.append(pipeline.start())
    attack.detail = f"{step} {attack.detail}"
    return attack


# S3.


@several(
    ("s3-slow-down", "S3 answers 503 SlowDown", storage.SLOW_DOWN),
    ("s3-500", "S3 answers 500 InternalError", storage.REFUSED),
    ("s3-reset", "S3 resets the connection", storage.RESET),
)
def s3_refuses(pipeline: Pipeline, random: Random, effect: dict[str, Any]) -> Attack:
    step = random.choice(["plan", "extract", "load", "report"])
    times = random.choice([1, 2, 3, 8])  # eight are more than a client tries
    return _s3(pipeline, random, step, None, times=times, **effect)


@several(
    ("s3-truncated", "the body of a GET or a listing ends early, as if it were whole", storage.TRUNCATED),
    ("s3-broken-off", "the connection breaks off within the body of a GET or a listing", storage.BROKEN_OFF),
    ("s3-corrupted", "bytes of the body of a GET or a listing are altered", storage.CORRUPTED),
)
def s3_damages(pipeline: Pipeline, random: Random, effect: dict[str, Any]) -> Attack:
    step = random.choice(["plan", "extract", "load", "report"])
    operation = random.choice(["GetObject", "ListObjectsV2"]) if step != "plan" else "GetObject"
    return _s3(pipeline, random, step, operation, after=random.randrange(3), **effect)


@several(
    ("s3-lost-answer", "a PUT is carried out, its answer lost", "any"),
    ("s3-lost-answer-once", "a write-once PUT (link, commit, plan) is carried out, its answer lost", "once"),
)
def s3_loses(pipeline: Pipeline, random: Random, what: str) -> Attack:
    step = (
        random.choice(["plan", "extract"]) if what == "once" else random.choice(["extract", "load", "report"])
    )
    after = random.randrange(4) if step == "extract" else 0
    return _s3(pipeline, random, step, "PutObject", what=what, after=after, **storage.LOST)


@several(
    ("copy-truncated", "a part that COPY reads ends early", storage.TRUNCATED),
    ("copy-corrupted", "bytes of a part that COPY reads are altered", storage.CORRUPTED),
    ("copy-500", "S3 answers 500 to COPY", {**storage.REFUSED, "times": 12}),
)
def copy_damaged(pipeline: Pipeline, random: Random, effect: dict[str, Any]) -> Attack:
    pipeline.storage.add("GetObject", key=_COPY_KEY, after=random.randrange(8), **effect)
    return _started(pipeline)


def _s3(pipeline: Pipeline, random: Random, step: str, operation: str | None, **rule: Any) -> Attack:
    rule.setdefault("after", random.randrange(_REQUESTS[step] // 2))
    pipeline.storage.add(operation, key=pipeline.key_of(step), **rule)
    attack = _started(pipeline)
    attack.detail = f"{step}, {operation or 'request'} {rule['after'] + 1}"
    return attack


def _started(pipeline: Pipeline, **changes: Any) -> Attack:
    return Attack(
        [pipeline.start(**changes)], partial(_has_struck, pipeline), incomplete="streams" in changes
    )


# Lambda.


@kind("throttled", "Lambda refuses a function's calls for a moment (TooManyRequests)")
def throttled(pipeline: Pipeline, random: Random) -> Attack:
    step = random.choice(["plan", "extract", "load", "report"])
    pipeline.throttle(step, on=True)
    run = pipeline.start()
    time.sleep(random.uniform(0.3, 1.5))
    pipeline.throttle(step, on=False)
    return Attack([run], detail=step)


@kind("twin-extract", "extract is called twice with one event at the same time")
def twin_extract(pipeline: Pipeline, random: Random) -> Attack:
    pipeline.storage.add("PutObject", key=pipeline.key_of("extract"), after=random.randrange(3), latency=500)
    run = pipeline.start()
    work = json.loads(pipeline.read(pipeline.await_object("runs/faults/", "work-0001.json", run)))
    item = random.choice(work)
    twin = threading.Thread(target=pipeline.invoke, args=("extract", item))
    twin.start()
    return Attack([run], afterwards=twin.join, detail=str(item["stream"]))


@kind("twin-load", "every load is called a second time while the first one is about to commit")
def twin_load(pipeline: Pipeline, random: Random) -> Attack:
    after = random.randrange(len(pipeline.streams))
    pipeline.warehouse.add(r"INSERT INTO xmlift\.ledger", "hold", when="after", after=after, seconds=20.0)
    attack = _held(pipeline, f"before commit {after + 1}")
    twins = [
        threading.Thread(target=pipeline.invoke, args=("load", item))
        for item in pipeline.load_items(attack.runs[0])
    ]
    for twin in twins:
        twin.start()
    # They wait for the first one; were there no lock, they would be done with it by then.
    await_true(lambda: not any(twin.is_alive() for twin in twins), lambda: True, seconds=2.0)
    pipeline.warehouse.clear()

    def join() -> None:
        for twin in twins:
            twin.join()

    attack.afterwards = join
    return attack


# Executions.


@kind("two-executions", "a second execution of the source starts while one runs, and is refused")
def two_executions(pipeline: Pipeline, random: Random) -> Attack:
    runs = [pipeline.start()]
    time.sleep(random.uniform(0, 0.8))
    return Attack([*runs, pipeline.start()])


@kind("concurrent-executions", "two executions of the source run at once, as told")
def concurrent_executions(pipeline: Pipeline, random: Random) -> Attack:
    runs = [pipeline.start(concurrent=True)]
    time.sleep(random.uniform(0, 0.8))
    return Attack([*runs, pipeline.start(concurrent=True)])


# The warehouse.


@kind("db-cut-in-copy", "the connection is cut while COPY reads")
def cut_in_copy(pipeline: Pipeline, random: Random) -> Attack:
    pipeline.storage.hold("GetObject", key=_COPY_KEY, after=random.randrange(8), then=storage.CARRIED_OUT)
    attack = _held(pipeline, "COPY reads")
    pipeline.warehouse.cut()
    return attack


@several(
    ("db-cut-before-commit", "the connection is cut at COMMIT, which does not take effect", "before"),
    ("db-cut-after-commit", "the connection is cut at COMMIT, which has taken effect", "after"),
)
def cut_at_commit(pipeline: Pipeline, random: Random, when: str) -> Attack:
    pipeline.warehouse.add(_COMMIT, "cut", when=when, after=random.randrange(6))
    return _started(pipeline)


@several(
    ("db-cut", "the connection is cut before or after a random statement", "cut"),
    ("db-restart", "the database crashes before or after a random statement, and starts again", "restart"),
)
def cut_anywhere(pipeline: Pipeline, random: Random, action: str) -> Attack:
    step = random.choice(["plan", "load", "load", "load", "report"])
    after, when = random.randrange(_STATEMENTS[step]), random.choice(["before", "after"])
    pipeline.warehouse.add(".", action, by=f"xmlift-{step}", when=when, after=after)
    attack = _started(pipeline)
    attack.detail = f"{when} statement {after + 1} of {step}"
    return attack


@kind("db-conflict", "a serialisable isolation violation (1023), once to five times in a row")
def conflict(pipeline: Pipeline, random: Random) -> Attack:
    match = random.choice([_COMMIT, _DML, "ledger"])
    pipeline.warehouse.add(match, "conflict", after=random.randrange(4), times=random.choice([1, 2, 5]))
    return _started(pipeline)


# The endpoint.


def _status(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "status", "status": status, **more}


@several(
    ("http-429", "the endpoint answers 429 with Retry-After", _status(429, retry_after=1)),
    ("http-500", "the endpoint answers 500", _status(500)),
    ("http-502", "the endpoint answers 502", _status(502)),
    ("http-503", "the endpoint answers 503", _status(503)),
    ("http-503-for-long", "the endpoint answers 503 until the run has given up", _status(503, times=40)),
    ("slow", "the endpoint takes its time", {"kind": "slow", "seconds": 0.6, "times": 3}),
    ("hang", "the endpoint never answers", {"kind": "hang"}),
    ("http-reset", "the endpoint resets the connection", {"kind": "reset"}),
    ("cut-mid-page", "the connection ends in the middle of a page", {"kind": "break"}),
    ("cut-behind-record", "a page ends behind a record, as if it were whole", {"kind": "truncate"}),
    ("login-page", "an HTML login page with 200 comes instead of a page", {"kind": "html"}),
    ("garbage", "a page is not well-formed", {"kind": "garbage"}),
    ("empty-page", "an answer of no bytes comes instead of a page", {"kind": "empty"}),
    ("token-expired", "the paging tokens expire", {"kind": "expire_queries"}),
    ("session-expired", "the logins expire", {"kind": "expire_sessions"}),
)
def endpoint_fails(pipeline: Pipeline, random: Random, fault: dict[str, Any]) -> Attack:
    times = random.choice([1, 1, 2]) if "times" not in fault else fault["times"]
    control.add_fault(
        pipeline.cloud, path="/ccm/rpt", **fault | {"after": random.randrange(_PAGES), "times": times}
    )
    return Attack([pipeline.start()], partial(_endpoint_struck, pipeline, times))


@kind("page-repeated", "a page is answered a second time instead of the next one")
def page_repeated(pipeline: Pipeline, random: Random) -> Attack:
    control.add_fault(pipeline.cloud, path="/ccm/rpt", kind="repeat", after=random.randrange(1, _PAGES))
    run = pipeline.start(streams=["items"])
    return Attack([run], partial(_endpoint_struck, pipeline, 1), incomplete=True)


@kind("changes-between-pages", "work items change, and leave the window, while its pages are read")
def changes(pipeline: Pipeline, random: Random) -> Attack:
    fault = {"path": "/ccm/rpt", "kind": "advance", "change": 6, "create": 1}
    for _ in range(2):
        control.add_fault(pipeline.cloud, **fault, after=random.randrange(_PAGES // 2))
    return Attack([pipeline.start()], partial(_endpoint_struck, pipeline, 2), incomplete=True)


def _endpoint_struck(pipeline: Pipeline, times: int) -> bool:
    return sum(fault["times"] for fault in control.pending_faults(pipeline.cloud)) < times
