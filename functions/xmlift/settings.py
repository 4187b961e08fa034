"""What a function is told by its environment variables: read once, typed, complete or refused."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from xmlift.errors import XmliftError

PREFIX = "XMLIFT_"


class WarehouseSettings(Struct, frozen=True, kw_only=True):
    """Where the warehouse is. `warehouse_ca` is the file that its certificate is verified against."""

    workgroup: str
    database: str
    warehouse_host: str
    warehouse_port: int
    warehouse_ca: Path


class PlanSettings(WarehouseSettings, frozen=True, kw_only=True):
    """plan's. `extract_concurrency` is how many windows the environment reads at once."""

    bucket: str
    extract_concurrency: Annotated[int, Meta(ge=1)]


class ExtractSettings(Struct, frozen=True, kw_only=True):
    """extract's. Secrets of sources stand under `secret_prefix`; `processes` is how many vCPUs it has."""

    bucket: str
    secret_prefix: str
    processes: int = 1


class LoadSettings(WarehouseSettings, frozen=True, kw_only=True):
    """load's. `copy_role_arn` is the role with which the warehouse itself reads the bucket."""

    bucket: str
    copy_role_arn: str


class ReportSettings(WarehouseSettings, frozen=True, kw_only=True):
    """report's."""

    bucket: str


class MigrateSettings(WarehouseSettings, frozen=True, kw_only=True):
    """migrate's. The secret is the one that Redshift manages for the namespace's administrator."""

    admin_secret_arn: str


def read_settings[T](kind: type[T], environment: Mapping[str, str] = os.environ) -> T:
    """Read the `XMLIFT_…` variables. Raises XmliftError that names the one that is missing or wrong."""
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    try:
        # The hook makes the types that msgspec does not know itself: paths.
        return msgspec.convert(values, kind, strict=False, dec_hook=lambda wanted, value: wanted(value))
    except msgspec.ValidationError as error:
        raise XmliftError(
            f"the function's environment variables {PREFIX}…: {error}; Terraform sets them, so apply it again"
        ) from error
