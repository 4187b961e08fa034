"""Mutants still fit the code that they break, and a slice of them is tried; `make mutants` tries them all."""

from pathlib import Path

import pytest

from .mutants import Change, Mutant, MutantError, all_mutants, chosen, mutated, senseless, unknown_tests
from .trial import all_tried, tried

SLICE = ("no-lock", "the-claim-is-not-asked")


def test_every_mutant_applies_and_makes_sense(tmp_path: Path) -> None:
    texts = {}
    for mutant in all_mutants():
        for file, text in mutated(mutant).items():
            if file.endswith(".py"):
                texts[Path(mutant.name) / file] = text
    assert not senseless(texts, tmp_path)


def test_a_mutant_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    assert "nothing_of_the_kind" in senseless({Path("x.py"): "print(nothing_of_the_kind)\n"}, tmp_path)


def test_every_test_that_a_mutant_names_exists() -> None:
    assert unknown_tests(test for mutant in all_mutants() for test in mutant.tests) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("def plan(", "def plan(", "1 times"), ("import ", "", "times"), ("no such text", "", "0 times")],
)
def test_a_mutant_whose_code_was_rewritten_is_told(old: str, new: str, words: str) -> None:
    change = Change("functions/xmlift/planning/plan.py", old, new)
    with pytest.raises(MutantError, match=f"old: its old text stands .*{words}"):
        mutated(Mutant("old", "P1", "", ["x"], [change]))


@pytest.mark.timeout(120)
def test_a_slice_of_the_mutants_is_caught() -> None:
    for verdict in all_tried(chosen(all_mutants(), SLICE), lambda _: None):
        assert verdict.caught, verdict.missed


def test_one_that_changes_nothing_is_not_caught() -> None:
    """What cannot fail proves nothing: neither do trials."""
    words = '"""Windows: half-open intervals'
    change = Change("functions/xmlift/windows.py", words, words.replace("half", "Half"))
    verdict = tried(Mutant("harmless", "none", "nothing", ["tests/unit/test_frames.py"], [change]))
    assert (verdict.caught, verdict.noticed) == (False, {})
    assert verdict.missed[0].startswith("tests/unit/test_frames.py ([('PASSED', '')")
