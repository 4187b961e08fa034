"""Structured lines with the run in each, those of libraries included."""

import logging

from aws_lambda_powertools import Logger

logger = Logger(utc=True)


def tell_libraries() -> None:
    """Have libraries' lines written as ours are, so that a search for a run finds what boto3 said during it."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("awslambdaric"):  # Lambda's own, which writes plain text
            handler.setFormatter(logger.registered_formatter)
