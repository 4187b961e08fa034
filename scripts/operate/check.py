"""One thing that has to be so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that is needed: what was found, and the remedy if that is not enough."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
