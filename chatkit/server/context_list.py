"""Pages of contexts, the newest first: each page reads only its own contexts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.models.record import ID_PATTERN
from chatkit.server.problems import ProblemError
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from chatkit.store import Context, Store

CURSOR_PATTERN = rf"^-?[0-9]{{1,18}}_{ID_PATTERN[1:]}"
_UNKNOWN_US = -(10**17)  # of unknown time come last; far before the year 1

Key = tuple[int, str]
"""When a context was made, in µs since the epoch, and its id."""


@dataclass(frozen=True)
class Page:
    """Some contexts, and where to go on; None at the end."""

    contexts: list[Context]
    next_cursor: str | None


@dataclass
class ContextList:
    """The order of a store's contexts. A context's creation never changes, so it is read once.

    Args:
        store: whose contexts.
    """

    store: Store
    _created_us: dict[str, int] = field(default_factory=dict)

    def page(self, limit: int, cursor: str | None = None) -> Page:
        """Return the next ``limit`` contexts after a cursor."""
        contexts = self.store.contexts_by_id()
        with self.store.one_warning():
            keys = sorted(((self._creation_us(context), name) for name, context in contexts.items()), reverse=True)
        if cursor is not None:
            after = _key(cursor)
            keys = [key for key in keys if key < after]
        chosen = keys[:limit]
        next_cursor = f"{chosen[-1][0]}_{chosen[-1][1]}" if len(keys) > limit else None
        return Page([contexts[name] for _, name in chosen], next_cursor)

    def _creation_us(self, context: Context) -> int:
        known = self._created_us.get(context.context_id)
        if known is not None:
            return known
        try:
            created_at = context.metadata.created_at
        except (CorruptFileError, FileNotFoundError):
            return _UNKNOWN_US
        found = _UNKNOWN_US if created_at is None else to_us(created_at)
        return self._created_us.setdefault(context.context_id, found)


def _key(cursor: str) -> Key:
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{cursor!r} is no cursor: send a page's next_cursor")
    created_us, context_id = cursor.split("_")
    return int(created_us), context_id


def described(context: Context) -> dict[str, Any]:
    """Return what is told of a context: its state and the content of its metadata."""
    return {
        "context_id": context.context_id,
        "current_state": context.current_state,
        "metadata": context.metadata.to_dict(),
    }
