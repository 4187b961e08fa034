"""Whether the warehouse and this code go together: code may go back to an older version, the warehouse cannot."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse import migrations
from xmlift.warehouse.coverage import rows_of


def check(cursor: Cursor) -> None:
    """Raise WarehouseError where the warehouse is older than this code needs, or newer than it may use."""
    known = migrations.newest()
    ((reached, oldest_code),) = rows_of(
        cursor, "SELECT COALESCE(MAX(version), 0), COALESCE(MAX(oldest_code), 0) FROM xmlift.migrations", []
    )
    if reached < known:
        raise WarehouseError(
            f"the warehouse is of version {reached}, this code needs {known}: it was restored from an older "
            "snapshot, or migrate has not run. Let it run: terraform apply "
            "-replace='module.platform.aws_lambda_invocation.migrate'"
        )
    if oldest_code > known:
        raise WarehouseError(
            f"the warehouse is of version {reached}, which code before version {oldest_code} may not use; this "
            f"code is of version {known}. Nothing was changed. The warehouse does not go back: deploy code of "
            f"version {oldest_code} or newer, or restore a snapshot that is older than that version"
        )
