"""The clients that handlers hand to the steps: secrets and credentials, and what is said where they are missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.certificates import make_certificates
from xmlift.clients.secrets import secret_reader
from xmlift.clients.warehouse import administered_warehouse
from xmlift.errors import SourceError, WarehouseError
from xmlift.settings import (
    ExtractSettings,
    LoadSettings,
    MigrateSettings,
    PlanSettings,
    ReportSettings,
    XmliftError,
    read_settings,
)
from xmlift.source.login import credentials
from xmlift.warehouse.connection import Credentials, Warehouse, temporary_credentials

from .warehouse_stand_in import ADMIN, DATABASE, StandIn

PREFIX = "xmlift/test/"


@pytest.fixture
def secrets(s3: Any, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return aws.client("secretsmanager")


Read = Callable[[str], dict[str, str]]


@pytest.fixture
def read(secrets: Any) -> Read:
    return secret_reader(PREFIX)


def test_a_secret_is_read_by_its_name_in_the_catalogue(secrets: Any, read: Read) -> None:
    secrets.create_secret(
        Name="xmlift/test/ewm", SecretString='{"username": "etl", "password": "pässword", "n": 1}'
    )
    assert read("ewm") == {"username": "etl", "password": "pässword", "n": "1"}


def test_a_secret_is_read_anew_each_time(secrets: Any, read: Read) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretString='{"password": "old"}')
    read("ewm")
    secrets.put_secret_value(SecretId="xmlift/test/ewm", SecretString='{"password": "new"}')
    assert read("ewm") == {"password": "new"}, "a rotated password needs no new deployment"


@pytest.mark.parametrize("made", [False, True])
def test_a_missing_value_names_the_secret_and_the_command(secrets: Any, read: Read, made: bool) -> None:
    if made:
        secrets.create_secret(Name="xmlift/test/ewm")
    with pytest.raises(SourceError) as caught:
        read("ewm")
    message = str(caught.value)
    assert "the secret xmlift/test/ewm cannot be read (ResourceNotFoundException)" in message
    assert "aws secretsmanager put-secret-value --secret-id xmlift/test/ewm" in message


def test_what_a_secret_lacks_is_told_by_its_name(secrets: Any, read: Read) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretString='{"username": "etl"}')
    with pytest.raises(SourceError, match="the secret xmlift/test/ewm has no 'password'"):
        credentials(read("ewm"))


def test_a_null_is_no_password(secrets: Any, read: Read) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretString='{"username": "etl", "password": null}')
    assert read("ewm") == {"username": "etl"}


@pytest.mark.parametrize("value", ['["hunter2"]', '{"is": "hunter2"}', "true"])
def test_a_secrets_part_is_a_text(secrets: Any, read: Read, value: str) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretString=f'{{"password": {value}}}')
    with pytest.raises(SourceError, match="xmlift/test/ewm has a 'password' that is no text") as caught:
        read("ewm")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", ["hunter2", '"hunter2"', '["hunter2"]', "{hunter2"])
def test_a_value_that_is_no_object_is_named_and_not_shown(secrets: Any, read: Read, value: str) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretString=value)
    with pytest.raises(SourceError, match="xmlift/test/ewm is not a JSON object") as caught:
        read("ewm")
    assert "hunter2" not in str(caught.value)


def test_a_binary_secret_is_told(secrets: Any, read: Read) -> None:
    secrets.create_secret(Name="xmlift/test/ewm", SecretBinary=b"\x00hunter2")
    with pytest.raises(SourceError, match="xmlift/test/ewm is not a JSON object"):
        read("ewm")


def migrate_settings(stand_in: StandIn) -> MigrateSettings:
    address = stand_in.address
    return MigrateSettings(
        workgroup="w",
        database=DATABASE,
        warehouse_host=address.host,
        warehouse_port=address.port,
        warehouse_ca=address.ca_file,
        admin_secret_arn="redshift!admin",
    )


def test_the_administrator_comes_in_with_the_managed_secret(secrets: Any, stand_in: StandIn) -> None:
    secrets.create_secret(
        Name="redshift!admin", SecretString=json.dumps({"username": ADMIN, "password": "right"})
    )
    warehouse = administered_warehouse(migrate_settings(stand_in))

    def who(cursor: Any) -> Any:
        cursor.execute("SELECT current_user, current_setting('application_name')")
        return cursor.fetchone()

    assert warehouse.transaction(who) == (ADMIN, "xmlift-migrate")


def test_an_administrators_secret_without_a_part_is_told(secrets: Any, stand_in: StandIn) -> None:
    secrets.create_secret(Name="redshift!admin", SecretString='{"username": "hunter2"}')
    with pytest.raises(WarehouseError, match="has no 'password'") as caught:
        administered_warehouse(migrate_settings(stand_in)).connect()
    assert "hunter2" not in str(caught.value)


class Api:
    """redshift-serverless, as far as a function asks it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_credentials(self, **request: Any) -> dict[str, str]:
        self.asked.append(request)
        return {"dbUser": ADMIN, "dbPassword": "right" if len(self.asked) > 1 else "expired"}


def test_credentials_are_asked_for_with_every_try(stand_in: StandIn) -> None:
    api = Api()
    warehouse = Warehouse(
        stand_in.address, temporary_credentials(api, "w", DATABASE), "t", sleep=lambda _: None
    )
    warehouse.connect().close()
    assert api.asked == [{"workgroupName": "w", "dbName": DATABASE, "durationSeconds": 900}] * 2


def test_a_warehouse_whose_certificate_is_anothers_is_refused(stand_in: StandIn, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    address = stand_in.address._replace(ca_file=tmp_path / "ca.pem")
    warehouse = Warehouse(address, lambda: Credentials(ADMIN, "right"), "t", sleep=lambda _: None)
    with pytest.raises(WarehouseError, match="certificate verify failed") as caught:
        warehouse.connect()
    assert "CA file" in str(caught.value)
    assert "right" not in str(caught.value)


WAREHOUSE = {
    "XMLIFT_WORKGROUP": "xmlift-test",
    "XMLIFT_DATABASE": "warehouse",
    "XMLIFT_WAREHOUSE_HOST": "127.0.0.1",
    "XMLIFT_WAREHOUSE_PORT": "5439",
    "XMLIFT_WAREHOUSE_CA": "/var/task/botocore/cacert.pem",
}
BUCKET = {"XMLIFT_ENVIRONMENT": "test", "XMLIFT_BUCKET": "landing"}
COMPLETE = {
    PlanSettings: WAREHOUSE | BUCKET | {"XMLIFT_EXTRACT_CONCURRENCY": "8"},
    ExtractSettings: BUCKET | {"XMLIFT_SECRET_PREFIX": "xmlift/test/"},
    LoadSettings: WAREHOUSE | BUCKET | {"XMLIFT_COPY_ROLE_ARN": "arn:aws:iam::000000000000:role/copy"},
    ReportSettings: WAREHOUSE | BUCKET,
    MigrateSettings: WAREHOUSE | {"XMLIFT_ADMIN_SECRET_ARN": "arn:aws:secretsmanager:x"},
}


@pytest.mark.parametrize("kind", COMPLETE)
def test_settings_are_read_whole_and_typed(kind: type) -> None:
    settings = read_settings(kind, COMPLETE[kind] | {"PATH": "/bin", "AWS_REGION": "x"})
    if kind is not ExtractSettings:
        assert settings.warehouse_port == 5439
        assert settings.warehouse_ca == Path("/var/task/botocore/cacert.pem")


@pytest.mark.parametrize(
    ("kind", "missing"),
    [(kind, name) for kind, values in COMPLETE.items() for name in values if name != "XMLIFT_ENVIRONMENT"],
)
def test_each_missing_variable_is_named_with_the_remedy(kind: type, missing: str) -> None:
    values = {name: value for name, value in COMPLETE[kind].items() if name != missing}
    with pytest.raises(XmliftError) as caught:
        read_settings(kind, values)
    assert missing.removeprefix("XMLIFT_").lower() in str(caught.value)
    assert "XMLIFT_" in str(caught.value)
    assert "Terraform" in str(caught.value)


def test_a_variable_of_another_kind_is_named() -> None:
    with pytest.raises(XmliftError, match="warehouse_port"):
        read_settings(PlanSettings, COMPLETE[PlanSettings] | {"XMLIFT_WAREHOUSE_PORT": "many"})
