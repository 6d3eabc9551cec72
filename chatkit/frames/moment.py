"""Several tables of one moment: the files are looked at once for all of them."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chatkit.frames.files import Listing
    from chatkit.frames.folder_scan import FolderRows
    from chatkit.frames.segment import Segment


@dataclass(slots=True)
class Seen:
    """A whole place as it was seen in a block.

    Attributes:
        began_ns: when its files were looked at.
        listing: what was there.
        rows: what they say, if all of it was cached.
        segments: where it was cached.
    """

    began_ns: int
    listing: Listing
    rows: FolderRows | None = None
    segments: Sequence[Segment] = ()


_seen: ContextVar[dict[str, Seen] | None] = ContextVar("_seen", default=None)


@contextmanager
def snapshot() -> Iterator[None]:
    """Make tables of one moment in a ``with`` block: what the first sees of a store's files, the others see too.

    That is also faster: looking at each file for a change is most of the work of loading what is cached. A file that
    changes within the block and is not cached yet may be read in its new form; a table of some contexts
    (``context_id=``) looks at their files by itself, unless one of all contexts came before it.

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


def seen(identity: str) -> Seen | None:
    """Return what was seen of a place in this block; None outside of one."""
    return (_seen.get() or {}).get(identity)


def keep(identity: str, found: Seen) -> None:
    """Keep what was seen of a whole place for the rest of the block."""
    known = _seen.get()
    if known is not None:
        known[identity] = found
