"""How a source is signed in to."""

from xmlift.catalogue.strict import Model, Name


class NoLogin(Model, frozen=True, tag_field="type", tag="none"):
    """The endpoint is open."""


class BasicLogin(Model, frozen=True, tag_field="type", tag="basic"):
    """HTTP Basic with the secret's `username` and `password`."""

    secret: Name


class JazzFormLogin(Model, frozen=True, tag_field="type", tag="jazz_form"):
    """IBM Jazz form login below the base URL, with the secret's `username` and `password`."""

    secret: Name


Login = NoLogin | BasicLogin | JazzFormLogin
