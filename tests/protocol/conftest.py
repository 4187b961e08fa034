"""What the protocol's tests stand on is what the unit tests of the steps stand on: a warehouse and an S3."""

from collections.abc import Iterator

import pytest

from xmlift.landing.zone import Zone

from ..unit.conftest import aws, certificates, s3, stand_in, zone
from ..unit.warehouse_stand_in import StandIn
from .pipeline import Pipeline

__all__ = ["aws", "certificates", "s3", "stand_in", "zone"]


@pytest.fixture
def pipeline(zone: Zone, stand_in: StandIn) -> Iterator[Pipeline]:
    """A source of this test's own, with a stream of each disposition."""
    made = Pipeline(zone, stand_in)
    yield made
    made.remove()
