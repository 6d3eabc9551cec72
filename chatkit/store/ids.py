"""Ids: UUIDs in lower-case canonical form, checked before they reach a path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from chatkit.errors import NotFoundError
from chatkit.models.record import ID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Collection

_ID = re.compile(ID_PATTERN)
_FORM = "00000000-0000-0000-0000-000000000000"
_SHORTEST = 8


def is_id(text: str) -> bool:
    """Whether the text is a whole id."""
    return _ID.match(text) is not None and len(text) == len(_FORM)


def id_text(thing: Any, column: str) -> str:
    """Return the id that is meant: an id or a beginning of one, a row of a table, or a model with that field.

    Raises:
        NotFoundError: nothing in it can be an id.
    """
    if not isinstance(thing, str):
        found = getattr(thing, column, None)
        if found is None:
            raise NotFoundError(f"{thing!r} names no {column}: give an id, or a row with the column {column}")
        thing = str(found)
    if not _begins_id(thing):
        raise NotFoundError(
            f"{thing!r} is no {column}: ids are lower-case UUIDs, of which {_SHORTEST} characters or more can be given"
        )
    return str(thing)


def resolve(beginning: str, ids: Collection[str], noun: str) -> str:
    """Return the one id that begins so.

    Raises:
        NotFoundError: there is none, or there are several.
    """
    if beginning in ids:
        return beginning
    found = sorted(known for known in ids if known.startswith(beginning))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"no {noun} {beginning} among the {len(ids)} of this store")
    raise NotFoundError(f"{len(found)} {noun}s begin with {beginning}: {', '.join(found[:4])}; give more of the id")


def _begins_id(text: str) -> bool:
    return _SHORTEST <= len(text) <= len(_FORM) and is_id(text + _FORM[len(text) :])
