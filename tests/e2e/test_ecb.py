"""ECB reference rates: one tag name on three levels, values in attributes, decimals without loss."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.cloud

Rows = list[dict[str, Any]]
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def test_every_rate_of_every_day_is_loaded_exactly(
    recorded: Callable[[str], Path], first: Callable[[str], dict[str, Any]], query: Callable[..., Rows]
) -> None:
    days = ElementTree.parse(recorded("ecb/eurofxref-hist-90d.xml")).getroot().findall(f"{CUBE}/{CUBE}")
    quoted = {
        (day.attrib["time"], rate.attrib["currency"]): Decimal(rate.attrib["rate"])
        for day in days
        for rate in day.findall(CUBE)
        if rate.attrib["rate"] != "N/A"
    }
    assert len(quoted) > 1000

    report = first("ecb")
    assert report["status"] == "succeeded", report["message"]
    rows = query("SELECT day, currency, rate, pair FROM ecb.reference_rates")
    assert len(rows) == len(quoted)
    assert {(row["day"].isoformat(), row["currency"]): row["rate"] for row in rows} == quoted
    # The pandas transform of the source has named the pair.
    assert all(row["pair"] == f"EUR{row['currency']}" for row in rows)
