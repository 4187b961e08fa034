"""Work items made from a seed: consistent within (times in order, closed ones resolved), varied without."""

import base64
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from random import Random

from local.endpoint import content
from local.endpoint.workitem import NOT_SET, Record

FIRST_ID = 1001
_HOUR = 3_600_000
_ZONES = [timezone(timedelta(minutes=m)) for m in (-600, -360, -300, -210, 0, 60, 120, 330, 540, 765)]
PROJECTS = ["Powertrain", "Body & Chassis", "Infotainment (IVI)", "充电"]
_CATEGORIES = ["Unassigned", "Powertrain/ECU", "Body & Chassis/Doors", "IVI/Maps, Search", "Tools"]
_TARGETS = ["Backlog", "2024 Q1", '2024 Q2 "Hotfix"', "Release 10.0", None]
_STATES = [("1", "New", "open"), ("2", "In Progress", "inprogress"), ("3", "In Review", "inprogress")]
_CLOSED = [("4", "Resolved", "closed"), ("5", "Verified & Closed", "closed")]
_TYPES = ["Defect", "Task", "Story", "Change Request"]
_PRIORITIES = ["Unassigned", "Low", "Medium", "High"]
_SEVERITIES = ["Minor", "Normal", "Major", "Blocker"]
_RESOLUTIONS = ["Fixed", "Duplicate", "Works for me", "Won't fix"]
_EXTENSIONS: list[tuple[str, str, str, Callable[[Random], str]]] = [
    ("com.acme.attribute.customerRef", "string", "Customer <ref>", lambda r: f"{r.randrange(10**8):010d}"),
    ("com.acme.attribute.costCentre", "integer", "Cost centre", lambda r: str(r.randrange(1000, 10_000))),
    ("com.acme.attribute.asil", "enumeration", "ASIL", lambda r: r.choice(["QM", "A", "B", "C", "D"])),
    ("com.acme.attribute.note", "string", "Note", lambda r: r.choice(content.SENTENCES)),
    ("com.acme.attribute.blocked", "boolean", "Blocked?", lambda r: r.choice(["true", "false"])),
]


class Generator:
    """Draws work items from one source of chance; ids count up from 1001 and are never used again."""

    def __init__(self, random: Random, latest: datetime) -> None:
        self._random = random
        self._latest = latest
        self._next_id = FIRST_ID
        self.projects = PROJECTS
        # Bulk edits stamp many work items with the very same millisecond.
        self._bulk_edits = [latest - timedelta(days=random.randrange(700), hours=1) for _ in range(20)]

    def history(self, items: int) -> list[Record]:
        """The first work items, created and modified within the two years before `latest`."""
        ages = sorted((self._random.random() for _ in range(items)), reverse=True)
        made: list[Record] = []
        for age in ages:
            created = _to_milliseconds(self._latest - timedelta(days=730 * age))
            item = self.work_item(created, self._modified_after(created))
            if made and self._random.random() < 0.2:
                self.adopt(made[self._random.randrange(max(0, len(made) - 50), len(made))], item)
            made.append(item)
        return made

    def _modified_after(self, created: datetime) -> datetime:
        if self._random.random() < 0.1:
            bulk = self._random.choice(self._bulk_edits)
            if bulk >= created:
                return bulk
        return _to_milliseconds(created + (self._latest - created) * self._random.random())

    def work_item(self, created: datetime, modified: datetime) -> Record:
        """A work item under the next id; every time of it carries the same offset from UTC."""
        random, identifier = self._random, self._next_id
        self._next_id += 1
        zone = _ZONES[identifier % len(_ZONES)]
        created, modified = created.astimezone(zone), modified.astimezone(zone)
        planned = random.choice([NOT_SET, *range(0, 40 * _HOUR, 4 * _HOUR)])
        item: Record = {
            "itemId": _jazz_uuid(random.randbytes(16)),
            "contextId": stable_uuid("context"),
            "modified": modified,
            "modifiedBy": contributor(random),
            "id": identifier,
            "reportableUrl": f"/ccm/rpt/repository/workitem?fields=workitem/workItem[id={identifier}]/*",
            "summary": self.summary(),
            "description": content.description(random),
            "created": created,
            "creator": contributor(random),
            "owner": self.owner(),
            "archived": random.random() < 0.03,
            "tags": self.tags(),
            "state": self.state(),
            "type": _named("type", random.choice(_TYPES)),
            "priority": _named("priority", random.choice(_PRIORITIES)),
            "severity": _named("severity", random.choice(_SEVERITIES)),
            "dueDate": modified + timedelta(days=random.randrange(90)) if random.random() < 0.3 else None,
            "timeSpent": random.choice([NOT_SET, NOT_SET, 0, _HOUR, 5_400_000]),
            "duration": planned,
            "correctedEstimate": random.choice([NOT_SET, planned]),
            "projectArea": _placed(random.choice(self.projects)),
            "category": _placed(random.choice(_CATEGORIES)),
            "target": self._target(modified),
            "comments": [self.comment(moment) for moment in self._between(created, modified)],
            "subscriptions": [contributor(random) for _ in range(random.choice([0, 1, 1, 2]))],
            "allExtensions": self._extensions(),
            "parent": None,
            "children": [],
        }
        self.resolve(item, modified)
        return item

    def adopt(self, parent: Record, child: Record) -> None:
        """Link the two, with what can never change of either."""
        child["parent"] = _reference(parent)
        parent["children"].append(_reference(child))

    def resolve(self, item: Record, moment: datetime) -> None:
        """Give a closed work item its resolution, and take it from an open one."""
        closed = item["state"]["group"] == "closed"
        item["resolution"] = _named("resolution", self._random.choice(_RESOLUTIONS)) if closed else None
        item["resolutionDate"] = moment if closed else None

    def summary(self) -> str | None:
        return content.summary(self._random)

    def tags(self) -> list[str]:
        return content.tags(self._random)

    def state(self) -> Record:
        identifier, name, group = self._random.choice(_STATES + _CLOSED)
        return {"id": identifier, "name": name, "group": group}

    def owner(self) -> Record:
        if self._random.random() < 0.2:
            return _person("Unassigned", "unassigned", None)
        return contributor(self._random)

    def comment(self, moment: datetime) -> Record:
        text = self._random.choice(content.COMMENTS)
        return {
            "creationTime": moment,
            "content": text,
            "formattedContent": text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br/>"),
            "creator": contributor(self._random),
            "edited": self._random.random() < 0.1,
        }

    def _between(self, first: datetime, last: datetime) -> list[datetime]:
        count = self._random.choice([0, 0, 1, 1, 2, 3, 8])
        return sorted(_to_milliseconds(first + (last - first) * self._random.random()) for _ in range(count))

    def _target(self, moment: datetime) -> Record | None:
        name = self._random.choice(_TARGETS)
        if name is None:
            return None
        end = None if name == "Backlog" else moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return {**_placed(name), "endDate": end}

    def _extensions(self) -> list[Record]:
        chosen = self._random.sample(_EXTENSIONS, k=self._random.randint(0, len(_EXTENSIONS)))
        return [
            {
                "key": key,
                "type": kind,
                "displayName": name,
                "displayValue": None if self._random.random() < 0.2 else value(self._random),
            }
            for key, kind, name, value in chosen
        ]


def contributor(random: Random) -> Record:
    name, user = random.choice(content.PEOPLE)
    return _person(name, user, f"{user}@example.com")


def project_area(name: str, modified: datetime) -> Record:
    return {**_placed(name), "archived": False, "modified": modified}


def _person(name: str, user: str, address: str | None) -> Record:
    return {"itemId": stable_uuid(user), "name": name, "userId": user, "emailAddress": address}


def _named(kind: str, name: str) -> Record:
    return {"id": f"{kind}.literal.{name.split(maxsplit=1)[0].lower()}", "name": name}


def _placed(name: str) -> Record:
    return {"itemId": stable_uuid(name), "name": name}


def _reference(item: Record) -> Record:
    return {key: item[key] for key in ("itemId", "id", "reportableUrl")}


def stable_uuid(name: str) -> str:
    """The same identifier for the same name in every world."""
    return _jazz_uuid(uuid.uuid5(uuid.NAMESPACE_URL, name).bytes)


def _jazz_uuid(value: bytes) -> str:
    return f"_{base64.urlsafe_b64encode(value).decode().rstrip('=')}"


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
