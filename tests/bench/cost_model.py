"""What a run costs on AWS at list prices, from what was counted in runs of the local cloud.

A run's usage is a part that every run has and a part for each window: two runs that differ in the number of windows
alone give both. Storage, data transfer within the region and the free tier are left out.
"""

from collections.abc import Mapping
from typing import NamedTuple

PRICES_AS_OF = "2026-11"
REGION = "us-east-1"


class Price(NamedTuple):
    """US dollars for one unit, and the page that says so."""

    dollars: float
    page: str


class Usage(NamedTuple):
    """What one run uses. `s3_put`: PUT and LIST, which cost the same; `requests`: calls of functions.

    `transitions`: states entered, those of the windows' own executions included; `rpu_seconds`: Redshift capacity
    times the time that it is awake for the run.
    """

    requests: float
    gb_seconds: float
    transitions: float
    s3_put: float
    s3_get: float
    rpu_seconds: float


PRICES: Mapping[str, Price] = {
    "requests": Price(0.20 / 1_000_000, "https://aws.amazon.com/lambda/pricing/"),
    "gb_seconds": Price(0.0000166667, "https://aws.amazon.com/lambda/pricing/"),
    "transitions": Price(0.025 / 1_000, "https://aws.amazon.com/step-functions/pricing/"),
    "s3_put": Price(0.005 / 1_000, "https://aws.amazon.com/s3/pricing/"),
    "s3_get": Price(0.0004 / 1_000, "https://aws.amazon.com/s3/pricing/"),
    # 4 RPU cost 1.50 an hour.
    "rpu_seconds": Price(0.375 / 3_600, "https://aws.amazon.com/redshift/pricing/"),
}

NAMES = {
    "requests": "function calls",
    "gb_seconds": "GB-seconds",
    "transitions": "state transitions",
    "s3_put": "S3 PUT, LIST",
    "s3_get": "S3 GET",
    "rpu_seconds": "RPU-seconds",
}

SHORTEST_WAKE_SECONDS = 60
"""Redshift Serverless bills at least so long each time that it wakes."""


def gb_seconds(milliseconds: float, memory_mb: int) -> float:
    """What Lambda bills for a call that takes so long in a function of so much memory."""
    return milliseconds / 1_000 * memory_mb / 1_024


def rpu_seconds(awake: float, capacity: int) -> float:
    """What Redshift Serverless bills for a run in which it is awake for so many seconds, once."""
    return capacity * max(awake, SHORTEST_WAKE_SECONDS)


class Model(NamedTuple):
    """Usage of any run: what each run has, and what each window adds. RPU-seconds apart from the least billed."""

    fixed: Usage
    window: Usage

    def usage(self, windows: int, capacity: int) -> Usage:
        """Of a run with so many windows, on a warehouse of so many RPU.

        `rpu_seconds` of the parts are those in which it is busy: what is billed is at least a minute.
        """
        sums = [fixed + windows * each for fixed, each in zip(self.fixed, self.window, strict=True)]
        busy = Usage(*sums)
        return busy._replace(rpu_seconds=rpu_seconds(busy.rpu_seconds / capacity, capacity))


def fitted(small: Usage, small_windows: int, large: Usage, large_windows: int) -> Model:
    """The model through two runs. Nothing of it is below zero: what noise makes so, is fixed."""
    between = large_windows - small_windows
    window = Usage(*(max(0.0, (two - one) / between) for one, two in zip(small, large, strict=True)))
    fixed = Usage(*(max(0.0, one - small_windows * each) for one, each in zip(small, window, strict=True)))
    return Model(fixed, window)


def dollars(usage: Usage) -> dict[str, float]:
    """The cost of each kind of usage, and of all as `total`."""
    costs = {name: count * PRICES[name].dollars for name, count in usage._asdict().items()}
    return costs | {"total": sum(costs.values())}


def table_rows(model: Model, capacity: int, counts: tuple[int, ...]) -> list[list[str]]:
    """A row for each kind of usage and one of the total; for each number of windows the amount and its cost."""
    usages = [model.usage(windows, capacity) for windows in counts]
    costs = [dollars(usage) for usage in usages]
    rows = [
        [
            NAMES[name],
            *(
                cell
                for usage, cost in zip(usages, costs, strict=True)
                for cell in (f"{getattr(usage, name):,.0f}", money(cost[name]))
            ),
        ]
        for name in Usage._fields
    ]
    return [*rows, ["total", *(cell for cost in costs for cell in ("", money(cost["total"])))]]


def money(amount: float) -> str:
    """Dollars to two figures that count: 0.025, 1.3, 120."""
    return f"${amount:,.0f}" if amount >= 100 else f"${amount:.2g}"
