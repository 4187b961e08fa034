"""What a round of a run has to do: windows to read and streams to load, as one step hands them to the next."""

from datetime import datetime

from msgspec import Struct

ALL_RUNS = "*"
"""Instead of a run: the windows of all runs (replay)."""


class Validators(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a server told an answer by, in its own words: given back, it may say "not modified" (RFC 9110, 8.8).

    `of` stands for what the catalogue said of the stream: by another mapping the same answer has to be read again.
    """

    of: str
    etag: str | None = None
    last_modified: str | None = None


class InboxObject(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"version": "version-id"}):
    """One version of an object that was dropped into the inbox, in the words of S3's events to EventBridge.

    Its key is as S3 has it: in these events it is not encoded, unlike in those to queues and functions. More is in
    them than is asked here. A bucket without versions has no `version-id`; `sequencer` differs from one writing of
    a key to the next, and is the same however often S3 tells of one.
    """

    key: str
    version: str = ""
    etag: str = ""
    sequencer: str = ""


class WorkItem(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """One window to read: the whole event of one extract.

    `set_windows` is how many windows the set has that it belongs to; 0 where it stands alone (P6). `pace` is how
    many requests a second this window's function may make: its share of the source's (0: all of it). `link` is
    where the endpoint said that changes go on (null: from the beginning), `validators` what it told the last loaded
    answer by. `raw_run` names the run whose kept answers are read instead of the endpoint, `inbox` an object.
    """

    source: str
    catalogue: str
    run: str
    stream: str
    partition: str
    epoch: int
    start: datetime
    end: datetime
    base_url: str | None = None
    set_windows: int = 0
    pace: float = 0.0
    link: str | None = None
    validators: Validators | None = None
    raw_run: str | None = None
    inbox: InboxObject | None = None


class LoadItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stream to load: the whole event of one load.

    `run` is the run that loads, `windows_of` the one whose windows are loaded, or `*` for all that ever landed.
    `with_runs` are earlier runs whose windows are loaded together with these, in the order of time (scd2).
    """

    source: str
    catalogue: str
    stream: str
    run: str
    windows_of: str
    with_runs: tuple[str, ...] = ()


class WorkList(Struct, frozen=True, kw_only=True):
    """Where the Map finds its items, how many they are, and how many of them may be at work at once."""

    items: int
    concurrency: int
    bucket: str
    key: str


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """What the state machine goes on with. `more`: something is left for the next round."""

    run: str
    round: int
    extract: WorkList
    streams: list[LoadItem]
    load_items: int
    more: bool


class PartitionsSeen(Struct, frozen=True, kw_only=True):
    """The partitions of a stream: how many there are, were never read before, or were read and are gone by now."""

    count: int
    new: int
    gone: int
    gone_names: list[str] = []

    @property
    def are_new(self) -> bool:
        """Whether the stream is read for the first time: none of them was read before."""
        return self.new == self.count and not self.gone

    @property
    def words(self) -> str:
        new = f" ({self.new} new)" if self.new and not self.are_new else ""
        return f"{self.count} partition{'' if self.count == 1 else 's'}{new}"


class Plan(Struct, frozen=True, kw_only=True):
    """What a round decided, kept for the report: windows to read, streams to load, and where each stands.

    `concurrency` is how many windows are read at once. `waiting` names streams whose turn comes in a later round,
    and which ones they wait for; `partitions` counts those of the streams that have any; `warnings` are of what
    cannot be read and fails nothing.
    """

    items: list[WorkItem]
    loads: list[LoadItem]
    more: bool
    watermarks: dict[str, datetime]
    concurrency: int = 1
    waiting: dict[str, list[str]] = {}
    partitions: dict[str, PartitionsSeen] = {}
    warnings: list[str] = []
