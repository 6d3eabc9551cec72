"""What one event of a provider's stream says, in one shape for all providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from chatkit.models import Usage

Json = Mapping[str, Any]


class Delta(NamedTuple):
    """A piece of output: which choice it belongs to, its kind, its text."""

    choice: int
    kind: str
    text: str


class Reading(NamedTuple):
    """What one event said; an event that says none of this is empty.

    Attributes:
        deltas: pieces of output, in order; empty text included, it counts in nothing later.
        finished: finish reason of each choice that ended with this event.
        raw_usage: usage as sent; later ones are laid over earlier ones.
        model: the model's name.
        server_timings: what the server measured itself.
        error: what an error event said.
    """

    deltas: tuple[Delta, ...] = ()
    finished: Mapping[int, str] = MappingProxyType({})
    raw_usage: Json | None = None
    model: str | None = None
    server_timings: Json | None = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class EventShape:
    """One provider's event shapes.

    Attributes:
        name: as recordings name it (``openai.chat.completions``).
        recognises: whether an event is of this shape.
        read: what such an event says; None for one that is not known, which is skipped and counted.
        usage: the provider's usage in the one schema.
    """

    name: str
    recognises: Callable[[Json], bool]
    read: Callable[[Json], Reading | None]
    usage: Callable[[Json], Usage]


def count(raw: Json, *keys: str) -> int | None:
    """Return a count of tokens at a path of keys; None where nothing, or no whole number, stands there."""
    found: Any = raw
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def total(*counts: int | None) -> int | None:
    """Return the sum; None where a part is not known."""
    known = [number for number in counts if number is not None]
    return sum(known) if len(known) == len(counts) else None


def text_of(thing: Any, key: str) -> str:
    """Return the text under a key; "" where there is none."""
    found = thing.get(key) if isinstance(thing, dict) else None
    return found if isinstance(found, str) else ""


def place_of(choice: Any, place: int) -> int:
    """Return a choice's ``index``; its place in the list where it does not say."""
    found = count(choice, "index") if isinstance(choice, dict) else None
    return place if found is None else found


def mapping_of(thing: Any, key: str) -> Json:
    """Return the object under a key; an empty one where there is none."""
    found = thing.get(key) if isinstance(thing, dict) else None
    return found if isinstance(found, dict) else {}


def list_of(thing: Any, key: str) -> list[Any]:
    """Return the list under a key; an empty one where there is none."""
    found = thing.get(key) if isinstance(thing, dict) else None
    return found if isinstance(found, list) else []
