"""docs/aws-contract.md and the tests are the same list: every row has its test, every test its row."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "tests/contract/aws"


def rows() -> list[str]:
    """The tests that the table names, with their folder."""
    table = (ROOT / "docs" / "aws-contract.md").read_text()
    named = re.findall(r"^\|.*\| `(\S+\.py::\w+)` \|$", table, re.MULTILINE)
    return [name if "/" in name else f"{CONTRACT}/{name}" for name in named]


def named_tests(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"{path.relative_to(ROOT)}::{node.name}"


def test_every_row_has_its_test() -> None:
    assert len(rows()) > 40
    missing = [row for row in rows() if row not in set(named_tests(ROOT / row.split("::")[0]))]
    assert missing == []


def test_every_test_has_its_row() -> None:
    tests = [name for path in (ROOT / CONTRACT).glob("test_*.py") for name in named_tests(path)]
    assert sorted(set(tests) - set(rows())) == []
    assert len(rows()) == len(set(rows()))
