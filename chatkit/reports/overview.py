"""The summary table of a report: one row a group, and one for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = "all"
STORE = "store"
"""The column that tells the responses of two stores apart."""
UNKNOWN = "-"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenths(value: float) -> str:
    return f"{value:,.1f}"


_FORMATS: dict[str, tuple[str, Callable[[float], str]]] = {
    "responses": ("responses", _whole),
    "ttft_p50_ms": ("TTFT p50, ms", _whole),
    "ttft_p95_ms": ("TTFT p95, ms", _whole),
    "gap_p50_ms": ("gap p50, ms", _tenths),
    "gap_p99_ms": ("gap p99, ms", _tenths),
    "stalls": ("stalls", _whole),
    "tokens_per_s": ("tokens/s", _tenths),
    "prompt_tokens": ("tokens in", _whole),
    "completion_tokens": ("tokens out", _whole),
}
"""For each figure its heading and how it is written."""

N_FIGURES = len(_FORMATS)
"""Columns of the table after those it is grouped by."""


def overview(responses: pd.DataFrame, chunks: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return a row per group and one for all, ``all`` under the first group column.

    Percentiles of gaps are those of all gaps of a group together; ``tokens_per_s`` is the median of its
    responses'; stalls and tokens are sums, unknown where no response has any.

    Args:
        responses: as of ``responses_df``, with the columns of ``by``.
        chunks: as of ``chunks_df``.
        by: the columns to group by; none gives one row.
    """
    gaps = chunks[["message_id", "gap_ms"]].merge(responses[["message_id", *by]], on="message_id")
    rows = [_row(responses, gaps["gap_ms"]) | dict.fromkeys(by, "") | dict.fromkeys(by[:1], ALL)]
    if by:
        gaps_of = dict(list(gaps.groupby(by, dropna=False, observed=True)["gap_ms"]))
        groups = responses.groupby(by, dropna=False, observed=True)
        rows += [
            dict(zip(by, map(_name, key), strict=True)) | _row(group, gaps_of.get(key, gaps["gap_ms"][:0]))
            for key, group in groups
        ]
    return pd.DataFrame(rows)[[*by, *_FORMATS]]


def written(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as a person reads it: headings with units, rounded figures, a dash for what is unknown."""
    shown = {name: table[name] for name in table.columns if name not in _FORMATS}
    for name, (heading, form) in _FORMATS.items():
        shown[heading] = pd.Series([UNKNOWN if pd.isna(value) else form(value) for value in table[name]], dtype="str")
    return pd.DataFrame(shown)


def _name(key: Any) -> str:
    return UNKNOWN if pd.isna(key) else str(key)


def _row(responses: pd.DataFrame, gaps_ms: pd.Series[float]) -> dict[str, Any]:
    return {
        "responses": len(responses),
        "ttft_p50_ms": _percentile(responses["ttft_ms"], 50),
        "ttft_p95_ms": _percentile(responses["ttft_ms"], 95),
        "gap_p50_ms": _percentile(gaps_ms, 50),
        "gap_p99_ms": _percentile(gaps_ms, 99),
        "stalls": responses["n_stalls"].sum(min_count=1),
        "tokens_per_s": _percentile(responses["tokens_per_s"], 50),
        "prompt_tokens": responses["prompt_tokens"].sum(min_count=1),
        "completion_tokens": responses["completion_tokens"].sum(min_count=1),
    }


def _percentile(values: pd.Series[float], q: float) -> float:
    known = values.dropna()
    return float(np.percentile(known, q)) if len(known) else np.nan
