"""The sequential script that the pipeline stands in for, as such scripts are written: page by page, then one COPY.

    python pipeline_sequential.py BASE_URL WINDOWS DSN

It asks for a page, takes it apart with Beautiful Soup, goes on to the next one, makes one DataFrame of all records,
gives its columns their types, and copies it into one table. It prints one line of JSON: rows and seconds, in all
and of each part. Runs in an environment of its own (build/requirements/bench-sequential.txt).
"""

import io
import json
import sys
import time
from datetime import datetime, timedelta
from urllib.parse import urljoin

import pandas as pd
import psycopg2
import requests
from bs4 import BeautifulSoup

FIRST_DAY = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
FORMAT = "%Y-%m-%dT%H:%M:%S.000%z"

# column: (where it stands in a work item, its type in the table)
COLUMNS = {
    "id": ("id", "bigint primary key"),
    "summary": ("summary", "varchar(1024)"),
    "description": ("description", "varchar(65535)"),
    "modified": ("modified", "timestamptz"),
    "created": ("created", "timestamptz"),
    "archived": ("archived", "boolean"),
    "state": ("state name", "varchar(64)"),
    "state_group": ("state group", "varchar(64)"),
    "owner": ("owner name", "varchar(128)"),
    "owner_id": ("owner userId", "varchar(128)"),
    "creator": ("creator name", "varchar(128)"),
    "project_area": ("projectArea name", "varchar(256)"),
    "category": ("category name", "varchar(256)"),
    "item_type": ("type name", "varchar(64)"),
    "severity": ("severity name", "varchar(64)"),
    "priority": ("priority name", "varchar(64)"),
    "resolution": ("resolution name", "varchar(64)"),
    "planned_for": ("target name", "varchar(256)"),
    "tags": ("tags", "jsonb"),
    "time_spent": ("timeSpent", "bigint"),
    "duration": ("duration", "bigint"),
    "corrected_estimate": ("correctedEstimate", "bigint"),
    "found_in": ("foundIn name", "varchar(64)"),
    "modified_by": ("modifiedBy name", "varchar(128)"),
    "due": ("dueDate", "timestamptz"),
    "score": ("score", "decimal(12,2)"),
}


def text_of(item, place):
    """The text of an element below the work item, None where it is empty or missing."""
    for name in place.split():
        item = item.find(name)
        if item is None:
            return None
    return item.get_text() or None


def read_window(session, base_url, start, spent):
    """The records of one day's work items."""
    url = f"{base_url}/rpt/repository/workitem"
    query = {"from": start.strftime(FORMAT), "to": (start + timedelta(days=1)).strftime(FORMAT)}
    records = []
    while url:
        begun = time.monotonic()
        response = session.get(url, params=query, timeout=60)
        response.raise_for_status()
        fetched = time.monotonic()
        page = BeautifulSoup(response.content, "xml")
        for item in page.find_all("workItem"):
            records.append({column: text_of(item, place) for column, (place, _) in COLUMNS.items()})
        root = page.find("workitem")
        url = urljoin(url, root["href"]) if root.get("rel") == "next" else None
        query = None
        spent["fetch"] += fetched - begun
        spent["parse"] += time.monotonic() - fetched
    return records


def typed(records):
    """All records as a DataFrame whose columns have their types."""
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    for column, (_, kind) in COLUMNS.items():
        if kind == "timestamptz":
            frame[column] = pd.to_datetime(frame[column], format="%Y-%m-%dT%H:%M:%S.%f%z", utc=True)
        elif kind.startswith("bigint"):
            frame[column] = pd.to_numeric(frame[column]).astype("Int64")
        elif kind == "boolean":
            frame[column] = frame[column].map({"true": True, "false": False})
    frame["tags"] = frame["tags"].map(
        lambda tags: json.dumps([tag for tag in (tags or "").split("|") if tag])
    )
    return frame.drop_duplicates("id", keep="last")


def copy(frame, dsn):
    """One COPY into a table made for it."""
    lines = io.StringIO()
    frame.to_csv(lines, index=False, header=False)
    lines.seek(0)
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS work_items_by_script")
        columns = ", ".join(f"{name} {kind}" for name, (_, kind) in COLUMNS.items())
        cursor.execute(f"CREATE TABLE work_items_by_script ({columns})")
        cursor.copy_expert("COPY work_items_by_script FROM STDIN WITH (FORMAT csv)", lines)
        return cursor.rowcount


def main(base_url, windows, dsn):
    begun = time.monotonic()
    spent = {"fetch": 0.0, "parse": 0.0}
    records = []
    with requests.Session() as session:
        for day in range(windows):
            records += read_window(session, base_url, FIRST_DAY + timedelta(days=day), spent)
    read = time.monotonic()
    frame = typed(records)
    typed_at = time.monotonic()
    rows = copy(frame, dsn)
    ended = time.monotonic()
    spent |= {"type": typed_at - read, "copy": ended - typed_at}
    print(json.dumps({"rows": rows, "seconds": ended - begun, "cpu": time.process_time(), "parts": spent}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
