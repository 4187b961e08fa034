"""The landing bucket."""

from xmlift.clients import CONFIG, session
from xmlift.landing.zone import Zone


def landing_zone(bucket: str) -> Zone:
    return Zone(session().client("s3", config=CONFIG), bucket)
