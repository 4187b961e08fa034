"""URLs as catalogues write them."""

from urllib.parse import urlsplit


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
