"""The landing bucket."""

import boto3

from xmlift.clients import CONFIG
from xmlift.landing.zone import Zone


def landing_zone(bucket: str) -> Zone:
    return Zone(boto3.client("s3", config=CONFIG), bucket)
