"""What a run is asked to do: the input of an execution, as schedules and operators write it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from xmlift.errors import PlanError
from xmlift.landing import names
from xmlift.work import InboxObject

Instant = Annotated[datetime, Meta(tz=True)]


class RunInput(
    Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}, forbid_unknown_fields=True
):
    """The input of an execution. A schedule's has the first three; the others are an operator's.

    `from` and `to` ask for a range instead of all since the cursor's start, `reread` for what is settled too,
    `replay` for what has landed instead of the endpoint, `from_raw` for the kept answers, to be parsed anew;
    `streams` (none: all) says for which. `inbox` is a file that was dropped, and all that such a run reads.
    `concurrent` goes ahead beside another execution of the source, as a run for a file always does.
    """

    source: str
    catalogue: str
    base_url: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    streams: list[str] = []
    reread: bool = False
    replay: bool = False
    from_raw: bool = False
    inbox: InboxObject | None = None
    concurrent: bool = False

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"`from` {self.start} is not before `to` {self.end}")
        if self.replay and (self.has_range or self.reread):
            raise ValueError("`replay` loads all that has landed: leave out `from`, `to` and `reread`")
        if self.from_raw and (self.replay or self.reread):
            raise ValueError(
                "`from_raw` reads the kept answers, and nothing else: leave out `replay` and `reread`"
            )

        if self.inbox is not None and (
            self.has_range or self.streams or self.reread or self.replay or self.from_raw
        ):
            raise ValueError("`inbox` reads one dropped file: leave out all that asks for something else")

    @property
    def has_range(self) -> bool:
        return self.start is not None or self.end is not None


class _Execution(Struct, frozen=True, kw_only=True):
    """What names a run: an execution and its start."""

    execution: str
    started: datetime

    @property
    def run(self) -> str:
        return names.run_id(self.started, self.execution)


class PlanEvent(_Execution, frozen=True, kw_only=True):
    """An execution and its round; `started` is its start, and the end of all its windows (P1)."""

    input: RunInput
    execution_arn: str
    round: int = 0

    @property
    def source(self) -> str:
        return self.input.source

    @property
    def catalogue(self) -> str:
        return self.input.catalogue

    @property
    def base_url(self) -> str | None:
        return self.input.base_url


def run_of(event: dict[str, Any]) -> str:
    """The name of the run that an event of plan or report is of, also where its input cannot be read."""
    return msgspec.convert(event, _Execution).run


def read_event[T: PlanEvent](event: dict[str, Any], kind: type[T]) -> T:
    """The event of plan or report. Raises PlanError that says what of the execution's input cannot be meant."""
    try:
        return msgspec.convert(event, kind)
    except msgspec.ValidationError as error:
        known = ", ".join(field.encode_name for field in msgspec.structs.fields(RunInput))
        raise PlanError(
            f"the execution's input cannot be read: {error}. Start it again with an input of {known}"
        ) from error
