"""The clients that handlers hand to the steps, one module each, so that a function imports only what it uses.

Endpoints and CA files come from the environment alone. The clients are botocore's own: boto3 around them would add
nothing that is used here, and a tenth to a cold start (docs/performance.md).
"""

from functools import cache

from botocore.config import Config
from botocore.session import Session, get_session

# Standard mode retries throttling, 5xx answers and lost connections with back-off and jitter.
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=16)


@cache
def session() -> Session:
    """The one that all clients of the process share, and with it what it has read about AWS."""
    return get_session()
