"""The clients that handlers hand to the steps, one module each, so that a function imports only what it uses.

Endpoints and CA files come from the environment alone.
"""

from functools import cache

import boto3
from botocore.config import Config

from xmlift.clients.traced_calls import trace_calls

# Standard mode retries throttling, 5xx answers and lost connections with back-off and jitter.
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=16)


@cache
def session() -> boto3.Session:
    """The one that all clients of the process share, and with it what it has read about AWS."""
    made = boto3.Session()
    trace_calls(made.events)
    return made
