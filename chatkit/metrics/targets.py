"""Latency targets: how many responses met them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chatkit.metrics.arguments import require_above_zero
from chatkit.metrics.columns import require_columns
from chatkit.metrics.dask_columns import in_memory
from chatkit.metrics.grouping import By, Groups, group_names
from chatkit.metrics.moments import moments_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from chatkit.metrics.columns import Frame

    Booleans = NDArray[np.bool_]

PRESETS: dict[str, dict[str, float]] = {
    name: {"ttft_ms": ttft_ms, "tpot_ms": tpot_ms}
    for name, ttft_ms, tpot_ms in (
        ("llama2-70b", 2000.0, 200.0),
        ("llama2-70b-interactive", 450.0, 40.0),
        ("llama3.1-405b", 6000.0, 175.0),
        ("llama3.1-405b-interactive", 4500.0, 80.0),
        ("llama3.1-8b", 2000.0, 100.0),
        ("llama3.1-8b-interactive", 500.0, 30.0),
        ("deepseek-r1", 2000.0, 80.0),
        ("deepseek-r1-interactive", 1500.0, 15.0),
    )
}
"""Server limits of MLPerf Inference, in ms; there 99 % of the responses have to hold them."""

_COLUMNS = ("met", "missed", "undetermined", "share")
_FAILED = ("error", "interrupted")
_OF_ABORTS = ("started_at", "completed_at", "ttft_ms", "n_chunks")


def goodput(
    responses: Frame,
    *,
    ttft_ms: float | None = None,
    tpot_ms: float | None = None,
    e2e_ms: float | None = None,
    preset: str | None = None,
    by: By = None,
) -> pd.DataFrame:
    """Count the responses that met every limit; a limit is met by a figure at or below it.

    A response *missed* if any figure that is known is over its limit, or if its status is ``error`` or
    ``interrupted``, or if it was aborted after more than ``ttft_ms`` without a chunk or more than ``e2e_ms``
    in all. It *met* the limits if it is complete and every figure with a limit is known. Any other is
    *undetermined*: one aborted earlier, one that still streams, one without usage where ``tpot_ms`` counts.

    Args:
        responses: one row per response: ``status`` and the figures that have a limit; for aborts also
            ``started_at`` and ``completed_at``. Of a Dask frame only these columns are computed.
        ttft_ms: limit for the time to the first chunk.
        tpot_ms: limit for the time per output token after the first.
        e2e_ms: limit for the whole response.
        preset: limits by name, from MLPerf Inference: one of the keys of ``PRESETS``. A limit given beside
            it takes the place of the preset's.
        by: a column, a list of columns, or nothing: all responses are one group.

    Returns:
        One row per group, ascending, missing keys last: the group columns, ``met``, ``missed``,
        ``undetermined``, ``share`` = ``met / (met + missed)`` (NaN where that is 0 / 0).

    Raises:
        KeyError: a column is missing.
        ValueError: no limit is given, one is not above 0, or the preset is unknown.

    References:
        MLPerf Inference rules, server scenario of the LLM benchmarks; goodput as in DistServe,
        arXiv 2401.09670.

    >>> import pandas as pd
    >>> responses = pd.DataFrame({"status": "complete", "ttft_ms": [300.0, 700.0, 400.0]})
    >>> goodput(responses, ttft_ms=500)
       met  missed  undetermined     share
    0    2       1             0  0.666667
    """
    limits = _limits({"ttft_ms": ttft_ms, "tpot_ms": tpot_ms, "e2e_ms": e2e_ms}, preset)
    responses = in_memory(responses, [*group_names(by), "status", *limits], optional=_OF_ABORTS)
    require_columns(responses, ["status", *limits])
    groups = Groups.of(responses, by, taken=_COLUMNS)
    missed, met = _verdicts(responses, limits)

    def count(which: Booleans) -> NDArray[np.int64]:
        return np.bincount(groups.numbers[which], minlength=len(groups))

    result = groups.keys.assign(met=count(met), missed=count(missed), undetermined=count(~met & ~missed))
    return result.assign(share=result["met"] / (result["met"] + result["missed"]).replace(0, np.nan))


def _limits(given: Mapping[str, float | None], preset: str | None) -> dict[str, float]:
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"no preset {preset!r}: there are {', '.join(PRESETS)}")
    limits = dict(PRESETS[preset]) if preset else {}
    limits |= {name: limit for name, limit in given.items() if limit is not None}
    require_above_zero(**limits)
    if not limits:
        raise ValueError("no limit: give ttft_ms=, tpot_ms= or e2e_ms=, or a preset=")
    return limits


def _verdicts(responses: pd.DataFrame, limits: Mapping[str, float]) -> tuple[Booleans, Booleans]:
    """Return which responses missed a limit, and which met them all."""
    figures = {name: responses[name].to_numpy(np.float64, na_value=np.nan) for name in limits}
    status = responses["status"]
    missed = status.isin(_FAILED).to_numpy(np.bool_) | _gave_up_late(responses, limits)
    for name, limit in limits.items():
        missed |= figures[name] > limit
    known = ~np.isnan(np.array(list(figures.values()))).any(axis=0)
    met: Booleans = ~missed & known & status.isin(["complete"]).to_numpy(np.bool_)
    return missed, met


def _gave_up_late(responses: pd.DataFrame, limits: Mapping[str, float]) -> Booleans:
    """Return which responses were aborted when they had already waited past a limit."""
    aborted: Booleans = responses["status"].isin(["aborted"]).to_numpy(np.bool_)
    if not aborted.any() or not limits.keys() & {"ttft_ms", "e2e_ms"}:
        return np.zeros(len(responses), dtype=np.bool_)
    require_columns(responses, _OF_ABORTS)
    lasted_ms = (moments_us(responses["completed_at"]) - moments_us(responses["started_at"])) / 1000
    saw_nothing = responses["n_chunks"].isin([0]).to_numpy(np.bool_)
    request_known = saw_nothing | responses["ttft_ms"].notna().to_numpy(np.bool_)
    late = saw_nothing & (lasted_ms > limits.get("ttft_ms", np.inf))
    late |= request_known & (lasted_ms > limits.get("e2e_ms", np.inf))
    return aborted & late
