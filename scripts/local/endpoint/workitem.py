"""The fields of EWM's `workitem` resource that this endpoint has, in the order in which they are answered.

A work item is a plain dict of this shape: text, int, bool, an aware datetime, a list of tags, a nested dict
or a list of nested dicts; None where the field is null (an empty element in XML).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

Record = dict[str, Any]


class Kind(Enum):
    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    TAGS = "tags"


@dataclass(frozen=True)
class One:
    """A nested record: one element, empty where there is none."""

    fields: dict[str, Any]


@dataclass(frozen=True)
class Many:
    """Nested records: as many sibling elements, so none at all where the list is empty."""

    fields: dict[str, Any]


Shape = dict[str, Kind | One | Many]

_NAMED = One({"id": Kind.TEXT, "name": Kind.TEXT})
_CONTRIBUTOR = One({"itemId": Kind.TEXT, "name": Kind.TEXT, "userId": Kind.TEXT, "emailAddress": Kind.TEXT})
_REFERENCE: Shape = {"itemId": Kind.TEXT, "id": Kind.INTEGER, "reportableUrl": Kind.TEXT}

WORK_ITEM: Shape = {
    "itemId": Kind.TEXT,
    "contextId": Kind.TEXT,
    "modified": Kind.TIME,
    "modifiedBy": _CONTRIBUTOR,
    "id": Kind.INTEGER,
    "reportableUrl": Kind.TEXT,
    "summary": Kind.TEXT,
    "description": Kind.TEXT,
    "created": Kind.TIME,
    "creator": _CONTRIBUTOR,
    "owner": _CONTRIBUTOR,
    "archived": Kind.BOOLEAN,
    "tags": Kind.TAGS,
    "state": One({"id": Kind.TEXT, "name": Kind.TEXT, "group": Kind.TEXT}),
    "type": _NAMED,
    "priority": _NAMED,
    "severity": _NAMED,
    "resolution": _NAMED,
    "resolutionDate": Kind.TIME,
    "dueDate": Kind.TIME,
    "timeSpent": Kind.INTEGER,
    "duration": Kind.INTEGER,
    "correctedEstimate": Kind.INTEGER,
    "projectArea": One({"itemId": Kind.TEXT, "name": Kind.TEXT}),
    "category": One({"itemId": Kind.TEXT, "name": Kind.TEXT}),
    "target": One({"itemId": Kind.TEXT, "name": Kind.TEXT, "endDate": Kind.TIME}),
    "comments": Many(
        {
            "creationTime": Kind.TIME,
            "content": Kind.TEXT,
            "formattedContent": Kind.TEXT,
            "creator": _CONTRIBUTOR,
            "edited": Kind.BOOLEAN,
        }
    ),
    "subscriptions": Many(_CONTRIBUTOR.fields),
    "allExtensions": Many(
        {"key": Kind.TEXT, "type": Kind.TEXT, "displayName": Kind.TEXT, "displayValue": Kind.TEXT}
    ),
    "parent": One(_REFERENCE),
    "children": Many(_REFERENCE),
}

DELETED_WORK_ITEM: Shape = {
    "itemId": Kind.TEXT,
    "contextId": Kind.TEXT,
    "modified": Kind.TIME,
    "id": Kind.INTEGER,
    "projectArea": WORK_ITEM["projectArea"],
}
"""What is left of a work item: `modified` is when it was deleted."""

PROJECT_AREA: Shape = {
    "itemId": Kind.TEXT,
    "name": Kind.TEXT,
    "archived": Kind.BOOLEAN,
    "modified": Kind.TIME,
}

NOT_SET = -1
"""What EWM answers for a duration (milliseconds) that nobody has set."""


def jazz_time(moment: datetime) -> str:
    """`2012-12-17T09:30:16.427-0500`: milliseconds, the moment's own offset without a colon."""
    text = moment.isoformat(timespec="milliseconds")
    return f"{text[:-3]}{text[-2:]}"


def plain(value: Any) -> Any:
    """What JSON has no type for: a time becomes UTC text, `2012-12-17T14:30:16.427Z`."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"
    raise TypeError(f"{type(value).__name__} has no place in a work item")
