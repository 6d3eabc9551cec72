"""The file of a message whose text and chunks are not in memory: written in parts, the same to the byte."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from uuid import uuid4

from chatkit.models.response import TEXT, chunks_of
from chatkit.models.text import join
from chatkit.store.json_files import dump, dump_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chatkit.models import Message, Piece, Response

_Part = TypeVar("_Part", str, bytes)
_PART_SIZE = 1 << 20
_HIGH_HALVES = ("\ud800", "\udbff")


class LargePieces(NamedTuple):
    """What came of a response that is not kept in memory.

    Attributes:
        n_pieces: how many there are; none of them is empty.
        mean_gap_ms: the mean of the gaps; None with fewer than two.
        read: gives them in order, as often as it is called.
    """

    n_pieces: int
    mean_gap_ms: float | None
    read: Callable[[], Iterator[Piece]]


def parts_of(message: Message, response: Response, pieces: LargePieces) -> Iterator[bytes]:
    """Yield the file of a message in parts of about a megabyte.

    Args:
        message: it.
        response: its response, without text or chunks.
        pieces: those; read twice.
    """
    mark = uuid4().hex
    metadata = response.metadata.model_copy(update={"average_chunk_interval_ms": pieces.mean_gap_ms})
    marked = response.model_copy(update={"content": mark, "chunks": (), "metadata": metadata})
    data = dump(message.model_copy(update={"streaming_response": marked}))
    head, tail = data.split(b'"%s","chunks":[]' % mark.encode())
    content = _escaped(piece.delta for piece in pieces.read() if piece.kind == TEXT)
    parts = chain([head, b'"'], content, [b'","chunks":['], _chunks(pieces.read()), [b"]", tail])
    return map(b"".join, _gathered(parts))


def _escaped(deltas: Iterable[str]) -> Iterator[bytes]:
    """Yield a text that came in pieces as it stands between quotes; no character is cut in two."""
    for several in _gathered(deltas, may_end=lambda delta: not _HIGH_HALVES[0] <= delta[-1:] <= _HIGH_HALVES[1]):
        yield dump_json(join(several))[1:-2]


def _chunks(pieces: Iterable[Piece]) -> Iterator[bytes]:
    for chunk in chunks_of(pieces):
        yield (b"," if chunk.sequence > 1 else b"") + dump(chunk)[:-1]


def _gathered(parts: Iterable[_Part], *, may_end: Callable[[_Part], bool] = lambda _: True) -> Iterator[list[_Part]]:
    """Yield parts by about a megabyte; ``may_end`` says after which of them."""
    held: list[_Part] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > _PART_SIZE and may_end(part):
            yield held
            held, size = [], 0
    yield held
