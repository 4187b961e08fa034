"""One value through its column type, as tests write it down."""

from typing import Any

from xmlift.tables.columns import convert_column
from xmlift.tables.spelling import Spelling
from xmlift.tables.types import parse_type


def converted(value: str, column_type: str, split: str | None = None, **spelled: Any) -> str:
    """The text for COPY; a refusal becomes `! reason`."""
    (text,), refusals = convert_column([value], parse_type(column_type), Spelling(split, **spelled))
    if not refusals:
        return text
    assert text == "", "a refused value leaves nothing behind"
    return f"! {refusals[0].reason}"
