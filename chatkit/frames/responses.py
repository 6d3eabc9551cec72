"""One row per response, one row per chunk: the times and what follows from them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from chatkit.frames.build import assemble
from chatkit.frames.column import names
from chatkit.frames.filters import Filters, Moment, check_columns, label_keys
from chatkit.frames.part import CHUNKS as CHUNK_COLUMNS
from chatkit.frames.part import FOR_CHUNKS, TOKENS, Wanted
from chatkit.frames.scan import Scan, scan
from chatkit.frames.tables import CHUNKS, RESPONSES
from chatkit.frames.values import codes, floats, ids, integers, kinds, strings, times, us_of, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    import pandas as pd
    import pyarrow as pa

    from chatkit.frames.scan import Rows
    from chatkit.frames.source import Source

_MAKERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("n_chunks", "n_reads", "n_chars"), whole),
    **dict.fromkeys((*TOKENS, "n_stalls"), integers),
    **dict.fromkeys(("parent_id", "model", "finish_reason", "status"), strings),
}
"""How a column is made; any other is of numbers."""
_TIMES = {"started_at", "completed_at"}
_PLACES = {"turn", "response_index"}


def responses_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: str | Iterable[str] = (),
    cache: bool = True,
) -> pd.DataFrame:
    """One row per streamed response: its latency and its token usage.

    Args:
        source: a store, its path, a context, a message, or a list of those.
        context_id: only this context or these (an id, a unique beginning of one, a row of a table, a list): only
            their files are read.
        model: only this model or these.
        since: only responses that started then or later; a time without a zone is UTC.
        until: only responses that started before then.
        columns: only these, in this order; others are not made.
        labels: keys of the messages' own metadata that become further columns.
        cache: keep what was parsed in the user's cache folder, and take from there what no file has changed since.

    Returns:
        The columns of :data:`chatkit.frames.tables.RESPONSES`, in the order in which contexts were made and
        messages written; durations in ms. What was not recorded is NaN, NaT or NA, never 0.

    Raises:
        FormatError: a path holds no store.
        NotFoundError: no context has this id.
        KeyError: there is no such column.
    """
    wanted = check_columns(columns, RESPONSES, labels := label_keys(labels))
    found = scan(source, Filters.of(context_id, model, since, until), cache=cache)
    rows = found.responses()
    known = rows.known(names(RESPONSES) if wanted is None else dict.fromkeys(wanted))
    made = partial(response_column, found, rows, known)
    return assemble(RESPONSES, made, len(rows.of_message), labels=rows.labels(labels), wanted=wanted)


def chunks_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: str | Iterable[str] = (),
    cache: bool = True,
) -> pd.DataFrame:
    """One row per chunk of a streamed response, as it arrived; takes what :func:`responses_df` takes.

    Returns:
        The columns of :data:`chatkit.frames.tables.CHUNKS`. ``offset_ms`` is NaN where the request's time is not
        known, ``gap_ms`` on the first chunk of each response and where the delta is empty.
    """
    wanted = check_columns(columns, CHUNKS, labels := label_keys(labels))
    keep = Wanted(CHUNK_COLUMNS.keys() if wanted is None else CHUNK_COLUMNS.keys() & set(wanted), FOR_CHUNKS)
    found = scan(source, Filters.of(context_id, model, since, until), keep=keep, cache=cache)
    rows = found.responses()
    counts = rows.messages.counts()
    of_chunks = {key: _repeated(values, counts) for key, values in rows.labels(labels).items()}
    made = partial(_chunk_column, found, rows, counts)
    return assemble(CHUNKS, made, int(counts.sum()), labels=of_chunks, wanted=wanted)


def response_column(found: Scan, rows: Rows, known: pa.Table, name: str) -> Any:
    """Make one column of the table of responses; ``known`` has what the files say of them."""
    if name in _PLACES:
        return integers(rows.places[name])
    if name == "message_id":
        return ids(rows.of_message, found.message_index)
    if name == "context_id":
        return ids(rows.of_context, found.context_index)
    if name in _TIMES:
        return times(us_of(known[name]))
    make: Callable[[Any], Any] = _MAKERS.get(name, floats)
    return make(known[name])


def _repeated(values: list[Any], counts: np.ndarray[Any, Any]) -> list[Any]:
    return [values[row] for row in np.repeat(np.arange(len(counts)), counts)]


def _chunk_column(found: Scan, rows: Rows, counts: np.ndarray[Any, Any], name: str) -> Any:
    """Make one column of the table of chunks."""
    if name == "message_id":
        return ids(np.repeat(codes(rows.of_message, found.message_index), counts), found.message_index)
    if name == "context_id":
        return ids(np.repeat(codes(rows.of_context, found.context_index), counts), found.context_index)
    if name == "kind":
        return kinds(rows.messages.texts(name))
    if name == "delta":
        return strings(rows.messages.texts(name))
    numbers = rows.messages.numbers(name)
    rows.messages.forget(name)
    if name == "timestamp":
        return times(numbers)
    return numbers.view(np.bool_) if name == "is_stall" else numbers
