"""What roles are granted, who of them used it, and what each would be with one permission less."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import Struct

Policy = dict[str, Any]


class Call(Struct, frozen=True, order=True):
    """One evaluation of a role's policies, as the local cloud writes it down; `context` is JSON of its keys."""

    role: str
    action: str
    resource: str
    context: str = "{}"
    decision: str = "Allow"


class Grant(Struct, frozen=True, order=True):
    """One action on one resource pattern, as a statement of a role has it."""

    role: str
    sid: str
    action: str
    resource: str
    effect: str = "Allow"
    condition: str = "{}"

    def covers(self, call: Call) -> bool:
        """Whether the call needs it, or another that says the same."""
        return (
            self.effect == "Allow"
            and self.role == call.role
            and _matches(self.action.lower(), call.action.lower())
            and _matches(self.resource, call.resource)
            and _is_met(self.condition, call.context)
        )


class Mutant(Struct, frozen=True, order=True):
    """A statement of a role without one of its actions, or without one of its resources."""

    role: str
    sid: str
    without: str

    @property
    def step(self) -> str:
        """The role's last word, such as `load`."""
        return self.role.rsplit("-", 1)[-1]

    @property
    def short(self) -> str:
        """What is taken away, without partition, region and account: those of this very environment."""
        parts = self.without.split(":", 5)
        return parts[5] if parts[0] == "arn" and len(parts) == 6 else self.without

    def __str__(self) -> str:
        return f"{self.step}: {self.sid} without {self.short}"

    def lacks(self, grant: Grant) -> bool:
        """Whether the grant is one that it takes away."""
        return (grant.role, grant.sid) == (self.role, self.sid) and self.without in (
            grant.action,
            grant.resource,
        )

    def of(self, policy: Policy) -> Policy:
        """The policy as the mutant has it. A policy must not be empty: one that would be allows nothing real."""
        statements = [
            left
            for each in policy["Statement"]
            if (left := self._less(each) if each["Sid"] == self.sid else each)
        ]
        return policy | {"Statement": statements or [_NOTHING]}

    def _less(self, statement: Mapping[str, Any]) -> Mapping[str, Any] | None:
        left = {
            key: [each for each in listed(statement[key]) if each != self.without]
            for key in ("Action", "Resource")
        }
        return {**statement, **left} if all(left.values()) else None


_NOTHING = {"Sid": "Nothing", "Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"}


def listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def grants_of(role: str, policy: Policy) -> Iterator[Grant]:
    """Every action on every resource that a role's policy names."""
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            for resource in listed(statement["Resource"]):
                condition = json.dumps(statement.get("Condition", {}))
                yield Grant(role, statement["Sid"], action, resource, statement["Effect"], condition)


def mutants_of(role: str, policy: Policy) -> Iterator[Mutant]:
    """Each action of each statement taken away, and each resource of those that have several."""
    for statement in policy["Statement"]:
        for action in listed(statement["Action"]):
            yield Mutant(role, statement["Sid"], action)
        resources = listed(statement["Resource"])
        for resource in resources if len(resources) > 1 else ():
            yield Mutant(role, statement["Sid"], resource)


def needed_by(mutant: Mutant, grants: Sequence[Grant], calls: Iterable[Call]) -> list[Call]:
    """The calls that the mutant refuses: allowed before, and by no other grant of the role."""
    return [
        call
        for call in calls
        if call.decision == "Allow"
        and any(grant.covers(call) for grant in grants if mutant.lacks(grant))
        and not any(grant.covers(call) for grant in grants if not mutant.lacks(grant))
    ]


def signature(policy: Policy) -> str:
    """A policy without the ids that AWS gives to keys, workgroups and secrets: the same in another cloud."""
    ids = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=-)[0-9a-f]{6}(?=\")"
    return re.sub(ids, "…", json.dumps(policy))


def read_calls(text: str) -> list[Call]:
    """The calls of roles among those that the local cloud has written down, each once, in order."""
    told = [json.loads(line) for line in text.splitlines()]
    return sorted({Call(**each | {"context": json.dumps(each["context"])}) for each in told if each["role"]})


@cache
def _is_met(condition: str, context: str) -> bool:
    """Whether a condition holds, of the kind that our statements have: equal to one of several, or like it."""
    known: dict[str, str | list[str]] = json.loads(context)
    return all(
        any(
            _matches(pattern, value)
            for pattern in listed(wanted)
            for value in listed(known.get(key.lower(), []))
        )
        for keys in json.loads(condition).values()
        for key, wanted in keys.items()
    )


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL
    )


def _matches(pattern: str, value: str) -> bool:
    return _pattern(pattern).fullmatch(value) is not None
