"""What a plan would change, for people who approve it and for programs that hold things against it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

# GitHub takes 65,536 characters in one comment, in which the plans of three environments have to stand.
_MOST_ROWS = 60
_MOST_WORDS = 9_000
_ACTIONS = {
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}
_SHOWN = ("create", "update", "replace", "delete", "forget")


class Change(NamedTuple):
    """What happens to one resource. attributes: the names of those that an update or a replacement changes."""

    address: str
    action: str
    attributes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """As the summaries of plans have it."""
        return {"address": self.address, "action": self.action, "attributes": list(self.attributes)}


def changes(plan: dict[str, Any]) -> list[Change]:
    """What an apply would change, by address; `plan` is what `terraform show -json` says."""
    return list(_changed(plan.get("resource_changes", [])))


def drifted(plan: dict[str, Any]) -> list[Change]:
    """What was changed since the last apply by something else than Terraform."""
    return list(_changed(plan.get("resource_drift", [])))


def changes_outputs(plan: dict[str, Any]) -> list[str]:
    """The outputs that an apply would change."""
    found = plan.get("output_changes", {})
    return sorted(name for name, change in found.items() if change["actions"] != ["no-op"])


def counts(found: list[Change]) -> dict[str, int]:
    """How many resources are created, updated, replaced, deleted and forgotten."""
    counted = Counter(change.action for change in found)
    return {action: counted[action] for action in _SHOWN}


def told(counted: dict[str, int]) -> str:
    """Counts of changes in words: `3 to create, 1 to update`, or `no changes`."""
    return ", ".join(f"{count} to {action}" for action, count in counted.items() if count) or "no changes"


def as_markdown(title: str, found: list[Change], outside: list[Change], words: str) -> str:
    """A section about one environment: how much changes, what, and Terraform's own words, folded."""
    lines = [f"### {title}: {told(counts(found))}", ""]
    # What is lost comes first: it is what an approval is about.
    dangerous = sorted(found, key=lambda change: change.action not in {"delete", "replace"})
    if found:
        lines += ["| | resource | attributes |", "|---|---|---|"]
        lines += [
            f"| {change.action} | `{change.address}` | {', '.join(change.attributes)} |"
            for change in dangerous[:_MOST_ROWS]
        ]
        lines += [f"| | and {len(found) - _MOST_ROWS} more | |"] if len(found) > _MOST_ROWS else []
        lines.append("")
    if outside:
        lines += ["Changed since the last apply, and not by Terraform:", ""]
        lines += [f"- `{change.address}` {', '.join(change.attributes)}" for change in outside[:50]]
        lines.append("")
    lines += [
        "<details><summary>Terraform's own words</summary>",
        "",
        "```",
        _cut(words),
        "```",
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _cut(words: str) -> str:
    if len(words) <= _MOST_WORDS:
        return words.strip()
    return words[:_MOST_WORDS].strip() + "\n… the rest is in the log of the job"


def _changed(resources: list[dict[str, Any]]) -> Iterator[Change]:
    for resource in resources:
        change = resource["change"]
        action = _ACTIONS.get(tuple(change["actions"]))
        if action is not None:
            yield Change(resource["address"], action, tuple(_attributes(change)))


def _attributes(change: dict[str, Any]) -> Iterator[str]:
    before, after = change.get("before"), change.get("after")
    if before is None or after is None:
        return
    unknown = change.get("after_unknown") or {}
    for name in sorted(before.keys() | after.keys() | unknown.keys()):
        if before.get(name) != after.get(name) or unknown.get(name) is True:
            yield name
