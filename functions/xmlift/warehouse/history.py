"""The SQL of scd2 (L7): the history of each key that came, computed anew. Pure, as `statements`.

A version begins at the row's first version column (the cursor, or when it was read) and ends where the next one
begins. `_fresh` tells what the batch brought from what the target had.
"""

from xmlift.warehouse.statements import (
    HASH,
    WINDOW,
    Table,
    claimed,
    column_list,
    first_of,
    identifier,
    same,
)

_READ = ("_read_at", "_parsed_at", "_page", "_row", "_part")


def touched(table: Table) -> str:
    """The temporary table of the keys that came, each with the window of its newest reading."""
    return identifier(f"touched_{table.name}")


def history(table: Table) -> str:
    """The temporary table of all versions of these keys, as they are to be."""
    return identifier(f"history_{table.name}")


def pick_touched(table: Table) -> str:
    names = (*table.key, *WINDOW)
    return first_of(table.stage, touched(table), names, table.key, (table.version[0], *_READ))


def pick_history(table: Table) -> str:
    """Versions of the target and of the batch by key and beginning; the newest reading of one beginning counts.

    One that says the same as the version before it is none: the record was touched, not changed.
    """
    begins, said = identifier(table.version[0]), identifier(HASH)
    of_key = f"OVER (PARTITION BY {column_list(table.key)} ORDER BY {begins})"
    of_version = f"PARTITION BY {column_list((*table.key, table.version[0]))}"
    newest = ", ".join(f"{identifier(name)} DESC" for name in (*_READ, "_fresh"))
    names = column_list(table.names)
    return f"""CREATE TEMP TABLE {history(table)} AS
SELECT {names}, "_fresh", {begins} AS "valid_from", LEAD({begins}) {of_key} AS "valid_to"
FROM (
  SELECT {names}, "_fresh", CASE WHEN LAG({said}) {of_key} = {said} THEN 1 ELSE 0 END AS "_same"
  FROM (
    SELECT {names}, "_fresh", ROW_NUMBER() OVER ({of_version} ORDER BY {newest}) AS "_place"
    FROM (
      SELECT {names}, 1 AS "_fresh" FROM {table.stage}
      UNION ALL
      SELECT {column_list(table.names, "target")}, 0 AS "_fresh" FROM {table.qualified} AS target
      JOIN {touched(table)} AS touched ON {same(table.key, "target", "touched")}
    ) AS readings
  ) AS ranked
  WHERE "_place" = 1
) AS versions
WHERE "_same" = 0"""


def count_fresh(table: Table) -> str:
    """How many versions of each window are in the history."""
    return (
        f'SELECT {column_list(WINDOW)}, COUNT(*) FROM {history(table)}\nWHERE "_fresh" = 1 GROUP BY 1, 2, 3'
    )


def count_before(table: Table) -> str:
    """How many versions the target has of the keys that came, by the window that touches them."""
    return _count_held(table, f"{table.qualified} AS held")


def count_kept(table: Table) -> str:
    """How many of them are still in the history."""
    return _count_held(table, f"{history(table)} AS held", 'WHERE held."_fresh" = 0\n')


def _count_held(table: Table, held: str, where: str = "") -> str:
    return (
        f"SELECT {column_list(WINDOW, 'touched')}, COUNT(*) FROM {held}\n"
        f"JOIN {touched(table)} AS touched ON {same(table.key, 'held', 'touched')}\n"
        f"{claimed(table, 'held')}\n{where}GROUP BY 1, 2, 3"
    )


def delete_touched(table: Table) -> str:
    return (
        f"DELETE FROM {table.qualified} USING {touched(table)} AS touched\n"
        f"WHERE {same(table.key, table.qualified, 'touched')}"
    )


def insert_history(table: Table) -> str:
    names = (*table.names, "valid_from", "valid_to")
    return (
        f'INSERT INTO {table.qualified} ({column_list(names)}, "is_current")\n'
        f'SELECT {column_list(names)}, CASE WHEN "valid_to" IS NULL THEN TRUE ELSE FALSE END\n'
        f"FROM {history(table)}"
    )
