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
    """Draw seconds over messages into a file."""
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    n_messages = [size["n_messages"] for size in sizes]
    for name, (title, colour, marker, stroke) in LINES.items():
        seconds = [size["ways"][name]["s"] for size in sizes]
        axes.plot(n_messages, seconds, color=colour, marker=marker, linestyle=stroke, label=title, markersize=4)
        axes.annotate(
            title, (n_messages[-1], seconds[-1]), (6, 0), textcoords="offset points", va="center", color=colour
        )
    axes.set(xscale="log", yscale="log", xlabel="messages in the store", ylabel="seconds until three tables are there")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", alpha=0.3)
    figure.savefig(path, dpi=110)
