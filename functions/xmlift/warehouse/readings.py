"""The SQL of append (L5): which time each window decides, and what goes for it. Pure, as `statements`."""

from xmlift.warehouse.statements import (
    RECORD,
    WINDOW,
    Table,
    claimed,
    column_list,
    identifier,
    same,
)

BY = ("_by_run", "_partition", "_by_window")
"""The window for whose rows a row of the target goes."""


def decided(table: Table) -> str:
    """The temporary table of the pieces of time that the batch's windows decide: disjoint, by window."""
    return identifier(f"decided_{table.name}")


def removed(table: Table) -> str:
    """The temporary table of the target's records that older readings brought."""
    return identifier(f"removed_{table.name}")


def create_decided(table: Table) -> str:
    return (
        f'CREATE TEMP TABLE {decided(table)} ("_run" VARCHAR(512), "_partition" VARCHAR(1024),\n'
        '"_window" VARCHAR(64), "_from" TIMESTAMPTZ, "_to" TIMESTAMPTZ)'
    )


def insert_decided(table: Table) -> str:
    """For psycopg2's execute_values."""
    return f"INSERT INTO {decided(table)} VALUES %s"


def pick_current(table: Table) -> str:
    """The staged rows that lie in the time which their own window decides."""
    return (
        f"CREATE TEMP TABLE {table.current} AS\n"
        f"SELECT {column_list(table.names, 'staged')} FROM {table.stage} AS staged\n"
        f"JOIN {decided(table)} AS piece ON {same(WINDOW, 'staged', 'piece')}\nAND {_inside(table, 'staged')}"
    )


def pick_removed(table: Table) -> str:
    """What the target has in the time that the batch decides; parameters: where that begins and ends.

    The bounds spare the warehouse the blocks of all other times, which the pieces alone would not.
    """
    cursor = f"target.{identifier(table.version[0])}"
    return (
        f"CREATE TEMP TABLE {removed(table)} AS\n"
        f'SELECT {column_list(RECORD, "target")}, piece."_run" AS "_by_run", piece."_window" AS "_by_window"\n'
        f"FROM {table.qualified} AS target\n"
        f'JOIN {decided(table)} AS piece ON target."_partition" = piece."_partition"\n'
        f"AND {_inside(table, 'target')}\nWHERE {cursor} >= %s AND {cursor} < %s"
    )


def count_removed(table: Table) -> str:
    return (
        f"SELECT {column_list(BY, 'gone')}, COUNT(*) FROM {removed(table)} AS gone\n"
        f"{claimed(table, 'gone')}\nGROUP BY 1, 2, 3"
    )


def count_removed_children(child: Table, parent: Table) -> str:
    return (
        f"SELECT {column_list(BY, 'gone')}, COUNT(*) FROM {child.qualified} AS child\n"
        f"JOIN {removed(parent)} AS gone ON {same(RECORD, 'child', 'gone')}\n"
        f"{claimed(parent, 'gone')}\nGROUP BY 1, 2, 3"
    )


def delete_removed(table: Table, parent: Table) -> str:
    """Take out the removed records from their own table, or their children from one below it."""
    return (
        f"DELETE FROM {table.qualified} USING {removed(parent)} AS gone\n"
        f"WHERE {same(RECORD, table.qualified, 'gone')}"
    )


def _inside(table: Table, relation: str) -> str:
    cursor = f"{relation}.{identifier(table.version[0])}"
    return f'{cursor} >= piece."_from" AND {cursor} < piece."_to"'
