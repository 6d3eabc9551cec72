"""What a report is made of, read once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatkit.errors import NotFoundError
from chatkit.frames import chunks_df, problems_df, responses_df
from chatkit.frames.column import names
from chatkit.frames.source import parts_of
from chatkit.frames.tables import RESPONSES
from chatkit.reports.highlights import Highlight, highlights
from chatkit.reports.overview import overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chatkit.frames.source import Source
    from chatkit.models import Message

DEFAULT_BY = ("model",)


@dataclass(frozen=True, slots=True)
class Material:
    """Tables, what stands out in them, and where it came from.

    Attributes:
        name: the source's, as a heading shows it.
        responses: as of ``responses_df``, with the labels grouped by.
        chunks: as of ``chunks_df``.
        problems: as of ``problems_df``.
        overview: the summary table.
        highlights: the responses to play, each with its message and what was asked.
    """

    name: str
    responses: pd.DataFrame
    chunks: pd.DataFrame
    problems: pd.DataFrame
    overview: pd.DataFrame
    highlights: list[tuple[Highlight, Message, str]]


def read_material(source: Source, by: str | Sequence[str] | None = None) -> Material:
    """Read a source for a report.

    Args:
        source: a store, its path, or whatever else tables are made of.
        by: columns of ``responses_df``, or labels, to group by; the model by default.

    Raises:
        NotFoundError: no response has this label.
    """
    keys = [by] if isinstance(by, str) else list(DEFAULT_BY if by is None else by)
    labels = [key for key in keys if key not in names(RESPONSES)]
    responses = responses_df(source, labels=labels)
    for label in labels:
        if len(responses) and responses[label].isna().all():
            raise NotFoundError(
                f"no response has the label {label!r}: group by a key of the messages' metadata, "
                f"or by a column of responses_df ({', '.join(names(RESPONSES)[:4])}, …)"
            )
    chunks = chunks_df(source)
    return Material(
        name=_name(source),
        responses=responses,
        chunks=chunks,
        problems=problems_df(source),
        overview=overview(responses, chunks, keys),
        highlights=[_with_message(source, highlight) for highlight in highlights(responses)],
    )


def _name(source: Source) -> str:
    stores = parts_of(source).stores
    return ", ".join(store.path.resolve().name for store in stores) or "messages"


def _with_message(source: Source, highlight: Highlight) -> tuple[Highlight, Message, str]:
    """Fetch a highlight's message, and the text of the one it answers."""
    parts = parts_of(source, highlight.context_id)
    for context in parts.contexts:
        message = context.message(highlight.message_id)
        try:
            asked = context.message(message.parent_id).content if message.parent_id else ""
        except NotFoundError:
            asked = ""
        return highlight, message, asked
    return highlight, next(m for m in parts.messages if m.message_id == highlight.message_id), ""
