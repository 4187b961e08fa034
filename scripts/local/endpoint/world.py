"""A tracker's work items: made from a seed, changed when told.

A change never alters a work item in place: it puts a new record where the old one was. So whoever holds a
record (a page that is being written) may go on reading it, and a rendered text is valid for as long as the
record it was made from is the current one.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from local.endpoint.generation import Generator, contributor, project_area
from local.endpoint.workitem import NOT_SET, Record

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, to the millisecond: what the tracker can store."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True)
class Advance:
    """The ids that one step of the world touched, and its clock when the step was done."""

    changed: list[int]
    created: list[int]
    at: datetime
    deleted: list[int]


class World:
    """The work items by id, in the order of their ids; the clock that stamps them."""

    def __init__(self, seed: int, items: int, clock: Clock = utc_now) -> None:
        self.clock = clock
        self._random = Random(seed)  # noqa: S311 -- made-up work items, not secrets
        self._generator = Generator(self._random, latest=clock() - timedelta(hours=1))
        self._lock = threading.Lock()
        self._items = {item["id"]: item for item in self._generator.history(items)}
        # Every state that a work item ever had here, in the order in which they could be read.
        self._states = list(self._items.values())
        self._deleted: list[Record] = []
        self._first = clock()

    def items(self) -> list[Record]:
        """All current work items at one instant, ordered by id."""
        with self._lock:
            return list(self._items.values())

    def states(self, first: int = 0) -> list[Record]:
        """All states of all work items since the start, from the `first`-th on, in the order they were made."""
        with self._lock:
            return self._states[first:]

    def item(self, identifier: int) -> Record | None:
        """A work item as it is now; None once it is deleted."""
        return self._items.get(identifier)

    def deleted(self) -> list[Record]:
        """What is left of each deleted work item, in the order of their deletion; `modified` is when that was."""
        with self._lock:
            return list(self._deleted)

    def project_areas(self) -> list[Record]:
        """The project areas that there are now, in the order in which they were made."""
        with self._lock:
            return [project_area(name, self._first) for name in self._generator.projects]

    @property
    def version(self) -> int:
        """A number that grows with each change, so that an answer may tell that it is out of date."""
        return len(self._states) + len(self._deleted)

    def add_project_area(self, name: str) -> None:
        """From now on work items are created there, too."""
        with self._lock:
            self._generator.projects = [*self._generator.projects, name]

    def remove_project_area(self, name: str) -> None:
        """The project area and its work items are gone, without a word about any of them."""
        with self._lock:
            self._generator.projects = [each for each in self._generator.projects if each != name]
            gone = [item["id"] for item in self._items.values() if item["projectArea"]["name"] == name]
            for identifier in gone:
                del self._items[identifier]

    def advance(self, change: int, create: int, delete: int = 0) -> Advance:
        """Change that many work items (at most all), create and delete that many, stamped with the clock's now."""
        with self._lock:
            chosen = self._random.sample(list(self._items), k=min(change, len(self._items)))
            for identifier in chosen:
                self._put(self._edited(self._items[identifier]))
            created = [self._created(chosen) for _ in range(create)]
            gone = self._chosen_to_go(delete, {*chosen, *created}) if delete else []
            for identifier in gone:
                self._delete(identifier)
            return Advance(sorted(chosen), created, self.clock(), sorted(gone))

    def _chosen_to_go(self, count: int, touched: set[int]) -> list[int]:
        """Work items that the step has left alone, that many or all of them."""
        others = [identifier for identifier in self._items if identifier not in touched]
        return self._random.sample(others, k=min(count, len(others)))

    def _delete(self, identifier: int) -> None:
        item = self._items.pop(identifier)
        left = {key: item[key] for key in ("itemId", "contextId", "id", "projectArea")}
        self._deleted.append({**left, "modified": self.clock().astimezone(item["modified"].tzinfo)})

    def _created(self, parents: list[int]) -> int:
        """A new work item. Only one just changed becomes its parent, as a new child changes its parent."""
        now = self.clock()
        item = self._generator.work_item(now, now)
        if parents and self._random.random() < 0.5:
            parent = _copied(self._items[self._random.choice(parents)])
            self._generator.adopt(parent, item)
            self._put(parent)
        self._put(item)
        identifier: int = item["id"]
        return identifier

    def _put(self, item: Record) -> None:
        self._items[item["id"]] = item
        self._states.append(item)

    def _edited(self, old: Record) -> Record:
        item = _copied(old)
        now = self.clock().astimezone(old["modified"].tzinfo)
        for edit in self._random.sample(_EDITS, k=self._random.randint(1, 3)):
            edit(item, self._generator, now)
        item["modified"] = now
        item["modifiedBy"] = contributor(self._random)
        return item


def _copied(item: Record) -> Record:
    """A record to be changed: its lists are its own, all else in it is only ever replaced."""
    return {**item, "comments": [*item["comments"]], "children": [*item["children"]]}


def _retitle(item: Record, generator: Generator, now: datetime) -> None:
    item["summary"] = f"{generator.summary() or 'Untitled'} [{now:%H:%M:%S.%f}]"


def _comment(item: Record, generator: Generator, now: datetime) -> None:
    item["comments"].append(generator.comment(now))


def _move(item: Record, generator: Generator, now: datetime) -> None:
    item["state"] = generator.state()
    generator.resolve(item, now)


def _retag(item: Record, generator: Generator, now: datetime) -> None:
    item["tags"] = generator.tags()


def _assign(item: Record, generator: Generator, now: datetime) -> None:
    item["owner"] = generator.owner()


def _book_time(item: Record, generator: Generator, now: datetime) -> None:
    item["timeSpent"] = max(item["timeSpent"], 0) + 1_800_000
    if item["duration"] != NOT_SET:
        item["correctedEstimate"] = max(item["duration"], item["timeSpent"])


def _archive(item: Record, generator: Generator, now: datetime) -> None:
    item["archived"] = not item["archived"]


_EDITS = [_archive, _retitle, _comment, _move, _retag, _assign, _book_time]
