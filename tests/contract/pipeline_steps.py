"""What plan, extract, load and report answer in tests of the state machine."""

from itertools import count
from typing import Any

from .state_machine import STARTED, Answer, FunctionError, Handler, Run

SOURCE = {"source": "ewm", "catalogue": "catalogue/ewm/0123.yaml", "base_url": None}
STREAMS = [
    {
        "source": "ewm",
        "catalogue": SOURCE["catalogue"],
        "stream": stream,
        "run": "a-run",
        "windows_of": "a-run",
    }
    for stream in ("work_items", "comments")
]
WORK = [
    {"source": "ewm", "stream": "work_items", "run": "a-run", "from": day, "to": day + 1} for day in range(3)
]
LOADED = {"work_items": {"inserted": 3, "updated": 0, "removed": 0, "rejected": 0}}
Event = dict[str, Any]


def planned(event: Event, items: int = len(WORK), concurrency: int = 2) -> Answer:
    streams = STREAMS if items else []
    return {
        "run": "a-run",
        "round": event["round"] + 1,
        "extract": {"items": items, "concurrency": concurrency, "bucket": "landing", "key": "work.json"},
        "streams": streams,
        "load_items": len(streams),
    }


def nothing_planned(event: Event) -> Answer:
    return planned(event, items=0)


def done(_: Event) -> Answer:
    return {"status": "done"}


def reported(event: Event) -> Answer:
    """What report answers: a failure that it is told of is in its message."""
    failure = event["failure"]
    return {
        "status": "failed" if failure else "succeeded",
        "catch_up": False,
        "message": f"ewm failed: {failure['Error']}" if failure else "ewm: all loaded",
        "report": "runs/ewm/a-run/report.json",
        "loaded": LOADED,
    }


def told_of(event: Event) -> Answer:
    """A report that hands on the cause that it was told of."""
    return reported(event) | {"message": event["failure"]["Cause"]}


def fails(error: str = "SourceError", message: str = "the endpoint says no") -> Handler:
    def handler(_: Event) -> Answer:
        raise FunctionError(error, message)

    return handler


def more_then_done(loops: int) -> Handler:
    """Answers "more" so many times, whoever asks, then "done"."""
    calls = count(1)
    return lambda _: {"status": "more" if next(calls) <= loops else "done"}


def assert_told(found: Run, text: str, name: str = "xmlift-dev") -> None:
    """The run failed, and one message says of what and where to look."""
    assert found.status == "FAILED"
    assert found.error == "RunFailed"
    ((subject, message),) = found.messages
    assert subject == f"{name}-pipeline: ewm failed"
    assert text in message
    assert message.endswith(f":{STARTED}")
    assert found.cause is not None
    assert text in found.cause
