"""What the warehouse has to hold, computed from the endpoint's own states and from nothing that xmlift made."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from local import control
from local.cloud import Cloud

Record = dict[str, Any]
Row = tuple[Any, ...]

# Read by the campaign's catalogue from here on: older ones would not be in the warehouse.
START = datetime(2024, 1, 1, tzinfo=UTC)


class Table(NamedTuple):
    """A table whose rows follow from the work items as they are: its columns, the first `key` of them its key."""

    name: str
    columns: tuple[str, ...]
    key: int
    rows: Callable[[Record], list[Row]]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(value: Any) -> Any:
    """An empty element has no text: nothing tells an empty text, or no tags, from none at all."""
    return None if value in ("", []) else value


def _item(item: Record) -> list[Row]:
    return [
        (
            item["id"],
            item["archived"],
            *(_text(item["summary"]), _text(item["description"]), _time(item["modified"]), item["archived"]),
            *(item["state"]["name"], item["owner"]["userId"], _text(item["tags"]), item["timeSpent"]),
        )
    ]


def _comments(item: Record) -> list[Row]:
    if item["archived"]:
        return []  # a tombstone takes its children with it
    return [
        (
            item["id"],
            position,
            _text(entry["content"]),
            entry["creator"]["name"],
            _time(entry["creationTime"]),
        )
        for position, entry in enumerate(item["comments"], start=1)
    ]


def _arrival(item: Record) -> list[Row]:
    return [(item["id"], item["itemId"], _time(item["created"]), item["creator"]["userId"])]


def _board(item: Record) -> list[Row]:
    return [(item["id"], _time(item["modified"]), item["state"]["name"], item["archived"])]


TABLES = (
    Table(
        "items",
        (
            *(
                "id",
                "COALESCE(_deleted, FALSE)",
                "summary",
                "description",
                "modified",
                "archived",
                "state",
                "owner",
            ),
            *("tags", "time_spent"),
        ),
        1,
        _item,
    ),
    Table("items__comments", ("_parent_id", "_position", "content", "author", "written"), 2, _comments),
    Table("arrivals", ("id", "item", "created", "creator"), 1, _arrival),
    Table("board", ("id", "modified", "state", "archived"), 1, _board),
)
HISTORY = "owners"
# The cursor of each stream, which its watermark is about.
CURSORS = {"items": "modified", "arrivals": "created", "board": "modified", HISTORY: "modified"}


class Oracle:
    """Every state that a work item ever had at the endpoint, followed as it grows."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._read = 0
        self.current: dict[int, Record] = {}
        # By work item: (modified, state, owner) of each of its states, in order.
        self.history: dict[int, list[tuple[datetime, str, str]]] = defaultdict(list)

    def look(self) -> None:
        """Take in what has happened since the last look."""
        news = control.states(self._cloud, self._read)
        self._read += len(news)
        for item in news:
            modified = datetime.fromisoformat(item["modified"])
            assert modified >= START, f"work item {item['id']} lies before the catalogue's start"
            self.current[item["id"]] = item
            self.history[item["id"]].append((modified, item["state"]["name"], item["owner"]["userId"]))

    def rows(self, table: Table) -> list[Row]:
        """What the table has to hold when everything has been read."""
        return [row for item in self.current.values() for row in table.rows(item)]

    def settled(self, stream: str, before: datetime) -> dict[int, datetime]:
        """The cursors of those work items that a watermark says are in the warehouse as they are now."""
        field = CURSORS[stream]
        return {
            identifier: cursor
            for identifier, item in self.current.items()
            if (cursor := datetime.fromisoformat(item[field])) < before
        }
