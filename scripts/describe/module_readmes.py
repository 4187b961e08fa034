"""README.md of each Terraform module: what it takes, gives and makes, written from its own blocks.

    python -m describe.module_readmes            # writes what differs
    python -m describe.module_readmes --check    # writes nothing; exit status 1 if something differs

What stands above the mark is people's: what the module is for.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
from hcl2.utils import SerializationOptions

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
MARK = "<!-- From here on it is written by `make generated`, from the module's blocks. -->\n"

_PLAIN = SerializationOptions(
    with_comments=False, explicit_blocks=False, preserve_heredocs=False, strip_string_quotes=True
)
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
# What a line may hold of a type before its attributes get lines of their own.
_WIDTH = 100


def modules(terraform: Path = TERRAFORM) -> list[Path]:
    """The folders that are described: the modules, and what is applied before there is an environment."""
    return [
        *sorted(each for each in (terraform / "modules").iterdir() if each.is_dir()),
        terraform / "bootstrap",
    ]


def readme(module: Path) -> str:
    """The README as it has to be. Exits if nobody has written yet what the module is for."""
    written = (module / "README.md").read_text() if (module / "README.md").exists() else ""
    introduction = written.partition(MARK)[0].strip()
    if not introduction:
        raise SystemExit(f"{module}: README.md has to begin with a heading and what the module is for")
    parts = (introduction, MARK.strip(), *_inputs(module), *_outputs(module), *_made(module))
    return "\n\n".join(parts) + "\n"


@cache
def _blocks(module: Path) -> dict[str, list[dict[str, Any]]]:
    """The blocks of all of a module's files by kind, in the order of the files' names."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(module.glob("*.tf")):
        with path.open() as file:
            for kind, blocks in hcl2.load(file, serialization_options=_PLAIN).items():
                found.setdefault(kind, []).extend(blocks)
    return found


def _inputs(module: Path) -> Iterator[str]:
    yield "## Inputs"
    for block in _blocks(module).get("variable", []):
        for name, variable in block.items():
            default = f"default `{_value(variable['default'])}`" if "default" in variable else "required"
            kind = _unwrapped(variable["type"])
            if "object(" in kind:
                yield f"**`{name}`**, {default}: {_line(variable['description'])}"
                yield f"```hcl\n{spread(kind)}\n```"
            else:
                yield f"**`{name}`** `{kind}`, {default}: {_line(variable['description'])}"


def _outputs(module: Path) -> Iterator[str]:
    yield "## Outputs"
    for block in _blocks(module).get("output", []):
        for name, output in block.items():
            yield f"**`{name}`**: {_line(output['description'])}"


def _made(module: Path) -> Iterator[str]:
    """The resources that it may make; how many of each, and whether any, its inputs decide."""
    names = sorted(
        f"`{kind}.{name}`"
        for block in _blocks(module).get("resource", [])
        for kind, resources in block.items()
        for name in resources
    )
    called = sorted(f"`{name}`" for block in _blocks(module).get("module", []) for name in block)
    yield "## Made by it"
    if called:
        yield f"Modules: {', '.join(called)}."
    if names:
        yield "\n".join(f"- {name}" for name in names)


def spread(kind: str, indent: str = "") -> str:
    """A type with each attribute of its objects on a line of its own, where one line is too short for all."""
    found = re.search(r"object\(\{", kind)
    if not found or len(indent + kind) <= _WIDTH:
        return kind
    start = found.end()
    end = _closing(kind, start)
    deeper = indent + "  "
    attributes = "\n".join(deeper + spread(each, deeper) for each in _split(kind[start:end]))
    return f"{kind[:start]}\n{attributes}\n{indent}{kind[end:]}"


def _closing(text: str, start: int) -> int:
    """Where the bracket closes that is open at `start`."""
    depth = 1
    for at, sign in enumerate(_without_strings(text)[start:], start):
        depth += _BRACKETS.get(sign, 0)
        if depth == 0:
            return at
    raise ValueError(f"A bracket is left open: {text}")


def _split(text: str) -> list[str]:
    """The parts between commas that stand in no bracket."""
    parts, depth, begin = [], 0, 0
    for at, sign in enumerate(_without_strings(text)):
        depth += _BRACKETS.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [*parts, text[begin:].strip()]


def _without_strings(text: str) -> str:
    """Text of the same length in which no quoted character is a bracket or a comma."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: "_" * len(quoted.group()), text)


def _unwrapped(kind: str) -> str:
    """A type as it is written: the parser gives `string`, and all others as an expression, `${list(string)}`."""
    return kind.removeprefix("${").removesuffix("}") if kind.startswith("${") else kind


def _value(default: Any) -> str:
    return json.dumps(default)


def _line(description: str) -> str:
    """A description on one line. A `<` outside of backticks would begin a tag."""
    parts = " ".join(description.split()).split("`")
    return "`".join(part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(parts))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if something differs")
    check = parser.parse_args(arguments).check
    stale = []
    for module in modules():
        path, expected = module / "README.md", readme(module)
        if not path.exists() or path.read_text() != expected:
            stale.append(path)
            if not check:
                path.write_text(expected)
    for path in stale:
        said = "is not what its module says: make generated" if check else "written"
        sys.stderr.write(f"{path.relative_to(TERRAFORM.parent)}: {said}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
