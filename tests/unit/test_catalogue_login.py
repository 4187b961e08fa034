"""Logins in the catalogue: credentials go by TLS."""

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError

SOURCE = """
source: shop
base_url: {base_url}
auth: {{ {auth} }}
streams:
  items:
    request: {{ path: /i }}
    records: /r/i
    key: [id]
    columns: {{ id: {{ path: id }} }}
"""


def load(base_url: str, auth: str, given: str | None = None) -> None:
    load_source(SOURCE.format(base_url=base_url, auth=auth).encode(), "shop.yaml", given)


LOGINS = [
    "type: basic, secret: s",
    "type: bearer, secret: s",
    "type: jazz_form, secret: s",
    "type: application_password, secret: s",
    "type: oauth2_client, secret: s, token_url: 'https://idp/t'",
]


@pytest.mark.parametrize("auth", LOGINS)
@pytest.mark.parametrize(
    "base_url", ["http://host/a", "HTTP://127.0.0.1.example.org", "http://localhost.example.org"]
)
def test_no_credentials_in_clear_text(auth: str, base_url: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(base_url, auth)
    assert "base_url: credentials would be sent in clear text: use https" in str(caught.value)


def test_nor_where_an_environment_names_the_url() -> None:
    with pytest.raises(CatalogueError, match="in clear text"):
        load("https://host", LOGINS[0], "http://host")


def test_nor_to_a_token_endpoint() -> None:
    with pytest.raises(CatalogueError, match="auth token_url: credentials would be sent in clear text"):
        load("https://host", "type: oauth2_client, secret: s, token_url: 'http://idp/t'")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.9.9.9", "localhost", "[::1]:80", "LOCALHOST:1"])
def test_the_machine_itself_may_be_asked_in_clear_text(host: str) -> None:
    load(f"http://{host}/a", f"type: oauth2_client, secret: s, token_url: 'http://{host}/t'")


def test_what_is_open_may_be_read_in_clear_text() -> None:
    load("http://host", "type: none")
