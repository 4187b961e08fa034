"""The SQL of contract discard: values that the target has no place for are counted and left out. Pure."""

from xmlift.warehouse.statements import HASH, RECORD, WINDOW, Table, column_list, identifier, same


def drop_stage_column(table: Table, name: str) -> str:
    return f"ALTER TABLE {table.stage} DROP COLUMN {identifier(name)}"


def add_stage_column(table: Table, name: str, column_type: str) -> str:
    """A place for texts that are longer than the target's."""
    return f"ALTER TABLE {table.stage} ADD COLUMN {identifier(name)} {column_type}"


def count_values(table: Table, name: str) -> str:
    """How many values each window has for a column that the target lacks."""
    return (
        f"SELECT {column_list(WINDOW)}, COUNT(*) FROM {table.stage}\n"
        f"WHERE {identifier(name)} IS NOT NULL GROUP BY 1, 2, 3"
    )


def count_long(table: Table, name: str, width: int) -> str:
    """How many texts of each window are longer than the target takes."""
    return (
        f"SELECT {column_list(WINDOW)}, COUNT(*) FROM {table.stage}\n"
        f"WHERE {_is_long(name, width)} GROUP BY 1, 2, 3"
    )


def leave_out_long(table: Table, name: str, width: int) -> str:
    return f"UPDATE {table.stage} SET {identifier(name)} = NULL WHERE {_is_long(name, width)}"


def tell_apart(table: Table, own: Table, name: str, width: int | None = None) -> str:
    """Give rows of which a value is left out, or one of their children's, another hash than those that have all.

    So they are written once more where the target has a place for it. Left out again, they are the same again: a
    digit becomes what no digit is.
    """
    value = f"held.{identifier(name)}"
    is_left_out = f"{value} IS NOT NULL" if width is None else f"OCTET_LENGTH({value}) > {width}"
    return (
        f"UPDATE {own.stage} SET {identifier(HASH)} = '~' || SUBSTRING({own.stage}.{identifier(HASH)}, 2)\n"
        f"FROM {table.stage} AS held WHERE {same(RECORD, own.stage, 'held')} AND {is_left_out}"
    )


def _is_long(name: str, width: int) -> str:
    return f"OCTET_LENGTH({identifier(name)}) > {width}"
