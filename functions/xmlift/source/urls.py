"""URLs: built from a request's template, kept within the source's origin, and shown without secrets."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from urllib.parse import quote, unquote_plus, urljoin, urlsplit, urlunsplit

from urllib3.util import parse_url

from xmlift.errors import SourceError
from xmlift.source.wording import CUT, cut
from xmlift.windows import EPOCH, Interval

_SECRET_NAME = re.compile(
    r"(?i)token|secret|pass|pwd|pin|sig|credential|key|auth|session|sid|code|otp|ticket"
)
# No token is so short a number, a time, or written with brackets and comparisons as queries are.
_NO_SECRET = re.compile(r"\d{1,9}|\d{4}-\d{2}-\d{2}([T ][\d:.]*(Z|[-+][\d:]+)?)?|.*[<>()\[\]].*", re.DOTALL)
_PATH_PARAMETERS = re.compile(r";[^/]*")
# Before a query, these let one reader see another host than the next: `http://evil\\@host/`.
_TWO_READINGS = re.compile(r"^[^?#]*[\\\x00-\x1f\x7f]")
_SHOWN_LENGTH = 300
_DEFAULT_PORTS = {"https": 443, "http": 80}
_EPOCH_UNITS = {"epoch_seconds": timedelta(seconds=1), "epoch_milliseconds": timedelta(milliseconds=1)}


class Origin(NamedTuple):
    """Scheme, host and port: credentials go to their source's own and nowhere else."""

    scheme: str
    host: str
    port: int


def origin(url: str) -> Origin:
    """Where a URL leads. Raises ValueError where it is none, or not the same one for all who read it on its way."""
    parts, other = urlsplit(url), parse_url(url)
    found = _origin(parts.scheme, parts.hostname, parts.port)
    if _TWO_READINGS.match(url) or found != _origin(other.scheme, other.host, other.port):
        raise ValueError("it can be read as two different ones")
    return found


def _origin(scheme: str | None, host: str | None, port: int | None) -> Origin:
    scheme = scheme or ""
    return Origin(scheme, (host or "").strip("[]").lower(), port or _DEFAULT_PORTS.get(scheme, 0))


def joined(url: str, reference: str) -> str:
    """Where an answer from `url` leads on to. Raises SourceError where that is not a URL."""
    reference = reference.strip()
    try:
        target = urljoin(url, reference)
        origin(target)
        is_url = not _TWO_READINGS.match(reference)  # urljoin leaves out what it does not like
    except ValueError:
        is_url = False
    if not is_url:
        # Without what it is: it may carry a token.
        raise SourceError(
            f"{shown(url)}: the endpoint leads on to what is not a URL. Ask the endpoint's owner"
        )
    return target


def widened(window: Interval, resolution: timedelta) -> Interval:
    """A window as a server of that resolution has to be asked for it, whatever its `>` and `<` include.

    The start moves one step back (`>` may exclude it), the end up to the next step (it may be cut off).
    """
    start = EPOCH + ((window.start - EPOCH) // resolution - 1) * resolution
    end = EPOCH - ((EPOCH - window.end) // resolution) * resolution
    return Interval(start, end)


def format_time(instant: datetime, template: str, resolution: timedelta, zone: tzinfo = UTC) -> str:
    """An instant by a strftime template, whose `%f` has as many digits as the resolution needs, as `zone` has it.

    `epoch_seconds` and `epoch_milliseconds` are numbers since 1970, the same in every zone.
    """
    if (unit := _EPOCH_UNITS.get(template)) is not None:
        return str((instant - EPOCH) // unit)
    digits = 6 if resolution % timedelta(milliseconds=1) else 3
    fraction = f"{instant.microsecond:06d}"[:digits]
    return instant.astimezone(zone).strftime(template.replace("%f", fraction))


def shown(url: str) -> str:
    """A URL for messages and logs: no user, no password, no path parameters, and of the query what is no secret.

    A list of secrets' names is never complete. So the value decides as well: only small numbers, times and
    expressions are shown, which say where a reading stood.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    netloc = f"{host}:{parts.port}" if parts.port else host
    query = "&".join(_shown_parameter(parameter) for parameter in parts.query.split("&") if parameter)
    text = urlunsplit((parts.scheme, netloc, _PATH_PARAMETERS.sub("", parts.path), query, ""))
    return cut(text, _SHOWN_LENGTH)


def masked(text: str, secrets: Iterable[str]) -> str:
    """A text without these, as they stand in a URL or by themselves, and without how one begins that is cut off."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    if CUT in text:
        beginnings = {form[:length] for form in forms for length in range(1, min(len(form), len(text)))}
        for beginning in sorted(beginnings, key=len, reverse=True):
            text = text.replace(beginning + CUT, f"***{CUT}")
    return text


def shown_if_url(url: str) -> str:
    """As `shown`, also of what may be none."""
    try:
        return shown(url)
    except ValueError:
        return "What is not a URL"


def _shown_parameter(parameter: str) -> str:
    name, given, raw = parameter.partition("=")
    if not given:
        return "***"
    value = unquote_plus(raw)
    shows = not value or (_NO_SECRET.fullmatch(value) and not _SECRET_NAME.search(unquote_plus(name)))
    return f"{name}={quote(value, safe=' /:<>[]()|,') if shows else '***'}"
