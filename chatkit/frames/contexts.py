"""One row per context, per message, per problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.frames.build import build
from chatkit.frames.filters import Filters, Moment, check_columns, label_keys
from chatkit.frames.responses import frame_of_responses
from chatkit.frames.scan import Scan, scan
from chatkit.frames.source import problems_of
from chatkit.frames.tables import CONTEXTS, MESSAGES, PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chatkit.frames.source import Source

_PREVIEW_CHARS = 60


def contexts_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
) -> pd.DataFrame:
    """One row per context; ``since`` and ``until`` ask for its creation, ``model`` for the one it is set to.

    Takes what :func:`~chatkit.frames.responses.responses_df` takes, but no labels.

    Returns:
        The columns of :data:`chatkit.frames.tables.CONTEXTS`, in the order of creation, unknown last.
    """
    wanted = check_columns(columns, CONTEXTS, ())
    found = scan(source, Filters.of(context_id))
    frame = build(CONTEXTS, found.contexts | _sums(found), ids=found.ids)
    filters = Filters.of(model=model, since=since, until=until)
    keep = [
        filters.wants_model(model) and filters.wants_time(None if moment is pd.NaT else moment)
        for model, moment in zip(found.contexts.get("model", []), frame["created_at"], strict=True)
    ]
    frame = frame[np.array(keep, dtype=np.bool_)].reset_index(drop=True)
    return frame if wanted is None else frame[wanted]


def messages_df(
    source: Source,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: str | Iterable[str] = (),
) -> pd.DataFrame:
    """One row per message, whatever its type; takes what :func:`~chatkit.frames.responses.responses_df` takes.

    ``since`` and ``until`` ask for ``created_at``; with ``model`` only responses remain.

    Returns:
        The columns of :data:`chatkit.frames.tables.MESSAGES`.
    """
    wanted = check_columns(columns, MESSAGES, labels := label_keys(labels))
    found = scan(source, Filters.of(context_id, model, since, until, labels))
    contents = found.messages.get("content", [])
    known = {"n_chars": [len(content) for content in contents], "preview": [_preview(content) for content in contents]}
    chosen = {key: found.message_labels.get(key, []) for key in labels}
    return build(MESSAGES, found.messages | known, ids=found.ids, labels=chosen, wanted=wanted)


def problems_df(source: Source) -> pd.DataFrame:
    """One row per thing that is wrong in the files of the stores and contexts named; every file is read.

    Of a message, which was read already, only what is wrong in itself: times that go back.

    Returns:
        The columns of :data:`chatkit.frames.tables.PROBLEMS`.
    """
    rows = problems_of(source)
    return build(PROBLEMS, {column.name: [getattr(row, column.name) for row in rows] for column in PROBLEMS})


def _sums(found: Scan) -> dict[str, Any]:
    """Sum up the responses of each context, in the order of the contexts."""
    responses = frame_of_responses(found)
    groups = responses.groupby("context_id", observed=False)
    of_contexts = found.contexts.get("context_id", [])
    sums = groups[["prompt_tokens", "completion_tokens"]].sum(min_count=1).reindex(of_contexts)
    medians = groups["ttft_ms"].median().reindex(of_contexts)
    return {
        "prompt_tokens": sums["prompt_tokens"].array,
        "completion_tokens": sums["completion_tokens"].array,
        "median_ttft_ms": medians.to_numpy(),
    }


def _preview(content: str) -> str:
    line = " ".join(content[: 4 * _PREVIEW_CHARS].split())
    return line if len(line) <= _PREVIEW_CHARS else f"{line[: _PREVIEW_CHARS - 1]}…"
