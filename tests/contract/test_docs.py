"""The documentation is held to the product: its commands exist, its examples load, its links lead somewhere.

That the commands do what they say is shown end to end, in tests/e2e.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from xmlift.catalogue import load_source

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("terraform/**/*.md")])
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)#\s]+)")


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for block in _BLOCK.finditer(page.read_text()):
            if block["language"] == language:
                yield page, block["text"]


def make_targets() -> set[str]:
    """Targets with a help text: those that people are meant to call."""
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def called_targets(line: str) -> list[str]:
    words = re.split(r"[#<]", line)[0].split()
    return (
        [word for word in words[1:] if "=" not in word and not word.startswith(("'", '"'))] if words else []
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_every_make_command_in_a_shell_block_exists() -> None:
    called = {
        target
        for _, text in blocks("sh")
        for line in text.splitlines()
        if line.startswith("make ")
        for target in called_targets(re.sub(r"SQL='[^']*'", "", line))
    }
    assert {"demo", "tick", "run", "query", "down", "package"} <= called
    assert called <= make_targets()


def test_every_make_command_in_running_text_exists() -> None:
    called = {
        target
        for page in PAGES
        for inline in re.findall(r"`make ([a-z][a-z -]*)`", page.read_text())
        for target in inline.split()
    }
    assert called
    assert called <= make_targets()


def test_complete_sources_in_the_docs_load() -> None:
    sources = [(page, text) for page, text in blocks("yaml") if re.search(r"^source:", text, re.MULTILINE)]
    assert sources
    for page, text in sources:
        load_source(text.encode(), page.name)


@pytest.mark.parametrize("source", ["ewm", "doors_next", "etm", "oslc"])
def test_the_examples_of_presets_are_the_shipped_sources(source: str) -> None:
    shipped = (ROOT / "terraform" / "sources" / f"{source}.yaml").read_text()
    assert shipped in {text for page, text in blocks("yaml") if page.name == "rational.md"}


def test_column_examples_in_the_docs_load() -> None:
    examples = [text for _, text in blocks("yaml") if text.startswith("columns:")]
    assert examples
    for text in examples:
        indented = "".join(f"    {line}\n" for line in text.splitlines())
        source = (
            "source: example\nbase_url: https://example.com\nstreams:\n  things:\n    request: {path: /things}\n"
            f"    records: /things/thing\n    disposition: replace\n{indented}"
        )
        load_source(source.encode(), "docs/catalogue.md")
