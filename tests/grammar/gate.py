"""Whether Redshift's grammar, as sqlfluff has it, reads a statement."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

from .recording import kind

# sqlfluff's grammar knows default privileges of users and groups; Redshift grants them to roles, too.
_TO_ROLE = re.compile(r"^(ALTER DEFAULT PRIVILEGES .*) TO ROLE ")


def unread(statements: Iterable[str]) -> Iterator[str]:
    """The statements that are not Redshift's, each with what sqlfluff says of it."""
    linter = Linter(config=FluffConfig(overrides={"dialect": "redshift"}))
    for statement in statements:
        faults = linter.parse_string(_TO_ROLE.sub(r"\1 TO GROUP ", statement)).violations
        if faults:
            yield f"{statement}\n  {faults[0].desc()}"


def recorded(folder: Path) -> dict[str, str]:
    """One statement of each kind, from what the processes of a test run have written."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines())
    return {kind(statement): statement for statement in map(json.loads, lines)}
