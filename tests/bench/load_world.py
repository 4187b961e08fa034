"""The warehouse's stand-in and an S3 in this process, for what is measured of plan, load and report."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import boto3
import psutil
from moto import mock_aws

from local.certificates import make_certificates
from xmlift.landing.zone import Zone
from xmlift.telemetry import logger

from ..unit.warehouse_stand_in import StandIn, stand_in


class Spent(NamedTuple):
    """Seconds: by the clock, of this process (steps, stand-in's front, S3) and of PostgreSQL."""

    wall: float
    own: float
    database: float

    @property
    def cpu(self) -> float:
        return self.own + self.database


class World(NamedTuple):
    """What the steps stand on."""

    stand_in: StandIn
    zone: Zone

    def spent(self, work: Callable[[], object]) -> Spent:
        """Do the work, and answer what it took."""
        database, own, began = _database_seconds(), time.process_time(), time.perf_counter()
        work()
        return Spent(time.perf_counter() - began, time.process_time() - own, _database_seconds() - database)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A stand-in of this measurement's own, gone at its end."""
    level = logger.log_level
    logger.setLevel(logging.ERROR)
    certificates = folder / "certificates"
    make_certificates(certificates)
    try:
        with stand_in(folder / "redshift", certificates) as running, mock_aws():
            s3 = boto3.Session("key", "secret", region_name="us-east-1").client("s3")
            s3.create_bucket(Bucket="landing")
            yield World(running, Zone(s3, "landing", sleep=lambda _: None))
    finally:
        logger.setLevel(level)


def _database_seconds() -> float:
    """CPU of PostgreSQL's processes; those that have ended are in the account of the one that began them."""
    total = 0.0
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            if process.name() == "postgres":
                total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total
