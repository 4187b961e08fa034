"""The cost model's arithmetic, on numbers that can be checked by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from . import cost_model
from .cost_model import Model, Usage

ONE = Usage(requests=4, gb_seconds=3, transitions=15, s3_put=12, s3_get=12, rpu_seconds=80)
TWENTY = Usage(requests=23, gb_seconds=41, transitions=72, s3_put=69, s3_get=88, rpu_seconds=232)
MODEL = Model(
    fixed=Usage(requests=3, gb_seconds=1, transitions=12, s3_put=9, s3_get=8, rpu_seconds=72),
    window=Usage(requests=1, gb_seconds=2, transitions=3, s3_put=3, s3_get=4, rpu_seconds=8),
)


def test_two_runs_give_what_each_run_has_and_what_each_window_adds() -> None:
    assert cost_model.fitted(ONE, 1, TWENTY, 20) == MODEL


def test_what_noise_makes_less_than_nothing_is_nothing() -> None:
    model = cost_model.fitted(Usage(1, 5, 1, 1, 1, 1), 1, Usage(1, 3, 1, 1, 1, 20), 2)
    assert model.window.gb_seconds == 0
    assert model.fixed.gb_seconds == 5
    assert model.fixed.rpu_seconds == 0


def test_the_warehouse_is_billed_for_a_minute_at_least() -> None:
    assert MODEL.usage(1, capacity=8).rpu_seconds == 480
    # 72 + 8 × 10,000 RPU-seconds are 10,009 s of 8 RPU.
    assert MODEL.usage(10_000, capacity=8).rpu_seconds == 80_072
    assert MODEL.usage(10_000, capacity=8)._replace(rpu_seconds=0) == Usage(
        10_003, 20_001, 30_012, 30_009, 40_008, 0
    )


@pytest.mark.parametrize(
    ("used", "dollars"),
    [
        (Usage(1_000_000, 0, 0, 0, 0, 0), 0.20),
        (Usage(0, 60_000, 0, 0, 0, 0), 1.000002),
        (Usage(0, 0, 1_000_000, 0, 0, 0), 25),
        (Usage(0, 0, 0, 1_000_000, 0, 0), 5),
        (Usage(0, 0, 0, 0, 1_000_000, 0), 0.4),
        # 4 RPU for an hour.
        (Usage(0, 0, 0, 0, 0, 4 * 3_600), 1.5),
    ],
)
def test_each_kind_of_usage_has_its_list_price(used: Usage, dollars: float) -> None:
    assert cost_model.dollars(used)["total"] == pytest.approx(dollars)


def test_a_call_is_billed_by_its_time_and_memory() -> None:
    assert cost_model.gb_seconds(2_000, 1_769) == pytest.approx(3.455078)
    assert cost_model.gb_seconds(500, 512) == 0.25


def test_the_table_tells_amounts_and_costs() -> None:
    rows = cost_model.table_rows(MODEL, 8, (1, 10_000))
    assert rows[0] == ["function calls", "4", "$8e-07", "10,003", "$0.002"]
    assert rows[2] == ["state transitions", "15", "$0.00038", "30,012", "$0.75"]
    assert rows[-1] == ["total", "", "$0.05", "", "$9.6"]


@pytest.mark.parametrize(
    ("amount", "told"), [(0.0254, "$0.025"), (1.25, "$1.2"), (42, "$42"), (1234.5, "$1,234")]
)
def test_money_has_two_figures_that_count(amount: float, told: str) -> None:
    assert cost_model.money(amount) == told


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_more_windows_never_cost_less(some: int, more: int) -> None:
    few, many = sorted((some, more))
    cheaper, dearer = (cost_model.dollars(MODEL.usage(windows, 8)) for windows in (few, many))
    assert all(cheaper[name] <= dearer[name] for name in cheaper)
