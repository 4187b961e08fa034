"""The SQL of what a set of all lacks (L6): such rows stay, and count as deleted. Pure, as `statements`.

A set was read at one moment and asked for some time, so nothing follows from it for rows that were read later, by
other partitions, or that lie before its start.
"""

from collections.abc import Sequence
from typing import NamedTuple

from xmlift.warehouse.statements import (
    HASH,
    RECORD,
    Table,
    claimed,
    column_list,
    identifier,
    literal,
    same,
    same_parent,
)
from xmlift.windows import Interval, format_instant


def seen(table: Table) -> str:
    """The temporary table of the keys that a set has."""
    return identifier(f"seen_{table.name}")


def missing(table: Table) -> str:
    """The temporary table of the target's keys that the set lacks."""
    return identifier(f"missing_{table.name}")


def pick_seen(table: Table) -> str:
    return f"CREATE TEMP TABLE {seen(table)} AS\nSELECT {column_list(table.key)} FROM {table.stage}"


class Asked(NamedTuple):
    """The time that a set was asked for, by what rows tell of theirs: a set says nothing of those beyond it.

    `by` is a column of a time; `_window`, where they tell none, names the window that a row was read in.
    """

    by: str
    interval: Interval

    def holds(self, relation: str) -> str:
        """What is true of a row of that time."""
        column = f"{relation}.{identifier(self.by)}"
        if self.by == "_window":
            # By their names windows sort as time does.
            return f"{column} >= {literal(format_instant(self.interval.start))}"
        start, end = (f"CAST({literal(instant.isoformat())} AS TIMESTAMPTZ)" for instant in self.interval)
        return f"{column} >= {start} AND {column} < {end}"


def pick_missing(table: Table, partitions: Sequence[str], asked: Asked | None = None) -> str:
    """Parameter: when the set was read."""
    names = column_list((*table.key, "_partition"), "target")
    return (
        f"CREATE TEMP TABLE {missing(table)} AS\nSELECT {names} FROM {table.qualified} AS target\n"
        f"LEFT JOIN {seen(table)} AS seen ON {same(table.key, 'target', 'seen')}\n"
        f'WHERE seen.{identifier(table.key[0])} IS NULL AND target."_deleted" IS NOT TRUE\n'
        f'AND target."_partition" IN ({", ".join(map(_as_it_stands, partitions))}) AND target."_read_at" < %s'
        f"{_and(asked, 'target')}"
    )


def count_missing(table: Table) -> str:
    return f'SELECT "_partition", COUNT(*) FROM {missing(table)} GROUP BY 1'


def mark_missing(table: Table) -> str:
    return (
        f"UPDATE {table.qualified} SET {_deleted(table)} FROM {missing(table)} AS missing\n"
        f"WHERE {same(table.key, table.qualified, 'missing')}"
    )


def count_missing_children(child: Table, parent: Table) -> str:
    return (
        f'SELECT gone."_partition", COUNT(*) FROM {child.qualified} AS child\n'
        f"JOIN {missing(parent)} AS gone ON {same_parent(child, parent, 'child', 'gone')}\n"
        f"{claimed(parent, 'child')}\nGROUP BY 1"
    )


def delete_missing_children(child: Table, parent: Table) -> str:
    return (
        f"DELETE FROM {child.qualified} USING {missing(parent)} AS gone\n"
        f"WHERE {same_parent(child, parent, child.qualified, 'gone')}"
    )


def mark_older(table: Table, asked: Asked | None = None) -> str:
    """Staged rows read before a set that is loaded: it has newer ones, or none. Parameters: partition, its time."""
    return (
        f"UPDATE {table.stage} SET {_deleted(table)}\n"
        'WHERE "_partition" = %s AND "_read_at" < %s AND "_deleted" IS NOT TRUE'
        f"{_and(asked, table.stage)}"
    )


def delete_children_of_marked(child: Table, parent: Table) -> str:
    return (
        f"DELETE FROM {child.stage} USING {parent.stage} AS gone\n"
        f'WHERE {same(RECORD, child.stage, "gone")} AND gone."_deleted" IS TRUE'
    )


def _as_it_stands(text: str) -> str:
    """A literal in a statement with parameters, in which a percent sign would begin one."""
    return literal(text).replace("%", "%%")


def _and(asked: Asked | None, relation: str) -> str:
    return "" if asked is None else f"\nAND {asked.holds(relation)}"


def _deleted(table: Table) -> str:
    # Without its hash no later reading is taken for unchanged: it brings the row back.
    unknown = f", {identifier(HASH)} = NULL" if table.knows_unchanged else ""
    return f'"_deleted" = TRUE{unknown}'
