"""`make mutants`: each rule of the protocol broken on purpose, and caught. Exit code 1 if one got through."""

import sys
from pathlib import Path
from time import monotonic
from typing import Annotated

import msgspec
import typer

from .mutants import ROOT, MutantError, all_mutants, chosen
from .trial import Verdict, all_tried

TABLE = ROOT / "docs" / "mutants.md"


def main(
    only: Annotated[str, typer.Option(help="Names of mutants, by comma; all by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Answer the verdicts as JSON.")] = False,
    write: Annotated[bool, typer.Option(help=f"Write {TABLE.relative_to(ROOT)} anew.")] = False,
    at_a_time: Annotated[int, typer.Option(min=1, help="How many are tried at the same time.")] = 2,
) -> None:
    """Break the protocol's rules one by one in a throw-away copy of the tree, and see its tests fail."""
    begun = monotonic()
    if write and only:
        raise typer.BadParameter("the page has all mutants: leave out --only (ONLY)")
    try:
        mutants = chosen(all_mutants(), [name.strip() for name in only.split(",") if name.strip()])
        say(f"{len(mutants)} mutants; first their tests without any")
        ended: list[Verdict] = []

        def tell(verdict: Verdict) -> None:
            ended.append(verdict)
            word = "caught" if verdict.caught else "NOT CAUGHT"
            say(f"{len(ended):3} of {len(mutants)}  {word:<10}  {verdict.seconds:5.1f} s  {verdict.name}")
            for missed in verdict.missed:
                say(f"     not by {missed}")

        verdicts = all_tried(mutants, tell, at_a_time)
    except MutantError as error:
        say(str(error))
        raise typer.Exit(1) from error
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(verdicts)).decode())
    else:
        print("\n".join(_lines(verdicts)))
    if write:
        _write(TABLE, verdicts)
    through = [verdict.name for verdict in verdicts if not verdict.caught]
    say(f"{len(verdicts) - len(through)} of {len(verdicts)} caught in {monotonic() - begun:.0f} seconds")
    if through:
        say(f"not caught: {', '.join(through)}")
        raise typer.Exit(1)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _lines(verdicts: list[Verdict]) -> list[str]:
    lines = []
    for verdict in verdicts:
        lines.append(f"{verdict.name} ({verdict.rule}): {'caught' if verdict.caught else 'NOT CAUGHT'}")
        lines += [f"    {test}\n        {said[:140]}" for test, said in verdict.noticed.items()]
    return lines


def _write(table: Path, verdicts: list[Verdict]) -> None:
    rows = [
        f"| `{verdict.name}` | {verdict.rule} | {verdict.why} | {_who(verdict)} |" for verdict in verdicts
    ]
    text = (
        "# Mutants\n\n"
        "Each rule of the [protocol](protocol.md) is broken on purpose in a throw-away copy of the tree, and the\n"
        "tests named here fail there; without the mutant they pass. `make mutants` tries all of them\n"
        "(`make mutants ONLY=name` one, `WRITE=1` writes this page anew). "
        f"{sum(verdict.caught for verdict in verdicts)} of {len(verdicts)} are noticed.\n\n"
        "| Mutant | Rule | What it does wrong | Noticed by |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )
    table.write_text(text, encoding="utf-8")


def _who(verdict: Verdict) -> str:
    return "<br>".join(f"`{_short(test)}`" for test in verdict.noticed) or "**nobody**"


def _short(test: str) -> str:
    path, _, name = test.partition("::")
    return f"{Path(path).stem}::{name}" if name else path


if __name__ == "__main__":
    typer.run(main)
