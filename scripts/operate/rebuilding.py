"""Forget a source's ledger, so that a replay can write it anew, and count what is there before and after."""

import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from operate.deployment import Deployment
from operate.errors import OperatorError
from xmlift.warehouse.statements import identifier

# The empty tables that loaders wait at are none of a source's data.
_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = %s AND table_type = 'BASE TABLE' AND RIGHT(table_name, 7) <> '__mutex' ORDER BY table_name
"""


@dataclass(frozen=True)
class Counts:
    """What a source has: windows in the ledger, and rows by table."""

    windows: int
    tables: dict[str, int]


def counts(deployment: Deployment, source: str) -> Counts:
    """What is in the warehouse of a source."""
    with closing(deployment.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM xmlift.ledger WHERE source = %s", (source,))
        (windows,) = cursor.fetchone()
        cursor.execute(_TABLES, (source,))
        tables = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT COUNT(*) FROM {identifier(source)}.{identifier(table)}")  # noqa: S608 (quoted)
            tables[table] = int(cursor.fetchone()[0])
    return Counts(int(windows), tables)


def forget(deployment: Deployment, source: str) -> dict[str, Any]:
    """Let the administrator's function remove a source's rows of the ledger; answers its answer.

    Raises: OperatorError with the function's words if it refuses.
    """
    answer = deployment.caller().invoke(
        FunctionName=deployment.outputs["functions"]["migrate"]["alias_arn"],
        Payload=json.dumps({"forget": {"source": source}}),
    )
    told = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        raise OperatorError(f"The ledger of {source} was not forgotten: {told.get('errorMessage', told)}")
    return dict(told or {})
