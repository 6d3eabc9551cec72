"""Where the responses of one request go: the context, and the message that they answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatkit.capture.asking import ask, new_context, store_at
from chatkit.store.begun import begun_response
from chatkit.store.streaming import Stream

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from chatkit.store import Store


class Destination:
    """A context that holds all that the request said.

    Args:
        store: a store, or a path.
        context_id: None for a new context.
        request: in plain JSON types.
        model: as it was asked for.
        title: of a new context.
        labels: metadata of the responses' messages.
        most_chars: longer responses are not kept in memory; None keeps all.

    Attributes:
        context_id: the context, a new one's included.
    """

    def __init__(
        self,
        store: Store | str | os.PathLike[str],
        context_id: Any,
        *,
        request: Mapping[str, Any],
        model: str | None,
        title: str | None,
        labels: dict[str, Any],
        most_chars: int | None = None,
    ) -> None:
        self._store = store_at(store)
        is_new = context_id is None
        context = new_context(self._store, request, model, title) if is_new else self._store.context(context_id)
        self.context_id = context.context_id
        self._model, self._labels, self._most_chars = model, labels, most_chars
        self._parent_id = ask(context, request, datetime.now(UTC))

    def begin(self, started_at: datetime | None = None) -> Stream:
        """Begin a response; ``Stream.sent`` tells later when its request was sent if that is not known yet."""
        begun = begun_response(
            started_at=started_at, model=self._model, parent_id=self._parent_id, metadata=self._labels
        )
        folder = self._store.context(self.context_id).folder()
        return Stream(folder, begun, "second", most_chars=self._most_chars)
