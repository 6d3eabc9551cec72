"""The tables of a report behind its first one: percentiles, goodput, and the comparison of groups."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from chatkit.metrics import compare, goodput, summarize
from chatkit.reports.overview import STORE, UNKNOWN

if TYPE_CHECKING:
    from chatkit.reports.material import Material

LIMITS = {"ttft_ms": 500.0, "tpot_ms": 50.0}
"""What a reader notices: half a second of silence, and less than 20 tokens a second."""

_METRICS = ["ttft_ms", "tpot_ms", "gap_p99_ms", "e2e_ms"]
_HEADINGS = {
    "ttft_ms": "TTFT, ms", "tpot_ms": "time per token, ms", "gap_p99_ms": "gap p99, ms", "e2e_ms": "end to end, ms",
}  # fmt: skip


class Table(NamedTuple):
    """A table as a person reads it; the first ``n_keys`` columns say what a row is of."""

    headings: list[str]
    rows: list[list[str]]
    n_keys: int


def percentiles(material: Material) -> Table:
    """Return the percentiles of the main figures over responses, by group."""
    figures = summarize(material.responses, _METRICS, by=material.by)
    figures["metric"] = figures["metric"].map(_HEADINGS)
    columns = [*material.by, "metric", "count", "p50", "p90", "p95", "p99", "max"]
    return _written(figures[columns], len(material.by) + 1)


def goodputs(material: Material) -> Table:
    """Return how many responses were within :data:`LIMITS`, by group."""
    table = goodput(material.responses, ttft_ms=LIMITS["ttft_ms"], tpot_ms=LIMITS["tpot_ms"], by=material.by)
    table["share"] = [UNKNOWN if pd.isna(share) else f"{share:.0%}" for share in table["share"]]
    return _written(table, len(material.by))


def comparison(material: Material) -> pd.DataFrame | None:
    """Compare the groups with one of them; None where there are fewer than two of which something is known.

    Of two stores that is the first; else the group with the most contexts, since an interval needs many on both sides.
    """
    known = material.responses.dropna(subset=material.by)
    contexts = known.groupby(material.by, observed=True)["context_id"].nunique()
    if len(contexts) < 2:
        return None
    baseline = None if STORE in material.by else contexts.idxmax()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the picture says how many contexts there were, and why there is no interval
        found = compare(known, by=material.by, metrics=["ttft_ms", "tpot_ms"], baseline=baseline)
    found = found[found["difference"].notna()]
    return found if len(found) else None


def _written(table: pd.DataFrame, n_keys: int) -> Table:
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return Table([str(name) for name in table.columns], rows, n_keys)


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]  # cells are scalars, which the stubs can't see
        return UNKNOWN
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
