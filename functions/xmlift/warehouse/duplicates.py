"""The SQL by which the newest of the staged rows of a key stays (L4). Pure, as `statements`.

Most batches have no key twice: one look at the keys finds that out, and nothing is ranked, copied or taken out.
"""

from collections.abc import Sequence

from xmlift.warehouse.statements import RECORD, Table, column_list, identifier, same


def count_doubled(table: Table, among: Sequence[str]) -> str:
    """How many rows of the stage others share `among` with: none, most of the time."""
    return f"SELECT COUNT(*) FROM {_doubled(table, among)}"


def pick_losers(table: Table, among: Sequence[str]) -> str:
    """All but the newest of the staged rows that agree on `among`; of one reading, what was read last.

    Page and row tell what was last: parts are written side by side, and which one a row is in says nothing. Only
    rows of doubled keys are ranked, by the columns that decide alone: what wins is neither sorted nor copied.
    """
    order = (*table.version, "_page", "_row", "_part")
    descending = ", ".join(f"staged.{identifier(name)} DESC" for name in order)
    return (
        f"CREATE TEMP TABLE {table.losers} AS\n"
        f"SELECT {column_list(RECORD)} FROM (\n"
        f"  SELECT {column_list(RECORD, 'staged')}, ROW_NUMBER() OVER (\n"
        f'    PARTITION BY {column_list(among, "staged")} ORDER BY {descending}) AS "_place"\n'
        f"  FROM {table.stage} AS staged JOIN {_doubled(table, among)}\n"
        f"  ON {same(among, 'staged', 'doubled')}) AS ranked\n"
        'WHERE "_place" > 1'
    )


def delete_losers(table: Table) -> str:
    return (
        f"DELETE FROM {table.stage} USING {table.losers} AS loser\nWHERE {same(RECORD, table.stage, 'loser')}"
    )


def _doubled(table: Table, among: Sequence[str]) -> str:
    names = column_list(among)
    return f"(SELECT {names} FROM {table.stage} GROUP BY {names} HAVING COUNT(*) > 1) AS doubled"
