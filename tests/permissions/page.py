"""What is told of permissions: calls beside grants, and docs/permissions.md."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .policies import Grant
from .trial import Baseline, Verdict
from .unenforced import Unenforced, all_unenforced

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "permissions.md"
_LONGEST = 110

_HEAD = """# Permissions

Every statement of every role stands in [statements.tf](../terraform/modules/iam/statements.tf). This page is the
proof that none of them says too much: `make permissions` deploys the local environment to a local cloud that asks
roles as AWS does, plays what an environment does on a day, and plays it again without each action of each statement
in turn, and without each resource of those that name several. Each has to be missed: a run fails, or something that
was there is not. `make permissions ONLY=load:` tries a part, `RESUME=1` goes on where it was interrupted, and
`WRITE=1` writes this page anew. It takes part in `make nightly`; three of the trials are in `make test`.

Before that, the calls that the scenarios made are held against what was granted, role by role: a call that was
refused ends it with an error, as does an action or a resource that nobody needed.
"""


def call_lines(baseline: Baseline) -> list[str]:
    """Each role's grants, and how many different calls needed them: the report of calls against grants."""
    lines = []
    for role in sorted({grant.role for grant in baseline.grants}):
        calls = [call for call in baseline.calls if call.role == role]
        lines.append(f"{role}: {len(calls)} different calls")
        for grant in (each for each in baseline.grants if each.role == role and each.effect == "Allow"):
            used = sum(grant.covers(call) for call in calls)
            lines.append(f"  {used or 'no':>4} × {grant.action} on {grant.resource}")
    return lines


def write_page(baseline: Baseline, verdicts: Sequence[Verdict]) -> None:
    """Write docs/permissions.md."""
    text = "\n".join([_HEAD, *_scenarios(baseline), *_noticed(verdicts), *_unenforced(verdicts), ""])
    PAGE.write_text(_without_account(text, baseline.grants), encoding="utf-8")


def _scenarios(baseline: Baseline) -> Iterator[str]:
    yield "## What is played\n"
    yield "| Scenario | What happens |\n|---|---|"
    for name, play in baseline.plays.items():
        words = " ".join((play.scenario.__doc__ or "").split())
        yield f"| {name} | {words} |"
    yield ""


def _noticed(verdicts: Iterable[Verdict]) -> Iterator[str]:
    noticed = [verdict for verdict in verdicts if verdict.outcome == "noticed"]
    yield "## What is missed\n"
    yield f"{len(noticed)} permissions, and what becomes of the scenario that misses each first.\n"
    yield "| Role | Statement | Without | Scenario | What is otherwise |\n|---|---|---|---|---|"
    for verdict in noticed:
        mutant = verdict.mutant
        lost = _cell(verdict.lost)
        yield f"| {mutant.step} | {mutant.sid} | `{mutant.short}` | {verdict.scenario} | {lost} |"
    yield ""


def _unenforced(verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield "## What the local cloud cannot ask\n"
    yield (
        "Taken away from the plans of the environments instead, by `tests/contract/aws/test_unenforced.py`, where\n"
        "the rule named here objects.\n"
    )
    yield "| Statement | Without | Roles | Why | Rule |\n|---|---|---|---|---|"
    for entry in all_unenforced():
        roles = ", ".join(_roles(entry, verdicts)) or "none in the local environment"
        without = ", ".join(f"`{each}`" for each in entry.without) or "any action"
        yield f"| {entry.statement} | {without} | {roles} | {entry.why} | `{entry.rule}` |"


def _roles(entry: Unenforced, verdicts: Iterable[Verdict]) -> list[str]:
    return sorted({verdict.mutant.step for verdict in verdicts if entry.excuses(verdict.mutant)})


def _cell(text: str) -> str:
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return short.replace("|", "/").replace("<", "&lt;").replace("\n", " ")


def _without_account(text: str, grants: Sequence[Grant]) -> str:
    """No account id: the emulator's is not anybody's."""
    accounts = {
        part for grant in grants for part in grant.resource.split(":") if part.isdigit() and len(part) == 12
    }
    for account in accounts:
        text = text.replace(account, "ACCOUNT")
    return text
