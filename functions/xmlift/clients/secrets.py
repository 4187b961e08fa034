"""Secrets, from Secrets Manager."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from xmlift.clients import CONFIG, session
from xmlift.errors import SourceError
from xmlift.source.secret import NamedSecret


def secret_reader(prefix: str) -> Callable[[str], dict[str, str]]:
    """Reads a secret's JSON object by its name behind the prefix. The reader raises SourceError."""
    client: Any = session().client("secretsmanager", config=CONFIG)

    def read(name: str) -> dict[str, str]:
        try:
            value = client.get_secret_value(SecretId=f"{prefix}{name}").get("SecretString", "")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise SourceError(
                f"the secret {prefix}{name} cannot be read ({code}): Terraform makes it without a value; put one "
                f"with `aws secretsmanager put-secret-value --secret-id {prefix}{name} --secret-string "
                '\'{"username": …, "password": …}\'`, or with what the source\'s `auth` asks for'
            ) from error
        try:
            document = json.loads(value)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise SourceError(f'the secret {prefix}{name} is not a JSON object such as {{"username": …}}')
        for key, part in document.items():
            if isinstance(part, bool | list | dict):
                raise SourceError(f"the secret {prefix}{name} has a {key!r} that is no text: put it as one")
        values = {key: str(part) for key, part in document.items() if part is not None}
        return NamedSecret(values, f"{prefix}{name}")

    return read
