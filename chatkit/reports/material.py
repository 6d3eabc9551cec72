"""What a report is made of, read once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from chatkit.errors import NotFoundError
from chatkit.frames import chunks_df, problems_df, responses_df
from chatkit.frames.column import names
from chatkit.frames.source import parts_of
from chatkit.frames.tables import RESPONSES
from chatkit.metrics import explain
from chatkit.reports.highlights import Highlight, highlights
from chatkit.reports.overview import STORE, overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.frames.source import Source
    from chatkit.models import Message

DEFAULT_BY = ("model",)


@dataclass(frozen=True, slots=True)
class Played:
    """A response that the report plays: why, the message, what was asked, and where its time went."""

    highlight: Highlight
    message: Message
    asked: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Material:
    """Tables, what stands out in them, and where it came from.

    Attributes:
        name: the source's, as a heading shows it.
        by: the columns to group by.
        responses: as of ``responses_df``, with the labels grouped by.
        chunks: as of ``chunks_df``.
        problems: as of ``problems_df``.
        overview: the summary table.
        played: the responses to play.
    """

    name: str
    by: list[str]
    responses: pd.DataFrame
    chunks: pd.DataFrame
    problems: pd.DataFrame
    overview: pd.DataFrame
    played: list[Played]


def read_material(
    source: Source, by: str | Sequence[str] | None = None, *, compare_with: Source | None = None
) -> Material:
    """Read a source for a report.

    Args:
        source: a store, its path, or whatever else tables are made of.
        by: columns of ``responses_df``, or labels, to group by; the model by default, or the store where two
            are compared.
        compare_with: a second store, to compare the first with.

    Raises:
        NotFoundError: no response has this label.
    """
    given = [source] if compare_with is None else [source, compare_with]
    sources: list[Source] = [list(single) if isinstance(single, Iterator) else single for single in given]
    called = _names(sources)
    usual = DEFAULT_BY if compare_with is None else (STORE,)
    keys = [by] if isinstance(by, str) else list(usual if by is None else by)
    labels = [key for key in keys if key not in names(RESPONSES) and not (key == STORE and compare_with is not None)]
    responses = _responses(sources, called, labels)
    for label in labels:
        if len(responses) and responses[label].isna().all():
            raise NotFoundError(
                f"no response has the label {label!r}: group by a key of the messages' metadata, "
                f"or by a column of responses_df ({', '.join(names(RESPONSES)[:4])}, …)"
            )
    chunks = _chunks(sources)
    return Material(
        name=" and ".join(called),
        by=keys,
        responses=responses,
        chunks=chunks,
        problems=problems_df(sources),
        overview=overview(responses, chunks, keys),
        played=[_played(sources, highlight, responses) for highlight in highlights(responses)],
    )


def _responses(sources: list[Source], called: list[str], labels: list[str]) -> pd.DataFrame:
    """Read the responses of one source, or of two with the column that tells them apart, the first one first."""
    if len(sources) == 1:
        return responses_df(sources[0], labels=labels)
    frames = [
        responses_df(single, labels=labels).assign(**{STORE: name})
        for single, name in zip(sources, called, strict=True)
    ]
    return pd.concat(frames, ignore_index=True).astype({STORE: pd.CategoricalDtype(called)})


def _chunks(sources: list[Source]) -> pd.DataFrame:
    """Read the chunks of one source, or of two: a context may be in both, and have gone on in one of them."""
    if len(sources) == 1:
        return chunks_df(sources[0])
    every = pd.concat([chunks_df(single) for single in sources], ignore_index=True)
    return every.drop_duplicates(["message_id", "sequence"], ignore_index=True)


def _names(sources: list[Source]) -> list[str]:
    """Return what each source is called: its folder, with as many of those above it as tell two apart."""
    stores = [[store.path.resolve() for store in parts_of(source).stores] for source in sources]
    deepest = max((len(path.parts) for paths in stores for path in paths), default=1)
    for depth in range(1, deepest + 1):
        names = [", ".join("/".join(path.parts[-depth:]) for path in paths) or "messages" for paths in stores]
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({number})" for number, name in enumerate(names, start=1)]


def _played(sources: list[Source], highlight: Highlight, responses: pd.DataFrame) -> Played:
    """Fetch a highlight's message, and the text of the one it answers."""
    message, asked = _message(sources, highlight)
    return Played(highlight, message, asked, explain(message, responses).sentence)


def _message(sources: list[Source], highlight: Highlight) -> tuple[Message, str]:
    """Find a response in the first source that has it; the text that it answers is not known of a message by itself."""
    every = [parts_of(source) for source in sources]
    for context in (context for parts in every for context in parts.contexts):
        if context.context_id == highlight.context_id and highlight.message_id in context.message_ids:
            message = context.message(highlight.message_id)
            try:
                return message, context.message(message.parent_id).content if message.parent_id else ""
            except NotFoundError:
                return message, ""
    alone = (message for parts in every for message in parts.messages)
    return next(message for message in alone if message.message_id == highlight.message_id), ""
