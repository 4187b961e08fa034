"""The catalogue's logins and connections: what is taken, and what is said where it is not."""

from pathlib import Path

import msgspec
import pytest
import yaml

from xmlift.catalogue import Source, load_source
from xmlift.errors import CatalogueError

SOURCE = """
source: ewm
base_url: https://host
streams:
  items: { request: { path: /a }, records: /l/i, key: [id], columns: { id: { path: id, type: bigint } } }
"""


def load(key: str, value: str) -> Source:
    return load_source(f"{SOURCE}{key}: {value}\n".encode(), "ewm.yaml")


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "bearer", "secret": "a"},
        {"type": "application_password", "secret": "a"},
        {
            "type": "oauth2_client",
            "secret": "a",
            "token_url": "https://login.example/token",
            "scope": "read all",
        },
    ],
)
def test_logins(auth: dict[str, str]) -> None:
    source = load("auth", yaml.safe_dump(auth, default_flow_style=True, width=1000).strip())
    assert msgspec.to_builtins(source.auth) == auth
    assert source.secret == "a"


def test_a_connection(certificates: Path) -> None:
    pem = (certificates / "ca.pem").read_text()
    indented = "".join(f"    {line}\n" for line in pem.splitlines())
    connection = load(
        "connection", f"\n  proxy: http://proxy:3128\n  proxy_secret: proxy\n  ca: |\n{indented}"
    ).connection
    assert (connection.proxy, connection.proxy_secret, connection.ca) == ("http://proxy:3128", "proxy", pem)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("auth", "{type: bearer}", "Object missing required field `secret` (at `auth`)"),
        ("auth", "{type: oauth2_client, secret: a}", "Object missing required field `token_url` (at `auth`)"),
        (
            "auth",
            "{type: oauth2_client, secret: a, token_url: /token}",
            "auth token_url must be https://host/path",
        ),
        (
            "auth",
            "{type: oauth2_client, secret: a, token_url: 'https://me:sesame@host/token'}",
            "auth token_url carries no user, password, query or fragment",
        ),
        ("connection", "{proxy: 'proxy:3128'}", "connection proxy must be https://host/path"),
        (
            "connection",
            "{proxy: 'http://me:sesame@proxy:3128'}",
            "connection proxy carries no user, password",
        ),
        (
            "connection",
            "{proxy: 'http://proxy:3128/path'}",
            "connection proxy is http://host:port and nothing more",
        ),
        (
            "connection",
            "{proxy_secret: a}",
            "connection proxy_secret is the proxy's: name it as `proxy`, too",
        ),
        ("connection", "{ca: /etc/ca.pem}", "connection ca is no certificate in PEM: paste it whole"),
        (
            "connection",
            '{ca: "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"}',
            "connection ca is no certificate in PEM: paste it whole",
        ),
    ],
)
def test_what_is_wrong_is_told(key: str, value: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load(key, value)
    assert said in str(caught.value)
    assert "sesame" not in str(caught.value)
