"""URLs as catalogues write them."""

import re
from urllib.parse import urlsplit

_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|localhost|::1")


def check_url(url: str, key: str) -> None:
    """Raises ValueError unless `url` is https (or http) with a host and without credentials or a query."""
    parts = urlsplit(url)
    # Asking for a port that is none raises ValueError.
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{key} must be https://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            f"{key} carries no user, password, query or fragment: what is secret stands in a secret"
        )


def check_keeps_secrets(url: str, key: str) -> None:
    """Raises ValueError for a URL by which credentials would cross a network in clear text."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
        raise ValueError(f"{key}: credentials would be sent in clear text: use https")
