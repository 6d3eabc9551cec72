"""A user's own logs of chunks: the same figures as for a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.frames.build import build
from chatkit.frames.tables import RESPONSES
from chatkit.metrics.arrivals import Arrivals
from chatkit.metrics.columns import require_columns
from chatkit.metrics.moments import moments_us
from chatkit.models.response import REASONING, TEXT, status_of
from chatkit.timing import FIGURES, Ragged, Streams, figures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_GIVEN = ("headers_ms", "first_event_ms", "e2e_ms")
"""Figures that a log may know better than its chunks do: they are taken, not computed."""

_BESIDE = {
    column.name: "object" if column.dtype == "id" else column.dtype
    for column in RESPONSES
    if column.name not in FIGURES or column.name in _GIVEN
}
"""What may be known of a response beside its chunks, and its type."""


def responses_from_chunks(frame: pd.DataFrame, usage: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return one row per response from any log of chunks, with the figures of ``responses_df``.

    Args:
        frame: one row per chunk: ``message_id`` and ``offset_ms``, its arrival in ms since the request was
            sent. Where there are: ``delta`` (its text; an empty one is no chunk), ``n_chars`` in its place,
            ``kind`` (``text``, ``reasoning``, ``tool_call``), ``sequence`` (else the order of the rows).
        usage: one row per response: ``message_id`` and any other column of ``responses_df`` that is known
            beside the chunks: token counts, ``started_at``, ``completed_at`` (or ``e2e_ms``), ``headers_ms``,
            ``model``, ``finish_reason``, ``context_id``, … Those with no chunk in ``frame`` get a row too.

    Returns:
        The columns of ``responses_df``, responses in the order of their first chunk; ids keep their type. What
        neither frame knows is missing: without an end there is no ``tail_ms`` and no ``e2e_ms``; without
        text, ``n_chars`` is 0. ``tpot_ms`` ends at the last chunk. ``status`` is ``complete`` unless
        ``status`` or ``finish_reason`` in ``usage`` says otherwise.

    Raises:
        KeyError: a column is missing.
        ValueError: an ``offset_ms`` is not known, or a response has two rows of usage.

    >>> log = pd.DataFrame({"message_id": "m", "offset_ms": [200.0, 250.0, 300.0], "delta": ["Hi", " you", "!"]})
    >>> usage = pd.DataFrame({"message_id": ["m"], "completion_tokens": [5]})
    >>> responses_from_chunks(log, usage)[["ttft_ms", "n_chars", "gap_max_ms", "tpot_ms"]]
       ttft_ms  n_chars  gap_max_ms  tpot_ms
    0    200.0        7        50.0     25.0
    """
    require_columns(frame, ["message_id", "offset_ms"])
    if frame["offset_ms"].isna().any():
        raise ValueError(f"offset_ms is missing in {frame['offset_ms'].isna().sum()} rows: drop them first")
    if "sequence" not in frame.columns:
        frame = frame.assign(sequence=range(len(frame)))
    rows = Arrivals.of(frame)
    known = _known(rows.message_ids, usage)
    counted = figures(_streams(rows, known))
    columns: dict[str, Any] = {name: known[name].array for name in known.columns}
    columns |= {name: _typed(pd.Series(values), name).array for name, values in counted.items()}
    columns["total_tokens"] = known["total_tokens"].fillna(known["prompt_tokens"] + known["completion_tokens"]).array
    return build(RESPONSES, columns)


def _known(ids: pd.Series, usage: pd.DataFrame | None) -> pd.DataFrame:
    """Return what is known beside the chunks, with an id a row; those without a chunk stand last."""
    usage = pd.DataFrame({"message_id": ids}) if usage is None else usage
    require_columns(usage, ["message_id"])
    twice = usage["message_id"].duplicated()
    if twice.any():
        raise ValueError(f"two rows of usage for message {usage.loc[twice, 'message_id'].iloc[0]}: which one counts?")
    silent = usage["message_id"][~usage["message_id"].isin(ids)]
    every = pd.concat([ids, silent], ignore_index=True) if len(silent) else ids
    by_id = usage.set_index(usage["message_id"].astype("object"))
    given = by_id.reindex(every.astype("object")).reset_index(drop=True)
    known = {
        name: _typed(given[name] if name in given else pd.Series([None] * len(every), dtype="object"), name)
        for name in _BESIDE
    }
    reasons = [None if pd.isna(reason) else reason for reason in known["finish_reason"]]
    # A log of chunks says nothing of its end: a response in it is taken for complete.
    usual = pd.Series([status_of(reason, is_ended=True) for reason in reasons], dtype="str")
    return pd.DataFrame(known | {"message_id": every, "status": known["status"].fillna(usual)})


def _typed(values: pd.Series, name: str) -> pd.Series:
    """Give a column the type that it has in ``responses_df``."""
    dtype = next(column.dtype for column in RESPONSES if column.name == name)
    if dtype == "id":
        return values
    if dtype.startswith("datetime"):
        return pd.to_datetime(values, utc=True).dt.as_unit("us")
    return values.astype(dtype)


def _streams(rows: Arrivals, known: pd.DataFrame) -> Streams:
    """Return the responses as the arithmetic takes them, on a clock that begins with each request."""
    chunks = rows.frame
    counts = np.zeros(len(known), dtype=np.int64)
    counts[: len(rows)] = np.diff(rows.bounds)
    # To the ns: of decimals a difference may be an atom off, and 250 ms is no stall where 250.0000000001 is.
    times_us = (1000 * chunks["offset_ms"].to_numpy(np.float64)).round(3)
    kinds = chunks["kind"] if "kind" in chunks.columns else pd.Series(TEXT, index=chunks.index)
    lasted_us = moments_us(known["completed_at"]) - moments_us(known["started_at"])
    return Streams(
        times_us=Ragged.from_counts(times_us, counts),
        n_chars=_chars(chunks),
        is_text=kinds.eq(TEXT).to_numpy(np.bool_),
        is_reasoning=kinds.eq(REASONING).to_numpy(np.bool_),
        requested_us=np.zeros(len(known)),
        headers_us=1000 * _floats(known["headers_ms"]),
        first_event_us=1000 * _floats(known["first_event_ms"]),
        finished_us=np.full(len(known), np.nan),
        ended_us=np.where(np.isnan(lasted_us), 1000 * _floats(known["e2e_ms"]), lasted_us),
        completion_tokens=_floats(known["completion_tokens"]),
        reasoning_tokens=_floats(known["reasoning_tokens"]),
        is_complete=known["status"].eq("complete").to_numpy(np.bool_),
    )


def _chars(chunks: pd.DataFrame) -> Floats:
    if "n_chars" in chunks.columns:
        return _floats(chunks["n_chars"])
    if "delta" in chunks.columns:
        return _floats(chunks["delta"].str.len().fillna(0))
    return np.zeros(len(chunks))


def _floats(values: pd.Series) -> Floats:
    return values.to_numpy(np.float64, na_value=np.nan)
