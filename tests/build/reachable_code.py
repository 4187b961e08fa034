"""Which code of ours a function can come to run, read from the sources without running them."""

import ast
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import package

FUNCTIONS = package.ROOT / "functions"


def source_of(module: str, step: str) -> Path | None:
    """The file of a module of ours as a function's zip has it, None if it is somebody else's."""
    for root in (FUNCTIONS / step, FUNCTIONS):
        place = root.joinpath(*module.split("."))
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file() and (root != FUNCTIONS or module.split(".", maxsplit=1)[0] == "xmlift"):
                return path
    return None


class Part(NamedTuple):
    """A statement, with the module that it stands in and that module's variables and parameters."""

    module: str
    path: Path
    variables: set[str]
    statement: ast.stmt


def parts_of(module: str, path: Path) -> Iterator[Part]:
    """A module's statements, without what only a type checker reads."""
    tree = ast.parse(path.read_bytes())
    nodes = list(ast.walk(tree))
    variables = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    variables |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for statement in tree.body:
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"):
            yield Part(module, path, variables, statement)


def imports_of(part: Part) -> Iterator[str]:
    """All that a statement imports, and the packages of all that."""
    inside = part.module if part.path.name == "__init__.py" else part.module.rpartition(".")[0]
    for node in ast.walk(part.statement):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), inside)
            names = [f"{origin}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def names_in(part: Part) -> set[str]:
    """Every name that occurs in a statement and that may be a function's or a class's."""
    nodes = list(ast.walk(part.statement))
    names = {node.id for node in nodes if isinstance(node, ast.Name)} - part.variables
    names |= {node.name for node in nodes if isinstance(node, ast.alias) and node.asname}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


@cache
def code_run(step: str) -> tuple[list[Part], set[str]]:
    """The code of ours that a function can come to run, and the modules that it imports.

    From the handler on: what its modules do when imported, their functions and classes whose names occur
    in that, and so on. By name alone, so rather too much than too little.
    """
    run: list[Part] = []
    defined: dict[str, list[Part]] = {}
    names, modules = {"handler"}, {"handler"}
    seen: set[str] = set()
    while waiting := modules - seen:
        for module in waiting:
            path = source_of(module, step)
            for part in parts_of(module, path) if path else ():
                if isinstance(part.statement, ast.FunctionDef | ast.ClassDef):
                    defined.setdefault(part.statement.name, []).append(part)
                else:
                    defined.setdefault(f"import {module}", []).append(part)
                    names.add(f"import {module}")
        seen |= waiting
        while called := names & defined.keys():
            found = [part for name in called for part in defined.pop(name)]
            names |= {name for part in found for name in names_in(part)}
            modules |= {module for part in found for module in imports_of(part)}
            run += found
    return run, seen
