"""What a replay has to go through, and how far it is: windows that have landed, and those that the ledger has."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from operate.deployment import Deployment
from xmlift.landing.names import COMMIT

_LOADED = """
SELECT COUNT(*) FROM (
  SELECT DISTINCT stream, run, partition_id, window_name FROM xmlift.ledger WHERE source = %s AND stream IN %s
) AS known
"""


def landed_count(deployment: Deployment, source: str, streams: Sequence[str]) -> int:
    """How many windows of these streams stand in the landing bucket; only names are read."""
    pages = deployment.client("s3").get_paginator("list_objects_v2")
    return sum(
        entry["Key"].endswith(f"/{COMMIT}")
        for stream in streams
        for page in pages.paginate(Bucket=deployment.bucket, Prefix=f"landing/{source}/{stream}/")
        for entry in page.get("Contents", ())
    )


@contextmanager
def loaded_count(deployment: Deployment, source: str, streams: Sequence[str]) -> Iterator[Callable[[], int]]:
    """Asks, over one connection, how many windows of these streams the ledger has, in whatever state."""
    with closing(deployment.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True  # an open transaction would go on seeing what it saw first

        def count() -> int:
            cursor.execute(_LOADED, (source, tuple(streams)))
            return int(cursor.fetchone()[0])

        yield count
