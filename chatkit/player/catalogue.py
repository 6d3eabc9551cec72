"""What a store holds, as an explorer lists it: contexts that match a filter, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from chatkit.frames import responses_df
from chatkit.frames.tables import RESPONSES
from chatkit.models.one_line import one_line
from chatkit.models.summary import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chatkit.models import Message
    from chatkit.store import Context, Store

_LOOKED_AT = 20
"""In so many contexts, and so many messages of each, is looked for the names of labels; others can be given by name."""
_USUAL = "scenario"
"""The label that is offered first where there is one."""
_MOST_VALUES = 50
"""A label with more values than this is no choice."""
_TITLE_CHARS = 60
_WORDS_CHARS = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which responses are asked for; None and False ask for nothing."""

    model: str | None = None
    label: str | None = None
    value: Any = None
    has_stalls: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The contexts of a store and the table of its responses, read once.

    Attributes:
        contexts: in the order of their creation.
        responses: a row a response, with the labels as columns.
        labels: names of the labels that can be chosen by.
    """

    contexts: tuple[Context, ...]
    responses: pd.DataFrame
    labels: tuple[str, ...]

    @classmethod
    def of(cls, store: Store, contexts: tuple[Context, ...], labels: Sequence[str] | None = None) -> Catalogue:
        """Read the table of a store's responses.

        Args:
            store: which.
            contexts: all of it.
            labels: keys of the messages' own metadata; by default those that the first contexts use.
        """
        named = _label_names(contexts) if labels is None else tuple(labels)
        responses = responses_df(store, labels=named)
        choosable = tuple(name for name in named if 0 < _n_values(responses[name]) <= _MOST_VALUES)
        return cls(contexts, responses, named if labels is not None else choosable)

    @property
    def models(self) -> list[str]:
        """Names of the models, in order."""
        return sorted(self.responses["model"].dropna().unique())

    def values_of(self, label: str) -> list[Any]:
        """Values of a label, in order."""
        return sorted(self.responses[label].dropna().unique().tolist(), key=str)

    def matching(self, wanted: Wanted) -> pd.DataFrame:
        """Return the responses that are asked for."""
        found = self.responses
        if wanted.model is not None:
            found = found[found["model"] == wanted.model]
        if wanted.label is not None and wanted.value is not None:
            found = found[found[wanted.label] == wanted.value]
        if wanted.has_stalls:
            found = found[found["n_stalls"].fillna(0) > 0]
        return found

    def contexts_with(self, wanted: Wanted) -> list[Context]:
        """Return the contexts that hold a response that is asked for; all of them if nothing is."""
        if wanted == Wanted():
            return list(self.contexts)
        ids = set(self.matching(wanted)["context_id"])
        return [context for context in self.contexts if context.context_id in ids]


def title_of(context: Context) -> str:
    """Return a context's title on one line, or the beginning of its id, and when it was made: titles repeat."""
    title = one_line(context.title or "", _TITLE_CHARS) or context.context_id[:8]
    made = context.metadata.created_at
    return title if made is None else f"{title} · {made:%Y-%m-%d %H:%M}"


def line_of(message: Message) -> str:
    """Return a message on one line: who, what its response took, and its first words."""
    words = one_line(message.content, _WORDS_CHARS)
    response = message.streaming_response
    if response is None:
        return f"{message.role}: {words}"
    took = [duration_text(response.duration_ms), f"TTFT {duration_text(response.figures['ttft_ms'])}"]
    n_stalls = len(response.stalls)
    if n_stalls:
        took.append(f"{n_stalls} stall" + "s" * (n_stalls != 1))
    return f"{', '.join(took)}: {words}"


def _label_names(contexts: Sequence[Context]) -> tuple[str, ...]:
    taken = {column.name for column in RESPONSES}
    found: dict[str, None] = {}
    for context in islice(contexts, _LOOKED_AT):
        for message in context.messages(0, _LOOKED_AT):
            if message.streaming_response is not None:
                found |= dict.fromkeys(
                    name for name, value in message.metadata.items() if isinstance(value, str | int | bool)
                )
    return tuple(sorted((name for name in found if name not in taken), key=lambda name: name != _USUAL))


def _n_values(column: pd.Series[Any]) -> int:
    return int(column.dropna().nunique())
