"""How a source tells of deletions."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, field

from xmlift.catalogue.cursor import parse_duration
from xmlift.catalogue.paging import NoPaging, Paging
from xmlift.catalogue.request import Request
from xmlift.catalogue.strict import Model, Name


class Mark(Model, frozen=True):
    """A value in the record itself tells that it is gone."""

    path: Annotated[str, Meta(min_length=1)]
    equals: Annotated[str, Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if self.equals is not None and self.equals != self.equals.strip():
            raise ValueError(
                f"deletes equals {self.equals!r}: values are compared without spaces around them"
            )

    def is_told_by(self, value: str) -> bool:
        """Whether a record with this value (an empty text where there is none) is gone."""
        value = value.strip()
        return bool(value) and self.equals in (None, value)


class Tombstone(Mark, frozen=True, tag_field="type", tag="tombstone"):
    """A record in which `path` has a value (with `equals`, exactly this one) says that its key was deleted."""


class Flag(Mark, frozen=True, tag_field="type", tag="flag"):
    """A whole record in which `path` has a value (with `equals`, exactly this one) is one that was deleted."""


class GoneColumn(Model, frozen=True):
    """One of the columns that identify a record, as a second feed has it; its type is the stream's."""

    path: Annotated[str, Meta(min_length=1)]
    nulls: list[str] = field(default_factory=list)
    format: Annotated[str, Meta(min_length=1)] | None = None
    zone: Annotated[str, Meta(min_length=1)] | None = None


class SecondFeed(Model, frozen=True, tag_field="type", tag="second_feed"):
    """Another request, asked in each window after the stream's own, whose records say what was deleted.

    `columns` are those that identify a record: the key's and the cursor's.
    """

    request: Request
    records: Annotated[str, Meta(pattern=r"^/[^/]", description="absolute path of a record: /list/record")]
    columns: Annotated[dict[Name, GoneColumn], Meta(min_length=1)]
    page: Paging = field(default_factory=NoPaging)

    def __post_init__(self) -> None:
        self.request.check_page(self.page)
        if self.request.bootstrap is not None:
            raise ValueError("a second feed has no first call: leave out request.bootstrap")


class PeriodicFull(Model, frozen=True, tag_field="type", tag="periodic_full"):
    """All is read again once in a while, and what is not among it was deleted.

    `every` is how often (`7d`); with a cursor of type full each run reads all, and it is left out.
    """

    every: str | None = None

    def __post_init__(self) -> None:
        if self.every is not None and self.every_time < timedelta(minutes=1):
            raise ValueError(f"deletes every {self.every!r} must be at least 1m")

    @property
    def every_time(self) -> timedelta:
        """How long after a reading of all the next one is due; at once where each run is one."""
        try:
            return timedelta(0) if self.every is None else parse_duration(self.every)
        except ValueError as error:
            raise ValueError(f"deletes every: {error}; for a week 7d") from error


Deletes = Tombstone | Flag | SecondFeed | PeriodicFull
