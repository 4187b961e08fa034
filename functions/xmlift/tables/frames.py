"""The pandas path: a stream's own transform, a function DataFrame → DataFrame, applied per batch of records.

The frame holds text as the XML had it, an empty text where there was nothing, one column per declared column;
typing comes afterwards, so that the identity transform gives the same bytes as no transform at all. The index
says which record a row came from: a transform may drop rows, and change and add columns, but a row that it
keeps has to keep its index.

Only this module imports pandas, and only a stream with a transform imports this module.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from xmlift.errors import RowError

Transform = Callable[[pd.DataFrame], pd.DataFrame]


class Transformed(NamedTuple):
    """Columns after a transform, and for each row the index of the record that it came from."""

    columns: list[list[str]]
    records: list[int]


def load_transform(name: str) -> Transform:
    """Find `module.function` in the package `transforms` beside the handler. Raises RowError."""
    module_name, _, function_name = name.partition(".")
    try:
        module = importlib.import_module(f"transforms.{module_name}")
    except ModuleNotFoundError as error:
        if error.name not in ("transforms", f"transforms.{module_name}"):
            raise  # the transform is there, a package that it needs is not
        raise RowError(
            f"transform {name}: there is no functions/extract/transforms/{module_name}.py"
        ) from error
    transform = getattr(module, function_name, None)
    if not callable(transform):
        raise RowError(
            f"transform {name}: functions/extract/transforms/{module_name}.py has no function {function_name}"
        )
    checked: Transform = transform
    return checked


def apply(transform: Transform, names: Sequence[str], columns: Sequence[Sequence[str]]) -> Transformed:
    """Run a transform over columns of text. Raises RowError where its answer cannot be traced to the records."""
    count = len(columns[0])
    given = pd.DataFrame(dict(zip(names, columns, strict=True)), dtype=object)
    try:
        frame = transform(given)
    except Exception as error:
        raise RowError(f"the transform failed with {type(error).__name__}: {error}") from error
    if not isinstance(frame, pd.DataFrame):
        raise RowError(f"the transform answered a {type(frame).__name__}, not a DataFrame")
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise RowError(f"the transform's answer lacks the declared columns {', '.join(missing)}")
    doubled = [name for name in names if list(frame.columns).count(name) > 1]
    if doubled:
        raise RowError(f"the transform's answer has the column {', '.join(doubled)} more than once")
    if not frame.index.is_unique or not frame.index.isin(range(count)).all():
        raise RowError("the transform's answer has rows that are none of the records given: keep the index")
    return Transformed([_texts(name, frame[name]) for name in names], [int(index) for index in frame.index])


def _texts(name: str, column: pd.Series) -> list[str]:
    listed = next((value for value in column if pd.api.types.is_list_like(value)), None)
    if listed is not None:
        raise RowError(
            f"the transform's column {name} holds a {type(listed).__name__}: answer text, and `split` makes lists"
        )
    return ["" if pd.isna(value) else str(value) for value in column]
