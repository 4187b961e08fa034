"""The way to a source's network: its own authority beside everybody's, and a proxy, both real."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from xmlift.errors import SourceError
from xmlift.source.login import NoLogin
from xmlift.source.network import Connection
from xmlift.source.session import Politeness, Session
from xmlift.source.walk import PageRequest

from ..scripted_source import ScriptedSource, page, scripted_source
from .proxy import running_proxy

PAGE = page({"id": 1})
FAST = Politeness(timeout=5, attempts=2, requests_per_second=1000, page_bytes=1_000_000)
PASSWORD = "pä:@/ss%"


def session(base_url: str, connection: Connection) -> Session:
    return Session(base_url, NoLogin(), FAST, connection, sleep=lambda _: None)


def read(base_url: str, connection: Connection) -> bytes:
    with session(base_url, connection).fetch(PageRequest(f"{base_url}/a?token=sesame")).body as body:
        return body.read()


def failure(base_url: str, connection: Connection) -> str:
    with pytest.raises(SourceError) as caught:
        read(base_url, connection)
    for hidden in ("sesame", PASSWORD, "%C3%A4"):
        assert hidden not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def tls_url(certificates: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with scripted_source() as running:
        running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
        running.says("/a", PAGE)
        yield running.url.replace("http:", "https:")


@pytest.fixture
def own_ca(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An authority that nobody else knows."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return (certificates / "ca.pem").read_text()


def test_a_sources_own_authority_is_trusted(tls_url: str, own_ca: str) -> None:
    assert read(tls_url, Connection(own_ca)) == PAGE


def test_without_it_the_message_says_where_to_put_it(tls_url: str, own_ca: str) -> None:
    del own_ca
    assert "not trusted" in failure(tls_url, Connection())
    assert "connection.ca" in failure(tls_url, Connection())


def test_what_everybody_trusts_is_trusted_beside_it(
    tls_url: str, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    end = "-----END CERTIFICATE-----\n"
    other = Path(certifi.where()).read_text().partition(end)[0] + end
    assert read(tls_url, Connection(other)) == PAGE


@pytest.mark.parametrize("user", [None, ("etl", PASSWORD)])
def test_a_proxy_tunnels_to_a_server_with_its_own_authority(
    tls_url: str, own_ca: str, user: tuple[str, str] | None
) -> None:
    with running_proxy(*(user or ())) as proxy:
        assert read(tls_url, Connection(own_ca, proxy.url, user)) == PAGE
    assert proxy.asked == [("CONNECT", tls_url.removeprefix("https://"))]


def test_a_proxy_passes_on_a_plain_request(source: ScriptedSource) -> None:
    source.says("/a", PAGE)
    user = ("etl", "secret")
    with running_proxy(*user) as proxy:
        assert read(source.url, Connection(None, proxy.url, user)) == PAGE
    assert proxy.asked == [("GET", f"{source.url}/a?token=sesame")]
    assert "Proxy-Authorization" not in source.asked[0].headers


@pytest.mark.parametrize("user", [None, ("etl", "wrong")])
def test_a_proxy_that_refuses_is_told_at_once(
    tls_url: str, own_ca: str, user: tuple[str, str] | None
) -> None:
    with running_proxy("etl", PASSWORD) as proxy:
        assert "HTTP 407): check connection.proxy_secret" in failure(
            tls_url, Connection(own_ca, proxy.url, user)
        )
    assert len(proxy.asked) == 1


def test_a_proxy_that_refuses_a_plain_request_is_told_at_once(source: ScriptedSource) -> None:
    source.says("/a", PAGE)
    with running_proxy("etl", PASSWORD) as proxy:
        assert "The proxy refuses: check connection.proxy_secret" in failure(
            source.url, Connection(None, proxy.url)
        )
    assert source.asked == []


def test_a_proxy_that_is_not_there_is_told(tls_url: str, own_ca: str) -> None:
    with running_proxy() as proxy:
        gone = proxy.url
    message = failure(tls_url, Connection(own_ca, gone, ("etl", PASSWORD)))
    assert "proxy" in message.lower()
    assert "gave up after 2 tries" in message
