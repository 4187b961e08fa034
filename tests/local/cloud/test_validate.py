"""`validate` builds what a run builds of a source, and names stream and column of what cannot work."""

from pathlib import Path

import pytest

from commands.validate import check
from local.servers import CATALOGUE

FAULTS = {
    "column state": ("path: state/name", 'path: "state/na["'),
    "column summary": ("path: summary", 'path: "x:summary"'),
    "child comments: column content": ("content: { path: content", 'content: { path: "nothing(.)"'),
    "child comments: XPath": ("records: comments", 'records: "comments["'),
    "paging": ("xpath: /workitem/@href", 'xpath: "/workitem/["'),
    "{window.until}": ("{window.to}", "{window.until}"),
}


@pytest.mark.parametrize("named", FAULTS)
def test_a_fault_is_named(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ewm.yaml").write_text((CATALOGUE / "ewm.yaml").read_text().replace(*FAULTS[named]))
    error = str(check(tmp_path / "ewm.yaml")["error"])
    assert error.startswith("ewm.yaml: stream ewm.work_items: ")
    assert named in error


def test_our_own_sources_are_valid() -> None:
    assert [check(path)["error"] for path in CATALOGUE.glob("*.yaml")] == [None] * 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert check(tmp_path / "none.yaml")["error"] == f"{tmp_path / 'none.yaml'}: No such file or directory"
