"""How the tests are shared among the processes of `pytest -n`: what would be made twice stays in one of them."""

from pathlib import PurePosixPath

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

# Folders whose tests stand on something that takes long to make: a cloud, packages, plans. The one that takes
# longest comes first, since whoever works on it has to begin with it, and the others have time for the rest.
TOGETHER = (
    "tests/e2e",
    "tests/faults",
    "tests/contract",
    "tests/mutants",
    "tests/local/redshift",
    "tests/build",
)


class Shares(LoadScopeScheduling):
    """A share is a folder of these, or else a file; whoever has nothing left takes the next one."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)


def share(nodeid: str) -> str:
    """What the test is given out with, by the name of a folder or a file."""
    file = nodeid.partition("::")[0]
    folders = map(str, PurePosixPath(file).parents)
    return next((folder for folder in folders if folder in TOGETHER), file)


def in_order_of_time(items: list[pytest.Item]) -> None:
    """Sort by shares: those that take longest first, all others as they are."""
    places = {name: place for place, name in enumerate(TOGETHER)}
    items.sort(key=lambda item: places.get(share(item.nodeid), len(places)))
