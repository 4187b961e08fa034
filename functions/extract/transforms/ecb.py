"""Transforms for the European Central Bank's reference rates."""

import pandas as pd


def currency_pair(rates: pd.DataFrame) -> pd.DataFrame:
    """Name each rate as dealers do, EURUSD, and leave out what the bank no longer quotes (`N/A`)."""
    return rates.assign(pair="EUR" + rates["currency"])[rates["rate"] != "N/A"]
