"""Draws plots as SVG, into the folder named and from JSON on standard input.

Runs in `.venvs/bench-plots`, the one environment that has matplotlib.

The same numbers give the same bytes: no date, a fixed salt for the identifiers, texts as texts.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter

_STYLE = {
    "svg.hashsalt": "xmlift",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.labelcolor": "#333333",
    "axes.axisbelow": True,
    "text.color": "#222222",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "figure.facecolor": "white",
    # Told apart also where colours are not: dark and light alternate.
    "axes.prop_cycle": matplotlib.cycler(
        color=["#1f5a94", "#e08a2c", "#3c8d5a", "#a9a9a9", "#8b4a9c", "#c0392b"]
    ),
}
_MARKERS = "osD^vP"


def main() -> None:
    """Draw what stands on standard input into the folder named."""
    folder = Path(sys.argv[1])
    matplotlib.rcParams.update(_STYLE)
    for plot in json.load(sys.stdin):
        _draw(plot, folder / f"{plot['name']}.svg")


def _draw(plot: dict[str, Any], file: Path) -> None:
    bars = plot["kind"] == "bars"
    height = 1.1 + 0.34 * len(plot["labels"]) * max(1, 0.6 * len(plot["series"])) if bars else 3.6
    figure, axes = pyplot.subplots(figsize=(7.2, max(height, 2.2)))
    (_bars if bars else _lines)(axes, plot)
    axes.set_title(plot["title"], loc="left", fontsize=11)
    if len(plot["series"]) > 1:
        axes.legend(frameon=False, fontsize=9)
    figure.savefig(file, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)


def _bars(axes: Axes, plot: dict[str, Any]) -> None:
    """Lying bars, so that long names can be read; x_label names the categories, y_label the quantity."""
    thickness = 0.8 / len(plot["series"])
    for place, (name, points) in enumerate(plot["series"].items()):
        offset = (place - (len(plot["series"]) - 1) / 2) * thickness
        drawn = axes.barh([x + offset for x, _ in points], [y for _, y in points], thickness, label=name)
        values = [f"{y:,.3g}" if y < 1000 else f"{y:,.0f}" for _, y in points]
        axes.bar_label(drawn, labels=values, padding=3, fontsize=9)
    axes.set_yticks(range(len(plot["labels"])), plot["labels"])
    axes.invert_yaxis()
    axes.set_xlabel(plot["y_label"])
    axes.set_ylabel(plot["x_label"])
    axes.margins(x=0.12)
    axes.grid(axis="x", color="#e6e6e6")
    if plot["logarithmic"]:
        axes.set_xscale("log")
        smallest = min(y for points in plot["series"].values() for _, y in points)
        axes.set_xlim(left=10 ** math.floor(math.log10(smallest * 0.9)))
        _label_powers(axes.xaxis)


def _lines(axes: Axes, plot: dict[str, Any]) -> None:
    for marker, (name, points) in zip(_MARKERS, plot["series"].items(), strict=False):
        axes.plot([x for x, _ in points], [y for _, y in points], marker=marker, label=name)
    axes.set_xlabel(plot["x_label"])
    axes.set_ylabel(plot["y_label"])
    axes.grid(color="#e6e6e6")
    if plot["logarithmic"]:
        axes.set_xscale("log")
        axes.set_yscale("log")
        _label_powers(axes.xaxis)
        _label_powers(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)


def _label_powers(axis: Axis) -> None:
    """1, 2, 5, 10 as numbers, not as powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_minor_formatter(NullFormatter())


if __name__ == "__main__":
    main()
