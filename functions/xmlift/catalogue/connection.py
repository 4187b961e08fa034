"""The way to a source's network: whose certificates are trusted, and a proxy."""

import ssl
from urllib.parse import urlsplit

from xmlift.catalogue.strict import Model, Name
from xmlift.catalogue.web import check_url


class Connection(Model, frozen=True):
    """How a source is reached where that is not by the open internet.

    `ca` holds certificates of authorities in PEM, trusted beside those that everybody trusts. `proxy` is asked for
    all of the source's requests, with the `username` and `password` of `proxy_secret` if there is one.
    """

    ca: str | None = None
    proxy: str | None = None
    proxy_secret: Name | None = None

    def __post_init__(self) -> None:
        if self.ca is not None:
            _check_certificates(self.ca)
        if self.proxy is not None:
            check_url(self.proxy, "connection proxy")
            if urlsplit(self.proxy).path.strip("/"):
                raise ValueError("connection proxy is http://host:port and nothing more")
        if self.proxy_secret is not None and self.proxy is None:
            raise ValueError("connection proxy_secret is the proxy's: name it as `proxy`, too")


def _check_certificates(pem: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(
            "connection ca is no certificate in PEM: paste it whole, from -----BEGIN CERTIFICATE----- to -----END "
            "CERTIFICATE-----, below `ca: |`"
        ) from error
