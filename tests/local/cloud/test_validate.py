"""`validate` builds what a run builds of a source, and names stream and column of what cannot work."""

import json
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from commands.validate import check, validate
from operate.places import CATALOGUE
from xmlift.catalogue import load_source

APP = typer.Typer()
APP.command()(validate)

FAULTS = {
    "column state": ("path: state/name", 'path: "state/na["'),
    "column summary": ("path: summary", 'path: "x:summary"'),
    "child comments: column content": ("content: { path: content", 'content: { path: "nothing(.)"'),
    "child comments: 'comments['": ("records: comments", 'records: "comments["'),
    "page.xpath": ("    key: [id]", '    page: { type: next_url, xpath: "/workitem/[" }\n    key: [id]'),
    "{window.until}": ("    key: [id]", "    where: modified<{window.until}\n    key: [id]"),
}


@pytest.mark.parametrize("named", FAULTS)
def test_a_fault_is_named(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ewm.yaml").write_text((CATALOGUE / "ewm.yaml").read_text().replace(*FAULTS[named]))
    error = str(check(tmp_path / "ewm.yaml")["error"])
    assert error.startswith("ewm.yaml: stream ewm.work_items: ")
    assert named in error


def test_a_preset_is_shown_with_all_that_it_stands_for() -> None:
    done = CliRunner().invoke(APP, ["--expanded", "--json", str(CATALOGUE / "ewm.yaml")])
    (result,) = json.loads(done.stdout)
    shown = result["expanded"]
    assert "preset" not in shown
    assert shown["streams"]["work_items"]["records"] == "/workitem/workItem"
    text = yaml.safe_dump(shown).encode()
    own = (CATALOGUE / "ewm.yaml").read_bytes()
    assert load_source(text, "shown").auth == load_source(own, "own").auth


def test_what_cannot_be_read_is_not_shown(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("preset: nothing")
    done = CliRunner().invoke(APP, ["--expanded", "--json", str(broken)])
    (result,) = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (result["expanded"], "preset 'nothing'" in result["error"]) == (None, True)


def test_a_file_is_named_as_its_source_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("renamed.yaml").write_bytes((CATALOGUE / "ecb.yaml").read_bytes())
    assert check(tmp_path / "renamed.yaml")["error"] == (
        "renamed.yaml: it says `source: ecb`, and environments find a source by its file's name: name the file "
        "ecb.yaml, or correct `source`"
    )


def test_our_own_sources_are_valid() -> None:
    errors = {path.stem: check(path)["error"] for path in CATALOGUE.glob("*.yaml")}
    assert errors == dict.fromkeys(errors)
    assert {"ewm", "doors_next", "etm", "oslc"} <= errors.keys()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert check(tmp_path / "none.yaml")["error"] == f"{tmp_path / 'none.yaml'}: No such file or directory"


SUSPECT = """source: tracker
base_url: {scheme}://tracker.example.com
streams:
  items:
    request: {{path: /items, query: {{verb: ListRecords, {asked}}}}}
    page: {{type: token, xpath: /a/token, parameter: resumptionToken, exclusive: {exclusive}}}
    records: /a/b
    key: [id]
    cursor: {{type: watermark, field: at, start: 2020-01-01T00:00:00Z, slice: 1d}}
    columns: {{id: {{path: id, type: integer}}, at: {{path: at, type: timestamptz}}}}
"""
BOUNDS = "from: '{window.from}', until: '{window.to}'"
GOOD = {"scheme": "https", "asked": BOUNDS, "exclusive": "false"}


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"scheme": "http"}, ["tracker: base_url is http: nothing proves who answers"]),
        ({"asked": "from: '{window.from}'"}, ["tracker.items: cursor.slice cuts nothing"]),
        (
            {"exclusive": "true"},
            ["tracker.items: page.exclusive sends the query's `verb` with the first"],
        ),
        ({}, []),
    ],
)
def test_what_nobody_is_likely_to_have_meant_is_told(
    tmp_path: Path, differs: dict[str, str], words: list[str]
) -> None:
    file = tmp_path / "tracker.yaml"
    file.write_text(SUSPECT.format(**(GOOD | differs)))
    result = check(file)
    assert result["error"] is None
    assert [warning[: len(word)] for warning, word in zip(result["warnings"], words, strict=True)] == words
    done = CliRunner().invoke(APP, [str(file)])
    assert (done.exit_code, done.stderr.count("Warning: ")) == (0, len(words))
