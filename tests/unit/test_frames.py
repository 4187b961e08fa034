"""The pandas path: what a transform may do, and what it may not."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import RowError
from xmlift.tables import frames
from xmlift.tables.batch import ColumnRule, typed
from xmlift.tables.types import parse_type

EXTRACT = str(Path(__file__).parents[2] / "functions" / "extract")
NAMES = ["id", "name"]
COLUMNS = [["1", "2", "3"], ["a", "", "c"]]

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["", "NaN", "nan", "None", "<NA>", "1.0", "010", "true", "2024-01-01", " "]
)


def applied(transform: Callable[[pd.DataFrame], pd.DataFrame]) -> frames.Transformed:
    return frames.apply(transform, NAMES, COLUMNS)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_the_identity_gives_the_very_bytes_of_no_transform(rows: list[tuple[str, str]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns_after, records = frames.apply(lambda frame: frame, NAMES, columns)
    assert columns_after == columns
    assert records == list(range(len(rows)))
    rules = [ColumnRule("id", parse_type("varchar(64)")), ColumnRule("name", parse_type("super"))]
    assert typed(rules, columns_after) == typed(rules, columns)


def test_a_transform_sees_text_and_an_empty_text_where_there_was_nothing() -> None:
    def look(frame: pd.DataFrame) -> pd.DataFrame:
        assert list(frame.columns) == NAMES
        assert frame.to_numpy().tolist() == [["1", "a"], ["2", ""], ["3", "c"]]
        return frame

    applied(look)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (lambda f: f.assign(name=f["name"].str.upper()), ([["1", "2", "3"], ["A", "", "C"]], [0, 1, 2])),
        (lambda f: f[f["name"] != ""], ([["1", "3"], ["a", "c"]], [0, 2])),
        (lambda f: f.iloc[::-1], ([["3", "2", "1"], ["c", "", "a"]], [2, 1, 0])),
        (lambda f: f[["name", "id"]], (COLUMNS, [0, 1, 2])),
        (lambda f: f.assign(extra="x"), (COLUMNS, [0, 1, 2])),
        (lambda f: f[f["id"] == "none"], ([[], []], [])),
        (lambda f: f.assign(id=[1, 2, 3]), (COLUMNS, [0, 1, 2])),
        (lambda f: f.assign(id=[1.5, np.nan, np.inf]), ([["1.5", "", "inf"], ["a", "", "c"]], [0, 1, 2])),
        (lambda f: f.assign(name=[None, pd.NA, pd.NaT]), ([["1", "2", "3"], ["", "", ""]], [0, 1, 2])),
    ],
)
def test_a_transform_may_change_drop_order_and_add(
    transform: Callable[[pd.DataFrame], pd.DataFrame], expected: tuple[list[list[str]], list[int]]
) -> None:
    assert applied(transform) == expected


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        (lambda f: f[["id"]], "lacks the declared columns name"),
        (lambda f: f[[]], "lacks the declared columns id, name"),
        (lambda f: f.rename(columns=str.upper), "lacks the declared columns id, name"),
        (lambda f: pd.concat([f, f]), "keep the index"),
        (lambda f: f.loc[[0, 0]], "keep the index"),
        (lambda f: f.set_axis([1, 2, 3]), "keep the index"),
        (lambda f: f.set_axis([-1, 0, 1]), "keep the index"),
        (lambda f: f.set_index("name", drop=False), "keep the index"),
        (lambda f: f.set_axis([0.5, 1, 2]), "keep the index"),
        (lambda f: pd.concat([f, f["name"]], axis=1), "has the column name more than once"),
        (
            lambda f: f.drop(index=[0, 1, 2]).assign(x=1).set_axis(["id", "id", "name"], axis=1),
            "more than once",
        ),
        (lambda f: f.assign(name=f["nix"]), "the transform failed with KeyError: 'nix'"),
        (lambda f: None, "answered a NoneType, not a DataFrame"),
        (lambda f: f["id"], "answered a Series, not a DataFrame"),
        (lambda f: f.assign(name=[["a"], [], ["b", "c"]]), "column name holds a list"),
    ],
)
def test_what_cannot_be_traced_to_the_records_is_refused(
    transform: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    with pytest.raises(RowError) as caught:
        applied(transform)
    assert said in str(caught.value)


def test_a_transform_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXTRACT)
    transform = frames.load_transform("ecb.currency_pair")
    names = ["day", "currency", "rate", "pair"]
    columns = [["2024-01-02"] * 2, ["USD", "RUB"], ["1.1", "N/A"], ["USD", "RUB"]]
    assert frames.apply(transform, names, columns) == ([["2024-01-02"], ["USD"], ["1.1"], ["EURUSD"]], [0])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.at_all", "there is no functions/extract/transforms/nowhere.py"),
        ("ecb.nothing", "functions/extract/transforms/ecb.py has no function nothing"),
        ("ecb", "has no function "),
        ("ecb.__doc__", "has no function __doc__"),
    ],
)
def test_a_transform_that_is_not_there_is_named(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(EXTRACT)
    with pytest.raises(RowError) as caught:
        frames.load_transform(name)
    assert str(caught.value).startswith(f"transform {name}: ")
    assert said in str(caught.value)


def test_a_package_that_a_transform_lacks_is_not_called_a_missing_transform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms" / "needs.py").write_text("import a_package_that_is_not_there\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "transforms"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        frames.load_transform("needs.it")
    sys.modules.pop("transforms", None)
