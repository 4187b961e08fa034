"""Which tables the children of a stream make, and the names that must fit into them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from xmlift.catalogue.column import Child

# Redshift takes 127 bytes, and a load puts a word before the name (`current_`).
_LONGEST_TABLE = 118


class ChildPlace(NamedTuple):
    """A child, the table that it makes, the number of the child that it is in, and in how many it is."""

    table: str
    child: Child
    above: int | None
    depth: int


def child_places(name: str, children: Mapping[str, Child]) -> Iterator[ChildPlace]:
    """All children below a stream, depth first in the catalogue's order; `name` is the stream's."""
    number = 0

    def below(table: str, inside: Mapping[str, Child], above: int | None, depth: int) -> Iterator[ChildPlace]:
        nonlocal number
        for child_name, child in inside.items():
            place = ChildPlace(f"{table}__{child_name}", child, above, depth)
            mine, number = number, number + 1
            yield place
            yield from below(place.table, child.children, mine, depth + 1)

    return below(name, children, None, 0)


def position_columns(depth: int) -> tuple[str, ...]:
    """Where a child stands: the positions of those that it is in, the outermost first, and its own."""
    return tuple(f"_{'parent_' * (depth - number)}position" for number in range(depth + 1))


def check_child_tables(name: str, key: Sequence[str], children: Mapping[str, Child]) -> None:
    """Raises ValueError for a table whose name is too long, or that would have two columns of one name."""
    for place in child_places(name, children):
        if len(place.table) > _LONGEST_TABLE:
            raise ValueError(
                f"the table {place.table} has a name of more than {_LONGEST_TABLE} characters: use shorter names "
                "for the stream and its children"
            )
        doubled = {f"_parent_{column}" for column in key}.intersection(position_columns(place.depth))
        if doubled:
            (column,) = sorted(doubled)[:1]
            raise ValueError(
                f"the table {place.table} would have two columns {column}: that of the key and a position. Name "
                f"the key's column otherwise than {column.removeprefix('_parent_')!r}"
            )
