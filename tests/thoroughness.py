"""How many examples a dear property tries: some in `make test`, many in `make properties`, which is nightly."""

import os

THOROUGH = "XMLIFT_THOROUGH" in os.environ


def examples(some: int, many: int) -> int:
    """For `settings(max_examples=…)`."""
    return many if THOROUGH else some
