"""Times as people read them."""

from datetime import UTC, datetime, timedelta

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def instant(moment: datetime) -> str:
    """In UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def length(time: timedelta) -> str:
    """A length of time by its two greatest units, cut and not rounded: `2 d 4 h`; below a minute `3.4 s`.

    A negative one is that of clocks that disagree, and reads `-3.4 s`.
    """
    if time < timedelta(0):
        return f"-{length(-time)}"
    if time < timedelta(minutes=1):
        return f"{time // timedelta(milliseconds=100) / 10:.1f} s"
    left = int(time.total_seconds())
    parts = []
    for seconds, unit in _UNITS:
        count, left = divmod(left, seconds)
        parts.append((count, unit))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)
