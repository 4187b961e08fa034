"""An environment as it is deployed, by its Terraform's outputs: on AWS, or on a local cloud."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config

from operate.errors import OperatorError
from operate.places import CATALOGUE, ROOT
from xmlift.catalogue import Source, load_source

# As long as a function may live, and its answer takes.
_LONGEST_CALL = 920


@dataclass(frozen=True)
class Deployment(ABC):
    """What Terraform made. name: of the environment, which is that of its folder."""

    name: str
    outputs: dict[str, Any]
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False, kw_only=True)

    @abstractmethod
    def make_client(self, service: str, config: Config | None) -> Any:
        """A new boto3 client of the account that the environment is deployed to."""

    @abstractmethod
    def connect(self) -> Any:
        """A session with the warehouse, as psycopg2 has it."""

    @abstractmethod
    def command(self, words: str) -> str:
        """How a person types a make target for this environment: `make run SOURCE=ewm`."""

    @abstractmethod
    def readable(self) -> list[str]:
        """Sources that ask a server which can be reached: what `run` reads where none is named."""

    @property
    def sources(self) -> dict[str, Any]:
        return dict(self.outputs["sources"])

    @property
    def bucket(self) -> str:
        """The landing bucket."""
        return str(self.outputs["landing_bucket"])

    @property
    def state_machine(self) -> str:
        """The ARN of the state machine itself, not of the alias that starts it: by it, executions are listed."""
        return ":".join(str(self.outputs["state_machine_arn"]).split(":")[:7])

    def client(self, service: str) -> Any:
        """A boto3 client of the account that the environment is deployed to; made once, as that takes a while."""
        if service not in self._clients:
            self._clients[service] = self.make_client(service, None)
        return self._clients[service]

    def caller(self, seconds: int = _LONGEST_CALL) -> Any:
        """A client of Lambda that invokes a function once, and waits that long for its end.

        A second call, made because the first one takes its time, would do its work once more, and after
        everything else.
        """
        once = Config(read_timeout=seconds, retries={"total_max_attempts": 1})
        return self.make_client("lambda", once)

    def lock(self) -> str | None:
        """Where the lock lies of an apply that is under way; None if none is, or it is this machine's own."""
        return None

    def given(self, source: str, **changes: Any) -> dict[str, Any]:
        """An execution's input: what the source's schedule passes, and what differs this time.

        Raises: OperatorError if the environment has no such source.
        """
        self.check_source(source)
        return {**json.loads(self.sources[source]["input"]), **changes}

    def catalogue(self, source: str) -> Source:
        """The source's file as it was deployed, which is not always the one in this folder.

        Raises: OperatorError if the environment has no such source.
        """
        given = self.given(source)
        body = self.client("s3").get_object(Bucket=self.bucket, Key=given["catalogue"])["Body"].read()
        return load_source(body, given["catalogue"], given.get("base_url"))

    def is_asked(self, source: str) -> bool:
        """Whether a server is asked for any of the source's streams; else all come by files that are dropped."""
        return any(stream.request is not None for stream in self.catalogue(source).streams.values())

    def without_credentials(self) -> list[str]:
        """Sources that sign in with a secret that has no value yet."""
        return [
            name
            for name, source in sorted(self.sources.items())
            if source["secret_name"] is not None and not self._has_value(source["secret_name"])
        ]

    def put_credentials(self, source: str, username: str, password: str) -> None:
        """Give a source's secret a user and its password. Raises: OperatorError if the source has no secret."""
        self.put_secret(source, {"username": username, "password": password})

    def put_secret(self, source: str, value: dict[str, str]) -> None:
        """Give a source's secret its value, as its login asks for it. Raises: OperatorError if it has no secret."""
        self.client("secretsmanager").put_secret_value(
            SecretId=self.secret_of(source), SecretString=json.dumps(value)
        )

    def secret_of(self, source: str) -> str:
        """The name of the secret that a source signs in with. Raises: OperatorError if it has none."""
        self.check_source(source)
        name = self.sources[source]["secret_name"]
        if name is None:
            raise OperatorError(
                f"{source} signs in nowhere: its file {CATALOGUE.relative_to(ROOT)}/{source}.yaml names no secret "
                "under `auth`"
            )
        return str(name)

    def check_source(self, source: str) -> None:
        """Raises: OperatorError with the remedy if the environment has no such source."""
        if source not in self.sources:
            raise OperatorError(
                f"The environment `{self.name}` has no source {source!r}. It has: "
                f"{', '.join(sorted(self.sources))}. A new one needs its line under `sources` in "
                f"terraform/environments/{self.name}/main.tf, then: {self.command(self.applied_by)}"
            )

    @property
    def applied_by(self) -> str:
        """The targets that bring a change of the environment's folder to it."""
        return "plan deploy"

    @property
    def pause(self) -> float:
        """Seconds between two looks at what goes on: nothing announces it, and AWS counts the questions."""
        return 1.0

    def _has_value(self, secret: str) -> bool:
        client = self.client("secretsmanager")
        try:
            return bool(client.get_secret_value(SecretId=secret).get("SecretString"))
        except client.exceptions.ResourceNotFoundException:
            return False
