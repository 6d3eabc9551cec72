"""One row per context, per message, per problem."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.frames.build import assemble, build
from chatkit.frames.column import names
from chatkit.frames.filters import Filters, Moment, check_columns, label_keys
from chatkit.frames.responses import response_column
from chatkit.frames.scan import Scan, scan, wanted_rows
from chatkit.frames.source import problems_of
from chatkit.frames.tables import CONTEXTS, MESSAGES, PROBLEMS
from chatkit.frames.values import ids, integers, strings, times, us_of, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import pyarrow as pa

    from chatkit.frames.scan import Rows
    from chatkit.frames.source import Source

_SUMS = {"prompt_tokens", "completion_tokens", "median_ttft_ms"}
_TIMES = {"created_at", "updated_at"}
_COUNTS = {"n_messages", "n_responses", "n_branches"}
_IDS = {"message_id", "context_id"}
_MADE_OF = {"n_chars": "text_chars"}
"""Columns of messages that have another name where they are kept: that one is of responses there."""


def contexts_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    cache: bool = True,
) -> pd.DataFrame:
    """One row per context; ``since`` and ``until`` ask for its creation, ``model`` for the one it is set to.

    Takes what :func:`~chatkit.frames.responses.responses_df` takes, but no labels.

    Returns:
        The columns of :data:`chatkit.frames.tables.CONTEXTS`, in the order of creation, unknown last.
    """
    wanted = check_columns(columns, CONTEXTS, ())
    found = scan(source, Filters.of(context_id), cache=cache)
    known = found.contexts
    keep = wanted_rows(Filters.of(model=model, since=since, until=until), known["model"], known["created_at"])
    sums = _sums(found) if wanted is None or set(wanted) & _SUMS else {}
    frame = assemble(CONTEXTS, partial(_context_column, found, sums), len(keep), wanted=wanted)
    return frame if keep.all() else frame[keep].reset_index(drop=True)


def messages_df(
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
    """One row per message, whatever its type; takes what :func:`~chatkit.frames.responses.responses_df` takes.

    ``since`` and ``until`` ask for ``created_at``; with ``model`` only responses remain.

    Returns:
        The columns of :data:`chatkit.frames.tables.MESSAGES`.
    """
    wanted = check_columns(columns, MESSAGES, labels := label_keys(labels))
    found = scan(source, Filters.of(context_id, model, since, until), cache=cache)
    rows = found.messages()
    made_of = {name: _MADE_OF.get(name, name) for name in (names(MESSAGES) if wanted is None else wanted)}
    made = partial(_message_column, found, rows, rows.known(made_of.values()))
    return assemble(MESSAGES, made, len(rows.of_message), labels=rows.labels(labels), wanted=wanted)


def problems_df(source: Source) -> pd.DataFrame:
    """One row per thing that is wrong in the files of the stores and contexts named; every file is read.

    Of a message, which was read already, only what is wrong in itself: times that go back.

    Returns:
        The columns of :data:`chatkit.frames.tables.PROBLEMS`.
    """
    rows = problems_of(source)
    return build(PROBLEMS, {column.name: [getattr(row, column.name) for row in rows] for column in PROBLEMS})


def _context_column(found: Scan, sums: dict[str, Any], name: str) -> Any:
    if name in _SUMS:
        return sums[name]
    column = found.contexts[name]
    if name == "context_id":
        return ids(np.arange(len(column)), found.context_index)
    if name in _TIMES:
        return times(us_of(column))
    return whole(column) if name in _COUNTS else strings(column)


def _message_column(found: Scan, rows: Rows, known: pa.Table, name: str) -> Any:
    if name == "position":
        return integers(rows.places[name])
    if name == "branches":
        return strings(rows.places[name])
    if name in _IDS:
        return response_column(found, rows, known, name)
    column = known[_MADE_OF.get(name, name)]
    if name in _MADE_OF:
        return whole(column)
    if name == "n_chunks":
        return integers(column)
    return times(us_of(column)) if name == "created_at" else strings(column)


def _sums(found: Scan) -> dict[str, Any]:
    """Sum up the responses of each context, in the order of the contexts."""
    rows = found.responses()
    summed = ["prompt_tokens", "completion_tokens", "ttft_ms"]
    known = rows.known(summed)
    responses = pd.DataFrame({name: response_column(found, rows, known, name) for name in summed})
    groups = responses.groupby(rows.of_context)
    of_contexts = np.arange(found.contexts.num_rows)
    sums = groups[summed[:2]].sum(min_count=1).reindex(of_contexts)
    medians = groups["ttft_ms"].median().reindex(of_contexts)
    return {
        "prompt_tokens": sums["prompt_tokens"].array,
        "completion_tokens": sums["completion_tokens"].array,
        "median_ttft_ms": medians.to_numpy(copy=True),
    }
