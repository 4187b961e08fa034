"""The way to a source's network: authorities trusted beside everybody's, and a proxy."""

import base64
import ssl
from os import environ
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter


class Connection(NamedTuple):
    """How a source is reached: certificates in PEM trusted besides, a proxy, and (user, password) for it."""

    ca: str | None = None
    proxy: str | None = None
    proxy_user: tuple[str, str] | None = None

    def apply(self, http: requests.Session) -> None:
        """Let all requests of a session go this way, whatever the environment and a .netrc file say."""
        http.trust_env = False
        # But for the authorities of the machine itself, which the environment alone knows.
        http.verify = environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or True
        if self.ca is not None or self.proxy is not None:
            adapter = _Adapter(self.ca, self.proxy_user)
            http.mount("https://", adapter)
            http.mount("http://", adapter)
        if self.proxy is not None:
            http.proxies = {"http": self.proxy, "https": self.proxy}


OPEN = Connection()
"""The open internet."""


def network_fault(error: Exception) -> str | None:
    """What is to be done about a fault of the way itself, which stays; None for one that may pass."""
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return (
            "the server's certificate is not trusted. If it comes from an authority of your own, write that one's "
            "certificate in PEM as connection.ca"
        )
    if "Tunnel connection failed: 407" in said:
        return "the proxy refuses (HTTP 407): check connection.proxy_secret"
    return None


class _Adapter(HTTPAdapter):
    """Trusts an authority more (requests adds what everybody trusts), and knows the proxy's user.

    The user is not part of the proxy's URL, which would stand in messages, and be written in Latin-1.
    """

    def __init__(self, pem: str | None, proxy_user: tuple[str, str] | None) -> None:
        self._context: ssl.SSLContext | None = None
        if pem is not None:
            self._context = ssl.create_default_context()
            self._context.load_verify_locations(cadata=pem)
        self._proxy_user = proxy_user
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        if self._proxy_user is None:
            return {}
        given = base64.b64encode(":".join(self._proxy_user).encode()).decode()
        return {"Proxy-Authorization": f"Basic {given}"}
