"""The SQL of loading, as text. Pure: names and types in, statements out, every identifier quoted.

Written in what Redshift and its documentation know: no row comparison, no subquery in MERGE or USING, no
condition in WHEN MATCHED. Rows are staged, the winner of each key found, and only then the target touched.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WINDOW = ("_run", "_partition", "_window")
# What makes a record of one reading unique; a child's rows carry their parent's.
RECORD = (*WINDOW, "_part", "_page", "_row")


HASH = "_hash"
"""The column by which what did not change is known: a version of a history, or a row of a full reading."""

VALIDITY = (("valid_from", "TIMESTAMPTZ"), ("valid_to", "TIMESTAMPTZ"), ("is_current", "BOOLEAN"))
"""What only the target of a history (scd2) has: no commit brings it."""


class Table(NamedTuple):
    """A target table. Columns are (name, type in Redshift's spelling) in the order of the CSV."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    version: tuple[str, ...]
    required: frozenset[str]
    keeps_history: bool = False

    @property
    def knows_unchanged(self) -> bool:
        """Whether a row that says the same as the target's is left out."""
        return HASH in self.names and not self.keeps_history

    @property
    def target_columns(self) -> tuple[tuple[str, str], ...]:
        """The columns of the target: those of the CSV, and what a load works out."""
        return self.columns + (VALIDITY if self.keeps_history else ())

    @property
    def qualified(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def stage(self) -> str:
        """The temporary table that COPY fills, and that keeps in the end what the target is to have of it."""
        return identifier(f"stage_{self.name}")

    @property
    def losers(self) -> str:
        """The temporary table of the staged rows that lose their key to another of the batch."""
        return identifier(f"losers_{self.name}")

    @property
    def current(self) -> str:
        """The temporary table of the staged rows that hold against what is loaded."""
        return identifier(f"current_{self.name}")

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
        for name, column_type in table.target_columns
    )
    return f"CREATE TABLE IF NOT EXISTS {table.qualified} (\n  {columns}\n)"


def add_column(table: Table, name: str, column_type: str) -> str:
    return f"ALTER TABLE {table.qualified} ADD COLUMN {identifier(name)} {column_type}"


def widen_column(table: Table, name: str, column_type: str) -> str:
    return f"ALTER TABLE {table.qualified} ALTER COLUMN {identifier(name)} TYPE {column_type}"


def create_stage(table: Table) -> str:
    return f"CREATE TEMP TABLE {table.stage} (LIKE {table.qualified})"


def add_stage_column(table: Table, name: str) -> str:
    """A column that only an older commit has: COPY needs a place for it, and nothing reads it."""
    return f"ALTER TABLE {table.stage} ADD COLUMN {identifier(name)} VARCHAR(65535)"


def copy(table: Table, columns: Sequence[str], manifest_url: str, role_arn: str) -> str:
    """One COPY of all files of a manifest. An empty field is NULL; nothing is truncated or skipped.

    It analyses the stage, since that is empty: the joins of a load are planned by its statistics.
    """
    return (
        f"COPY {table.stage} ({column_list(columns)})\n"
        f"FROM {literal(manifest_url)}\nIAM_ROLE {literal(role_arn)}\n"
        "MANIFEST FORMAT AS CSV GZIP NULL AS ''\n"
        "DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF"
    )


def count_by_part(table: Table) -> str:
    return f'SELECT "_run", "_partition", "_window", "_part", COUNT(*) FROM {table.stage} GROUP BY 1, 2, 3, 4'


def count_by_window(relation: str) -> str:
    return f"SELECT {column_list(WINDOW)}, COUNT(*) FROM {relation} GROUP BY 1, 2, 3"


def first_of(
    relation: str, into: str, names: Sequence[str], among: Sequence[str], order: Sequence[str]
) -> str:
    """Of the rows that agree on `among` the greatest by `order`, as a temporary table."""
    descending = ", ".join(f"{identifier(name)} DESC" for name in order)
    return (
        f"CREATE TEMP TABLE {into} AS\n"
        f"SELECT {column_list(names)} FROM (\n"
        f"  SELECT {column_list(names)}, ROW_NUMBER() OVER (\n"
        f'    PARTITION BY {column_list(among)} ORDER BY {descending}) AS "_place"\n'
        f'  FROM {relation}) AS ranked\nWHERE "_place" = 1'
    )


def claimed(parent: Table, relation: str) -> str:
    """Joins rows to the loaded window that brought them.

    Only those count as taken out or replaced. Rows of a forgotten ledger are counted when their window is loaded
    again, so that what was inserted less what was removed is always what the ledger's windows have in the table.
    """
    return f"JOIN xmlift.ledger AS claim ON {claims(parent, relation)}"


def claims(parent: Table, relation: str) -> str:
    """What is true of the loaded window (`claim`) that brought a row."""
    return (
        f"claim.source = {literal(parent.schema)}\n"
        f"AND claim.stream = {literal(parent.name)} AND claim.state = 'loaded'\n"
        f'AND claim.run = {relation}."_run" AND claim.partition_id = {relation}."_partition"\n'
        f'AND claim.window_name = {relation}."_window"'
    )


def delete_stale(table: Table) -> str:
    """Take out staged rows whose version the target already has or has passed: an old reading changes nothing."""
    return (
        f"DELETE FROM {table.stage} USING {table.qualified} AS target\n"
        f"WHERE {same(table.key, table.stage, 'target')}\nAND {_is_stale(table, table.stage)}"
    )


def delete_unchanged(table: Table, epoch: int) -> str:
    """Take out staged rows that say what the target says, of whichever reading of this epoch it has it.

    Where the ledger was lost, a row of the target is of no window that counts: the later reading takes it over, as
    that of a later epoch does.
    """
    return (
        f"DELETE FROM {table.stage} USING {table.qualified} AS target, xmlift.ledger AS claim\n"
        f"WHERE {same(table.key, table.stage, 'target')}\nAND {_says_the_same(table, table.stage)}\n"
        f"AND {claims(table, 'target')} AND claim.epoch = {epoch}"
    )


def _says_the_same(table: Table, relation: str) -> str:
    # In another partition it is another row: by that a set of partitions tells what is gone.
    return f"{same([HASH, '_partition'], relation, 'target')} AND NOT ({same(RECORD, relation, 'target')})"


def _is_stale(table: Table, relation: str) -> str:
    """The very same row is not stale: where the ledger was lost, it is loaded again as itself."""
    return f"({_not_older(table.version, 'target', relation)})\nAND NOT ({same(RECORD, relation, 'target')})"


def count_met(table: Table, epoch: int = 0) -> str:
    """How many rows of each window meet one of their key, are stale then, or take the place of a loaded one.

    The join is counted by windows before the ledger is asked, which then meets a few windows and not their rows.
    """
    ours = ", ".join(f"staged.{identifier(name)} AS {identifier('_by' + name)}" for name in WINDOW)
    by = column_list(["_by" + name for name in WINDOW], "met")
    is_stale, unchanged = _is_stale(table, "staged"), "0"
    if table.knows_unchanged:
        says_the_same = _says_the_same(table, "staged")
        unchanged = f"CASE WHEN NOT ({is_stale}) AND {says_the_same} THEN 1 ELSE 0 END"
    left_alone = f'CASE WHEN claim.epoch = {epoch} THEN met."_unchanged" ELSE 0 END'
    return (
        f'SELECT {by}, SUM(met."_met"),\n'
        f'  SUM(met."_stale" + {left_alone}),\n'
        f'  SUM(CASE WHEN claim.run IS NULL THEN 0 ELSE met."_met" - met."_stale" - {left_alone} END)\n'
        "FROM (\n"
        f'  SELECT {ours}, {column_list(WINDOW, "target")}, COUNT(*) AS "_met",\n'
        f'    SUM(CASE WHEN {is_stale} THEN 1 ELSE 0 END) AS "_stale", SUM({unchanged}) AS "_unchanged"\n'
        f"  FROM {table.stage} AS staged JOIN {table.qualified} AS target\n"
        f"  ON {same(table.key, 'staged', 'target')}\n  GROUP BY 1, 2, 3, 4, 5, 6) AS met\n"
        f"LEFT {claimed(table, 'met')}\nGROUP BY 1, 2, 3"
    )


def merge(table: Table) -> str:
    """Staged rows over what the target has of their keys."""
    assignments = ", ".join(
        f"{identifier(name)} = {table.stage}.{identifier(name)}"
        for name in table.names
        if name not in table.key
    )
    return (
        f"MERGE INTO {table.qualified} USING {table.stage}\n"
        f"ON {same(table.key, table.qualified, table.stage)}\n"
        f"WHEN MATCHED THEN UPDATE SET {assignments}\n"
        f"WHEN NOT MATCHED THEN INSERT ({column_list(table.names)})\n"
        f"VALUES ({column_list(table.names, table.stage)})"
    )


def insert_from(table: Table, relation: str) -> str:
    return (
        f"INSERT INTO {table.qualified} ({column_list(table.names)})\n"
        f"SELECT {column_list(table.names)} FROM {relation}"
    )


def count_replaced_children(child: Table, parent: Table) -> str:
    """How many children each staged row takes out with the row that it replaces."""
    return (
        f"SELECT {column_list(WINDOW, 'winner')}, COUNT(*)\n"
        f"FROM {child.qualified} AS child JOIN {parent.stage} AS winner\n"
        f"ON {same_parent(child, parent, 'child', 'winner')}\n{claimed(parent, 'child')}\nGROUP BY 1, 2, 3"
    )


def delete_children(child: Table, parent: Table) -> str:
    """Take out the children of all keys that came: the winning reading brings its own."""
    return (
        f"DELETE FROM {child.qualified} USING {parent.stage} AS winner\n"
        f"WHERE {same_parent(child, parent, child.qualified, 'winner')}"
    )


def insert_children(child: Table, relation: str) -> str:
    """The children that were read with the very rows of `relation`. A tombstone was read with none."""
    return (
        f"INSERT INTO {child.qualified} ({column_list(child.names)})\n"
        f"SELECT {column_list(child.names, 'child')} FROM {_children_of(child, relation)}"
    )


def count_children(child: Table, relation: str) -> str:
    """How many children `insert_children` brings, by window."""
    return (
        f"SELECT {column_list(WINDOW, 'child')}, COUNT(*)\n"
        f"FROM {_children_of(child, relation)}\nGROUP BY 1, 2, 3"
    )


def _children_of(child: Table, relation: str) -> str:
    return f"{child.stage} AS child\nJOIN {relation} AS winner ON {same(RECORD, 'child', 'winner')}"


def same_parent(child: Table, parent: Table, left: str, right: str) -> str:
    """Joins children to what has their record's key."""
    pairs = zip(child.key, parent.key, strict=True)
    return " AND ".join(f"{left}.{identifier(mine)} = {right}.{identifier(theirs)}" for mine, theirs in pairs)


def count_partitions(table: Table, parent: Table) -> str:
    """How many rows each partition holds."""
    return (
        f'SELECT held."_partition", COUNT(*) FROM {table.qualified} AS held\n{claimed(parent, "held")}\n'
        "GROUP BY 1"
    )


def delete_all(table: Table) -> str:
    """Take out all that a set replaces (L6). No TRUNCATE: it would commit what is not complete yet."""
    return f"DELETE FROM {table.qualified}"


def count_rows(schema: str, table: str) -> str:
    return f"SELECT COUNT(*) FROM {identifier(schema)}.{identifier(table)}"


def doubled_keys(schema: str, table: str, key: Sequence[str]) -> str:
    """How many keys that a run touched stand more than once; parameter: the run.

    Only the run's keys are grouped: of the table that is looked through, no more than the keys is read.
    """
    keys, relation = column_list(key), f"{identifier(schema)}.{identifier(table)}"
    return (
        f"SELECT COUNT(*) FROM (\n  SELECT {column_list(key, 'held')} FROM {relation} AS held\n"
        f'  JOIN (SELECT DISTINCT {keys} FROM {relation} WHERE "_run" = %s) AS touched\n'
        f"  ON {same(key, 'held', 'touched')}\n"
        f"  GROUP BY {column_list(key, 'held')} HAVING COUNT(*) > 1) AS doubled"
    )


def same(names: Iterable[str], left: str, right: str) -> str:
    return " AND ".join(f"{left}.{identifier(name)} = {right}.{identifier(name)}" for name in names)


def _not_older(names: Sequence[str], left: str, right: str) -> str:
    """`left` ≥ `right` by these columns in turn, spelled out: Redshift compares no rows."""
    first, *others = (identifier(name) for name in names)
    if not others:
        return f"{left}.{first} >= {right}.{first}"
    rest = _not_older(names[1:], left, right)
    return f"{left}.{first} > {right}.{first} OR ({left}.{first} = {right}.{first} AND ({rest}))"
