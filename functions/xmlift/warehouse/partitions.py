"""The values of a column, which are the partitions of a stream that is read for each of them."""

from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse.statements import identifier


class Column(NamedTuple):
    """A column of a stream's own table."""

    source: str
    stream: str
    name: str


class Values(NamedTuple):
    """How many records have each value, by the value as text, in order; and how many have none (NULL)."""

    records: dict[str, int]
    without: int


def column_values(cursor: Cursor, column: Column, *, with_tombstones: bool, with_history: bool) -> Values:
    """The values that records have which are there. Raises WarehouseError.

    `with_tombstones` and `with_history` say what the table has beside such records: what is gone, and what was.
    """
    name = identifier(column.name)
    where = []
    if with_tombstones:
        where.append('"_deleted" IS NOT TRUE')
    if with_history:
        where.append('"is_current" IS TRUE')
    try:
        # Text is made of them here: Redshift's CAST to VARCHAR cuts off what is longer than 256 bytes.
        cursor.execute(
            f"SELECT {name}, count(*) FROM {identifier(column.source)}.{identifier(column.stream)}\n"
            f"{f'WHERE {" AND ".join(where)}' if where else ''}\nGROUP BY 1"
        )
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn) as error:
        raise WarehouseError(
            f"{column.source}.{column.stream} has no column {column.name} in the warehouse, and others are read "
            f"for its values: let a run read {column.stream} first, or rebuild its ledger if its table was dropped"
        ) from error
    counts = dict(cursor.fetchall())
    without = counts.pop(None, 0)
    return Values(dict(sorted((str(value), count) for value, count in counts.items())), without)
