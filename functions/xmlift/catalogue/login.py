"""How a source is signed in to. `parts` are the keys that the secret of a login has to have."""

from typing import Annotated, ClassVar

from msgspec import Meta

from xmlift.catalogue.strict import Model, Name
from xmlift.catalogue.web import check_keeps_secrets, check_url


class NoLogin(Model, frozen=True, tag_field="type", tag="none"):
    """The endpoint is open."""

    parts: ClassVar[tuple[str, ...]] = ()


class BasicLogin(Model, frozen=True, tag_field="type", tag="basic"):
    """HTTP Basic with the secret's `username` and `password`."""

    parts: ClassVar[tuple[str, ...]] = ("username", "password")

    secret: Name


class BearerLogin(Model, frozen=True, tag_field="type", tag="bearer"):
    """A token that does not expire while it is used: the secret's `token`, in every request."""

    parts: ClassVar[tuple[str, ...]] = ("token",)

    secret: Name


class JazzFormLogin(Model, frozen=True, tag_field="type", tag="jazz_form"):
    """IBM Jazz form login below the base URL, with the secret's `username` and `password`."""

    parts: ClassVar[tuple[str, ...]] = ("username", "password")

    secret: Name


class ApplicationPasswordLogin(Model, frozen=True, tag_field="type", tag="application_password"):
    """A server behind Jazz Authorization Server: the secret's `username`, and as `password` one of its own kind.

    It is made in the user's profile for this application, and sent as HTTP Basic.
    """

    parts: ClassVar[tuple[str, ...]] = ("username", "password")

    secret: Name


class OAuth2ClientLogin(Model, frozen=True, tag_field="type", tag="oauth2_client"):
    """OAuth 2 client credentials (RFC 6749, 4.4): the secret's `client_id` and `client_secret` get a token.

    They are sent to `token_url` alone, which may be of another origin than the source.
    """

    parts: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")

    secret: Name
    token_url: str
    scope: Annotated[str, Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        check_url(self.token_url, "auth token_url")
        check_keeps_secrets(self.token_url, "auth token_url")


Login = NoLogin | BasicLogin | BearerLogin | JazzFormLogin | ApplicationPasswordLogin | OAuth2ClientLogin
