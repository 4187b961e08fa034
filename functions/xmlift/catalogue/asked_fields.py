"""Which fields a stream's columns need: the selection of a server that answers only what it is asked for."""

from collections.abc import Iterator
from typing import Any

from xmlift.catalogue.element_paths import ElementPath, element_paths

Document = dict[str, Any]

FieldTree = dict[str, Any]


def field_tree(stream: Document) -> FieldTree:
    """The elements that a stream's columns and children read, by their names from the record down."""
    tree: FieldTree = {}
    for path in _paths(stream, ()):
        here = tree
        for name in path:
            here = here.setdefault(name, {})
    return tree


def joined(tree: FieldTree) -> str:
    """`id|state/(name|group)`, in brackets where there are several."""
    if not tree:
        raise ValueError("no column says which fields to ask for: write at least one with a `path`")
    parts = [f"{name}/{joined(below)}" if below else name for name, below in tree.items()]
    return parts[0] if len(parts) == 1 else f"({'|'.join(parts)})"


def _paths(table: Any, above: ElementPath) -> Iterator[ElementPath]:
    for name, column in mapping(table, "columns").items():
        for xpath in _column_paths(column):
            yield from _asked(f"column {name}", xpath, above)
    deletes = table.get("deletes") if isinstance(table, dict) else None
    if isinstance(deletes, dict) and isinstance(deletes.get("path"), str):
        yield from _asked("deletes", deletes["path"], above)
    for name, child in mapping(table, "children").items():
        records = child.get("records") if isinstance(child, dict) else None
        if isinstance(records, str):
            for path in _asked(f"child {name}", records, above):
                yield path
                yield from _paths(child, path)


def _column_paths(column: Any) -> Iterator[str]:
    if isinstance(column, dict) and isinstance(column.get("path"), str):
        yield column["path"]
    pairs = column.get("pairs") if isinstance(column, dict) else None
    if isinstance(pairs, dict) and all(
        isinstance(pairs.get(key), str) for key in ("records", "key", "value")
    ):
        for key in ("key", "value"):
            yield f"{pairs['records']}/{pairs[key]}"


def _asked(what: str, xpath: str, above: ElementPath) -> Iterator[ElementPath]:
    try:
        for path in element_paths(xpath):
            yield (*above, *path)
    except ValueError as error:
        raise ValueError(
            f"{what}: {error}: name each element, or write what is asked for in request.query yourself"
        ) from error


def mapping(table: Any, key: str) -> Document:
    """What stands under a key by name; nothing where it is no mapping, which the models say."""
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}
