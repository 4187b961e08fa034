"""Structured lines with the run in each, those of libraries included."""

import logging
from traceback import TracebackException
from types import TracebackType

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

type _ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class OutermostAlone(LambdaPowertoolsFormatter):
    """Writes of an error what it says, and not what it was raised from."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 (logging's name)
        # Below our own words stand a server's or a library's, from which no secret was taken out.
        if ei[0] is None:
            return ""
        return "".join(TracebackException(*ei).format(chain=False)).rstrip("\n")


logger = Logger(logger_formatter=OutermostAlone(utc=True))


def tell_libraries() -> None:
    """Have libraries' lines written as ours are, so that a search for a run finds what boto3 said during it."""
    for handler in logging.getLogger().handlers:
        if type(handler).__module__.startswith("awslambdaric"):  # Lambda's own, which writes plain text
            handler.setFormatter(logger.registered_formatter)
