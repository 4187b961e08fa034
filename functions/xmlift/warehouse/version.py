"""Whether the warehouse and this code go together: code may go back to an older version, the warehouse cannot."""

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse import migrations

_APPLY = "Let it run: terraform apply -replace='module.platform.aws_lambda_invocation.migrate'"
_UNKNOWN = (
    psycopg2.errors.UndefinedColumn,
    psycopg2.errors.UndefinedTable,
    psycopg2.errors.InvalidSchemaName,
    psycopg2.errors.InsufficientPrivilege,
)
"""What a warehouse answers that was made before it told all of its version, or before its first migration."""


def check(cursor: Cursor) -> None:
    """Raise WarehouseError where the warehouse is older than this code needs, or newer than it may use."""
    known = migrations.newest()
    asked = "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(oldest_code), 0) FROM xmlift.migrations"
    try:
        cursor.execute(asked)
    except _UNKNOWN as error:
        raise WarehouseError(
            f"the warehouse is older than this code, which needs version {known}, or may not be asked for its own: "
            f"it was restored from an older snapshot, or migrate has not run. {_APPLY}"
        ) from error
    reached, oldest_code = cursor.fetchone() or (0, 0)
    if reached < known:
        raise WarehouseError(
            f"the warehouse is of version {reached}, this code needs {known}: it was restored from an older "
            "snapshot, or migrate has not run. "
            f"{_APPLY}"
        )
    if oldest_code > known:
        raise WarehouseError(
            f"the warehouse is of version {reached}, which code before version {oldest_code} may not use; this "
            f"code is of version {known}. Nothing was changed. The warehouse does not go back: deploy code of "
            f"version {oldest_code} or newer, or restore a snapshot that is older than that version"
        )
