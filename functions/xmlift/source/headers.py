"""What an answer's headers say: when, how long to wait, and what it is told by."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

_SETTLED = timedelta(minutes=1)


def retry_after(response: requests.Response, now: datetime) -> float | None:
    """The pause that the server asks for, in seconds or as a date."""
    value = str(response.headers.get("Retry-After", "")).strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def server_date(response: requests.Response) -> datetime | None:
    """The server's clock when it was asked."""
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC) - response.elapsed
    except (KeyError, TypeError, ValueError):
        return None


def is_conditional(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers may be answered by "not modified"."""
    return not {"If-None-Match", "If-Modified-Since"}.isdisjoint(headers)


def last_modified(response: requests.Response) -> str | None:
    """The answer's `Last-Modified`, where it was long enough ago to tell this answer from a later one."""
    value, date = response.headers.get("Last-Modified"), server_date(response)
    try:
        is_settled = date is not None and parsedate_to_datetime(str(value)) < date - _SETTLED
    except (TypeError, ValueError):
        return None
    return value if is_settled else None
