"""Stalls: one row each, with the text around it and what caused it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.metrics.arrivals import Arrivals
from chatkit.metrics.columns import require_columns
from chatkit.metrics.moments import moments_us
from chatkit.metrics.stall_causes import Waits
from chatkit.timing import Ragged, StallRule, is_stall
from chatkit.timing.stalls import medians_of_others

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AROUND = 40
"""Characters of text shown on each side of a stall: half a line, enough to find the place."""
_SIDES = ("before", "after")


def stalls(
    chunks: pd.DataFrame,
    responses: pd.DataFrame | None = None,
    *,
    floor_ms: float = 250.0,
    factor: float = 5.0,
) -> pd.DataFrame:
    """List the stalls: gaps longer than ``max(floor_ms, factor * median of the response's other gaps)``.

    With fewer than four other gaps only the floor counts. Given the responses, the silence between the last
    chunk and the end of the stream (``tail_ms``) is held against the same limit.

    Args:
        chunks: ``message_id``, ``sequence``, ``gap_ms`` (or arrival times, ``elapsed_ms`` or ``offset_ms``);
            ``offset_ms``, ``delta`` and ``timestamp`` where known. Chunks with an empty delta count for nothing.
        responses: ``message_id``, ``started_at`` and ``ttft_ms`` name causes; ``tail_ms`` finds silent ends.
        floor_ms: no shorter gap is a stall.
        factor: how many times the median a stall is at least.

    Returns:
        One row per stall, responses in the order of their first chunk, then by time:

        * ``message_id``; ``sequence`` of the chunk that ended the stall, NA for a silent end;
        * ``start_ms``: when the chunk before it came, since the request was sent (NaN where that is not known);
        * ``gap_ms``: how long it lasted;
        * ``times_median``: that over the median of the response's other gaps (NaN without one, or if it is 0);
        * ``before``, ``after``: up to 40 characters on each side, as received; NA in a frame without text;
        * ``episode``: counted from 1; stalls with at most one chunk between them are one freeze;
        * ``cause_message_id``, given responses: the one whose wait for its first chunk (``started_at`` to
          ``started_at + ttft_ms``, or to its end if none came) overlaps the stall longest; NA where none does.

    Raises:
        KeyError: a column is missing.
        ValueError: ``floor_ms`` or ``factor`` is below 0.

    >>> chunks = pd.DataFrame({"message_id": "m", "sequence": range(1, 8), "delta": list("a stall"),
    ...                        "offset_ms": [100.0, 110.0, 120.0, 130.0, 140.0, 840.0, 850.0]})
    >>> stalls(chunks)[["sequence", "start_ms", "gap_ms", "times_median", "before", "after"]]
       sequence  start_ms  gap_ms  times_median before after
    0         6     140.0   700.0          70.0  a sta    ll
    """
    rows, rule = Arrivals.of(chunks), StallRule(floor_ms, factor)
    found = _between_chunks(rows, rule)
    if responses is not None:
        found = pd.concat([found, _silent_ends(rows, responses, rule)], ignore_index=True)
        found = found.sort_values(["row", "place"], kind="stable", ignore_index=True)
    table = pd.DataFrame(
        {
            "message_id": rows.message_ids.iloc[found["row"]].reset_index(drop=True),
            "sequence": _sequences(rows, found),
            "start_ms": _starts_ms(rows, found),
            "gap_ms": found["gap_ms"],
            "times_median": found["gap_ms"] / found["median_ms"].where(found["median_ms"] > 0),
            **_text_around(rows, found),
            "episode": _episodes(found),
        }
    )
    if responses is not None:
        ends_us = _ends_us(rows, found)
        starts_us = ends_us - 1000 * found["gap_ms"].to_numpy(np.float64)
        table["cause_message_id"] = Waits.of(responses).longest_overlap(starts_us, ends_us)
    return table


# In what follows a stall found is a row of: `row`, the number of the response among the rows; `place`, the
# number of the chunk that ended it within that response (for a silent end: the number of chunks, one past
# the last); `gap_ms`; and `median_ms`, of the other gaps.


def _between_chunks(rows: Arrivals, rule: StallRule) -> pd.DataFrame:
    gaps = rows.gaps_ms()
    ended = rows.ended_stall(rule)
    at = np.flatnonzero(ended)
    row = rows.numbers[at]
    asked = np.isin(np.arange(len(rows)), row)[rows.numbers] & ~np.isnan(gaps.values)  # medians of these responses only
    return pd.DataFrame(
        {
            "row": row,
            "place": at - rows.bounds[row],
            "gap_ms": gaps.where(ended).values,  # noqa: PD011 - a Ragged's, not a Series'
            "median_ms": medians_of_others(gaps.where(asked))[ended[asked]],
        }
    )


def _silent_ends(rows: Arrivals, responses: pd.DataFrame, rule: StallRule) -> pd.DataFrame:
    """Ends of responses that last longer than a gap may: asked as if each tail were one more gap."""
    require_columns(responses, ["message_id", "tail_ms"])
    own = responses.drop_duplicates("message_id")
    # As objects: categories of one store do not hold the ids of another.
    tails = own["tail_ms"].set_axis(own["message_id"].astype("object"))
    tail_ms = tails.reindex(rows.message_ids.astype("object")).to_numpy(np.float64, na_value=np.nan)
    is_long = tail_ms > rule.floor_ms  # a shorter one is no stall, whatever the pace: nothing more is asked of it
    tail_ms = np.where(is_long, tail_ms, np.nan)
    gaps = rows.gaps_ms()
    between = gaps.where(~np.isnan(gaps.values) & is_long[rows.numbers])
    with_tail = Ragged.from_counts(np.insert(between.values, between.bounds[1:], tail_ms), between.counts + 1)
    last = with_tail.bounds[1:] - 1
    # An unknown tail is NaN: it is longer than no limit, and other rows do not see it.
    hot = np.flatnonzero(is_stall(with_tail, rule)[last])
    median = medians_of_others(with_tail)[last]
    counts = np.diff(rows.bounds)
    return pd.DataFrame({"row": hot, "place": counts[hot], "gap_ms": tail_ms[hot], "median_ms": median[hot]})


def _positions(rows: Arrivals, found: pd.DataFrame) -> NDArray[np.int64]:
    """Position in the frame of the chunk that ended each stall; for a silent end, one past the response."""
    position: NDArray[np.int64] = rows.bounds[found["row"]] + found["place"].to_numpy(np.int64)
    return position


def _is_silent_end(rows: Arrivals, found: pd.DataFrame) -> NDArray[np.bool_]:
    silent: NDArray[np.bool_] = _positions(rows, found) == rows.bounds[found["row"] + 1]
    return silent


def _sequences(rows: Arrivals, found: pd.DataFrame) -> pd.Series:
    silent = _is_silent_end(rows, found)
    last = np.where(silent, 0, _positions(rows, found))
    sequence = pd.Series(rows.frame["sequence"].to_numpy(np.int64)[last], dtype="Int64")
    return sequence.mask(silent)


def _starts_ms(rows: Arrivals, found: pd.DataFrame) -> NDArray[np.float64]:
    """When the chunk before the stall came, since the request; NaN where the request is not known."""
    if "offset_ms" not in rows.frame.columns:
        return np.full(len(found), np.nan)
    offset = rows.ragged("offset_ms").values  # noqa: PD011 - a Ragged's, not a Series'
    silent, ended_by = _is_silent_end(rows, found), _positions(rows, found)
    gap = np.where(silent, 0.0, found["gap_ms"])
    start: NDArray[np.float64] = offset[ended_by - silent] - gap
    return start


def _text_around(rows: Arrivals, found: pd.DataFrame) -> dict[str, pd.Series]:
    """The text shown before each stall, and what came after it."""
    if "delta" not in rows.frame.columns:
        return dict.fromkeys(_SIDES, pd.Series(pd.NA, index=found.index, dtype="str"))
    row, here = found["row"].to_numpy(np.int64), _positions(rows, found)
    # A delta has at least one character, so this many chunks on each side are enough.
    start, stop = np.maximum(rows.bounds[row], here - _AROUND), np.minimum(rows.bounds[row + 1], here + _AROUND)
    near = np.unique(np.concatenate([np.arange(0), *map(np.arange, start, stop)]))
    deltas = rows.frame["delta"].iloc[near].astype("object").fillna("").tolist()
    places = zip(*(np.searchsorted(near, at).tolist() for at in (start, here, stop)), strict=True)
    around = [("".join(deltas[a:b])[-_AROUND:], "".join(deltas[b:c])[:_AROUND]) for a, b, c in places]
    return {name: pd.Series([texts[side] for texts in around], dtype="str") for side, name in enumerate(_SIDES)}


def _episodes(found: pd.DataFrame) -> pd.Series:
    """Number the freezes: a stall belongs to the one before if they have at most one chunk between them."""
    new = found["row"].ne(found["row"].shift()) | found["place"].diff().gt(1)
    return new.cumsum().astype("int64")


def _ends_us(rows: Arrivals, found: pd.DataFrame) -> NDArray[np.float64]:
    """When each stall was over, in µs since the epoch; NaN where chunks have no moment."""
    if "timestamp" not in rows.frame.columns:
        return np.full(len(found), np.nan)
    silent, ended_by = _is_silent_end(rows, found), _positions(rows, found)
    stamped_us = moments_us(rows.frame["timestamp"].iloc[ended_by - silent])
    ends_us: NDArray[np.float64] = stamped_us + np.where(silent, 1000 * found["gap_ms"], 0.0)
    return ends_us
