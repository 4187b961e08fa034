"""The SQL of loading, as text. Pure: names and types in, statements out, every identifier quoted.

Written in what Redshift and its documentation know: no row comparison, no subquery in MERGE or USING, no
condition in WHEN MATCHED. Rows are staged, the winner of each key found, and only then the target touched.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

# What makes a record of one reading unique; a child's rows carry their parent's.
RECORD = ("_run", "_partition", "_window", "_part", "_page", "_row")


class Table(NamedTuple):
    """A target table. Columns are (name, type in Redshift's spelling) in the order of the CSV."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    version: tuple[str, ...]
    required: frozenset[str]

    @property
    def qualified(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def stage(self) -> str:
        """The temporary table that COPY fills."""
        return identifier(f"stage_{self.name}")

    @property
    def winners(self) -> str:
        """The temporary table of the rows that win their key within a batch."""
        return identifier(f"winners_{self.name}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


def identifier(name: str) -> str:
    """A name in double quotes, safe whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in single quotes, safe in Redshift, where a backslash escapes too."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def column_list(names: Iterable[str], table: str = "") -> str:
    prefix = f"{table}." if table else ""
    return ", ".join(prefix + identifier(name) for name in names)


def mutex(schema: str, stream: str) -> str:
    """The empty table whose lock stands for a stream: readers of the stream's tables never wait for it (L1)."""
    return f"{identifier(schema)}.{identifier(stream + '__mutex')}"


def create_mutex(schema: str, stream: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {mutex(schema, stream)} (held BOOLEAN)"


def lock(schema: str, stream: str) -> str:
    """Has to come before anything that takes a snapshot, or two loaders see the same past (L1)."""
    return f"LOCK {mutex(schema, stream)}"


def create_table(table: Table) -> str:
    columns = ",\n  ".join(
        f"{identifier(name)} {column_type}{' NOT NULL' if name in table.required else ''}"
        for name, column_type in table.columns
    )
    return f"CREATE TABLE IF NOT EXISTS {table.qualified} (\n  {columns}\n)"


def add_column(table: Table, name: str, column_type: str) -> str:
    return f"ALTER TABLE {table.qualified} ADD COLUMN {identifier(name)} {column_type}"


def widen_column(table: Table, name: str, column_type: str) -> str:
    return f"ALTER TABLE {table.qualified} ALTER COLUMN {identifier(name)} TYPE {column_type}"


def create_stage(table: Table) -> str:
    return f"CREATE TEMP TABLE {table.stage} (LIKE {table.qualified})"


def copy(table: Table, columns: Sequence[str], manifest_url: str, role_arn: str) -> str:
    """One COPY of all files of a manifest. An empty field is NULL; nothing is truncated or skipped."""
    return (
        f"COPY {table.stage} ({column_list(columns)})\n"
        f"FROM {literal(manifest_url)}\nIAM_ROLE {literal(role_arn)}\n"
        "MANIFEST FORMAT AS CSV GZIP NULL AS ''\n"
        "DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF"
    )


def count_by_part(table: Table) -> str:
    return f'SELECT "_run", "_partition", "_window", "_part", COUNT(*) FROM {table.stage} GROUP BY 1, 2, 3, 4'


def count_by_window(relation: str) -> str:
    return f'SELECT "_run", "_partition", "_window", COUNT(*) FROM {relation} GROUP BY 1, 2, 3'


def pick_winners(table: Table, among: Sequence[str]) -> str:
    """The rows of the stage that win among those that agree in `among`: newest version, then last read (L4)."""
    order = ", ".join(f"{identifier(name)} DESC" for name in (*table.version, "_part", "_page", "_row"))
    return (
        f"CREATE TEMP TABLE {table.winners} AS\n"
        f"SELECT {column_list(table.names)} FROM (\n"
        f"  SELECT {column_list(table.names)}, ROW_NUMBER() OVER (\n"
        f'    PARTITION BY {column_list(among)} ORDER BY {order}) AS "_place"\n'
        f'  FROM {table.stage}) AS ranked\nWHERE "_place" = 1'
    )


def delete_stale(table: Table) -> str:
    """Take out winners whose version the target already has or has passed: an old reading changes nothing."""
    return (
        f"DELETE FROM {table.winners} USING {table.qualified} AS target\n"
        f"WHERE {_same(table.key, table.winners, 'target')}\n"
        f"AND ({_not_older(table.version, 'target', table.winners)})"
    )


def count_updates(table: Table) -> str:
    """How many winners of each window meet a row of their key; MERGE itself reports nothing."""
    return (
        f"SELECT {column_list(('_run', '_partition', '_window'), 'winner')}, COUNT(*)\n"
        f"FROM {table.winners} AS winner JOIN {table.qualified} AS target\n"
        f"ON {_same(table.key, 'winner', 'target')} GROUP BY 1, 2, 3"
    )


def merge(table: Table) -> str:
    """Winners over what the target has of their keys."""
    assignments = ", ".join(
        f"{identifier(name)} = {table.winners}.{identifier(name)}"
        for name in table.names
        if name not in table.key
    )
    return (
        f"MERGE INTO {table.qualified} USING {table.winners}\n"
        f"ON {_same(table.key, table.qualified, table.winners)}\n"
        f"WHEN MATCHED THEN UPDATE SET {assignments}\n"
        f"WHEN NOT MATCHED THEN INSERT ({column_list(table.names)})\n"
        f"VALUES ({column_list(table.names, table.winners)})"
    )


def insert_from(table: Table, relation: str) -> str:
    return (
        f"INSERT INTO {table.qualified} ({column_list(table.names)})\n"
        f"SELECT {column_list(table.names)} FROM {relation}"
    )


def delete_children(child: Table, parent: Table) -> str:
    """Take out the children of all winners' keys: the winning reading brings its own."""
    pairs = zip(child.key, parent.key, strict=True)
    same = " AND ".join(
        f"{child.qualified}.{identifier(mine)} = winner.{identifier(theirs)}" for mine, theirs in pairs
    )
    return f"DELETE FROM {child.qualified} USING {parent.winners} AS winner\nWHERE {same}"


def insert_children(child: Table, parent: Table) -> str:
    """The children that were read with the very rows that won."""
    return (
        f"INSERT INTO {child.qualified} ({column_list(child.names)})\n"
        f"SELECT {column_list(child.names, 'child')} FROM {child.stage} AS child\n"
        f"JOIN {parent.winners} AS winner ON {_same(RECORD, 'child', 'winner')}"
    )


def count_children(child: Table, parent: Table) -> str:
    """How many children of each window belong to rows that won."""
    return (
        f"SELECT {column_list(('_run', '_partition', '_window'), 'child')}, COUNT(*)\n"
        f"FROM {child.stage} AS child JOIN {parent.winners} AS winner ON {_same(RECORD, 'child', 'winner')}\n"
        "GROUP BY 1, 2, 3"
    )


def delete_windows(table: Table) -> str:
    """Take out what earlier readings of cells brought (L5); parameters: partition, tuple of windows."""
    return f'DELETE FROM {table.qualified} WHERE "_partition" = %s AND "_window" IN %s'


def doubled_keys(schema: str, table: str, key: Sequence[str]) -> str:
    """How many keys that a run touched stand more than once; parameter: the run."""
    keys = column_list(key)
    return (
        f"SELECT COUNT(*) FROM (SELECT {keys} FROM {identifier(schema)}.{identifier(table)}\n"
        f'GROUP BY {keys} HAVING COUNT(*) > 1 AND MAX(CASE WHEN "_run" = %s THEN 1 ELSE 0 END) = 1) AS doubled'
    )


def _same(names: Iterable[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{identifier(name)} = {right}.{identifier(name)}" for name in names)


def _not_older(names: Sequence[str], left: str, right: str) -> str:
    """`left` ≥ `right` by these columns in turn, spelled out: Redshift compares no rows."""
    first, *others = (identifier(name) for name in names)
    if not others:
        return f"{left}.{first} >= {right}.{first}"
    rest = _not_older(names[1:], left, right)
    return f"{left}.{first} > {right}.{first} OR ({left}.{first} = {right}.{first} AND ({rest}))"
