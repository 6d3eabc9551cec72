"""One row per response, one row per chunk: the times and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chatkit.frames.build import build, integers
from chatkit.frames.filters import Filters, Moment, check_columns, label_keys
from chatkit.frames.scan import Scan, scan
from chatkit.frames.streams import ChunkRows, chunk_rows, streams
from chatkit.frames.tables import CHUNKS, RESPONSES
from chatkit.timing import Ragged, figures, gaps, is_stall

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pandas as pd

    from chatkit.frames.source import Source

_WHOLE = {"n_chunks", "n_reads", "n_chars"}


def responses_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: str | Iterable[str] = (),
) -> pd.DataFrame:
    """One row per streamed response: its latency and its token usage.

    Args:
        source: a store, its path, a context, a message, or a list of those.
        context_id: only this context or these (an id, a unique beginning of one, a row of a table, a list).
        model: only this model or these.
        since: only responses that started then or later; a time without a zone is UTC.
        until: only responses that started before then.
        columns: only these, in this order.
        labels: keys of the messages' own metadata that become further columns.

    Returns:
        The columns of :data:`chatkit.frames.tables.RESPONSES`, in the order in which contexts were made and
        messages written; durations in ms. What was not recorded is NaN, NaT or NA, never 0.

    Raises:
        FormatError: a path holds no store.
        NotFoundError: no context has this id.
        KeyError: there is no such column.
    """
    wanted = check_columns(columns, RESPONSES, labels := label_keys(labels))
    found = scan(source, Filters.of(context_id, model, since, until, labels))
    frame = frame_of_responses(found, _labels(found, labels))
    return frame if wanted is None else frame[wanted]


def chunks_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: str | Iterable[str] = (),
) -> pd.DataFrame:
    """One row per chunk of a streamed response, as it arrived; takes what :func:`responses_df` takes.

    Returns:
        The columns of :data:`chatkit.frames.tables.CHUNKS`. ``offset_ms`` is NaN where the request's time is not
        known, ``gap_ms`` on the first chunk of each response and where the delta is empty.
    """
    wanted = check_columns(columns, CHUNKS, labels := label_keys(labels))
    found = scan(source, Filters.of(context_id, model, since, until, labels))
    rows = chunk_rows(found)
    of_response = rows.times_us.rows
    known = {
        name: np.asarray(found.responses.get(name, []), dtype=object)[of_response].tolist()
        for name in ("message_id", "context_id")
    }
    extra = {key: [values[row] for row in of_response] for key, values in _labels(found, labels).items()}
    columns_of = found.chunks | known | _chunk_times(found, rows)
    return build(CHUNKS, columns_of, ids=found.ids, labels=extra, wanted=wanted)


def frame_of_responses(found: Scan, labels: Mapping[str, list[Any]] | None = None) -> pd.DataFrame:
    """Return the responses of a scan with their figures."""
    known = {name: _whole(name, values) for name, values in figures(streams(found, chunk_rows(found))).items()}
    return build(RESPONSES, found.responses | known, ids=found.ids, labels=labels)


def _chunk_times(found: Scan, rows: ChunkRows) -> dict[str, Any]:
    """What each chunk's arrival says; an empty delta has a place in time, and counts in nothing."""
    times, of_response, shown = rows.times_us, rows.times_us.rows, rows.is_shown
    counted = streams(found, rows)
    gap_ms, stalled = np.full(len(shown), np.nan), np.zeros(len(shown), dtype=np.bool_)
    between = gaps(counted.times_us)
    between_ms = Ragged(between.values / 1000, between.bounds)
    follows = np.flatnonzero(shown)[_not_first(counted.times_us)]
    gap_ms[follows], stalled[follows] = between_ms.values, is_stall(between_ms)
    chars = np.where(rows.is_text, rows.n_chars, 0).cumsum()
    before = np.concatenate(([0], chars))[times.bounds[:-1]]
    return {
        "offset_ms": (times.values - counted.requested_us[of_response]) / 1000,
        "elapsed_ms": (times.values - counted.times_us.first()[of_response]) / 1000,
        "gap_ms": gap_ms,
        "n_chars": rows.n_chars,
        "accumulated_chars": chars - before[of_response],
        "is_stall": stalled,
    }


def _not_first(times: Ragged) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    inside = np.ones(len(times.values), dtype=np.bool_)
    inside[times.bounds[:-1][times.counts > 0]] = False
    return inside


def _whole(name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Any:
    if name in _WHOLE:
        return values.astype(np.int64)
    if name == "n_stalls":
        return integers(None if np.isnan(value) else int(value) for value in values)
    return values


def _labels(found: Scan, labels: tuple[str, ...]) -> dict[str, list[Any]]:
    return {key: found.response_labels.get(key, []) for key in labels}
