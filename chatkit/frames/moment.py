"""Several tables of one moment: the files are looked at once for all of them."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.frames.files import Listing

_seen: ContextVar[dict[str, tuple[int, Listing]] | None] = ContextVar("_seen", default=None)


@contextmanager
def snapshot() -> Iterator[None]:
    """Make tables of one moment in a ``with`` block: what the first sees of a store's files, the others see too.

    That is also faster: looking at each file for a change is most of the work of loading what is cached. A file that
    changes within the block and is not cached yet may be read in its new form.

    >>> import chatkit as ck
    >>> with ck.snapshot():
    ...     responses, chunks = ck.responses_df("data/store"), ck.chunks_df("data/store")
    >>> bool(responses["n_chunks"].sum() == len(chunks))
    True
    """
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def seen(identity: str) -> tuple[int, Listing] | None:
    """Return when a place was listed in this block, in ns, and what was there; None outside of one."""
    return (_seen.get() or {}).get(identity)


def keep(identity: str, began_ns: int, listing: Listing) -> None:
    """Keep a listing of a whole place for the rest of the block."""
    known = _seen.get()
    if known is not None:
        known[identity] = (began_ns, listing)
