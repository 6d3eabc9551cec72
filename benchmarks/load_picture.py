"""How loading grows with the store: one line a way, both axes logarithmic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LINES = {
    "duckdb_tables": ("DuckDB", "0.55", "v", ":"),
    "polars_tables": ("polars", "0.55", "s", "--"),
    "naive": ("by hand", "black", "o", "-"),
    "cold": ("chatkit, cold", "#d55e00", "o", "-"),
    "appended": ("chatkit, 1 % appended", "#009e73", "^", "-."),
    "chatkit_tables": ("chatkit, warm", "#0072b2", "o", "-"),
    "limit": ("read and parse only", "0.75", "", "-"),
}
"""Name, colour, marker and stroke of each line: told apart in grey, too."""


def draw(sizes: list[Mapping[str, Any]], path: Path) -> None:
    """Draw seconds over messages into a file; the legend stands in the order of the lines' ends."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    n_messages = [size["n_messages"] for size in sizes]
    seconds = {name: [size["ways"][name]["s"] for size in sizes] for name in LINES}
    for name in sorted(LINES, key=lambda name: -seconds[name][-1]):
        title, colour, marker, stroke = LINES[name]
        axes.plot(n_messages, seconds[name], color=colour, marker=marker, linestyle=stroke, label=title, markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="messages in the store", ylabel="seconds until three tables are there")
    axes.set_xticks(n_messages, [f"{number:,}" for number in n_messages], minor=False)
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(path, dpi=110)
