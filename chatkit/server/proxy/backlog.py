"""What the upstream has sent and the client has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Backlog:
    """A queue of pieces with room for so many bytes; one task fills it, another empties it.

    Args:
        most_bytes: beyond that, :meth:`put` waits.

    Attributes:
        has_waited: whether it ever did: then the upstream was held up, and its times are not its own.
    """

    def __init__(self, most_bytes: int) -> None:
        self.has_waited = False
        self._most_bytes = most_bytes
        self._pieces: deque[bytes] = deque()
        self._n_bytes = 0
        self._is_closed = False
        self._error: BaseException | None = None
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()

    async def put(self, piece: bytes) -> None:
        """Add a piece; wait first while there is no room. A piece larger than all the room goes in alone."""
        while self._pieces and self._n_bytes + len(piece) > self._most_bytes:
            self.has_waited = True
            self._emptied.clear()
            await self._emptied.wait()
        self._pieces.append(piece)
        self._n_bytes += len(piece)
        self._filled.set()

    def close(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes; what is there is still handed out, and then ``error`` is raised."""
        self._is_closed, self._error = True, error
        self._filled.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand out all that is there as one piece, again and again: a client that is behind catches up."""
        while True:
            if self._pieces:
                joined = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
                self._pieces.clear()
                self._n_bytes = 0
                self._emptied.set()
                yield joined
            elif self._is_closed:
                if self._error is not None:
                    raise self._error
                return
            else:
                self._filled.clear()
                await self._filled.wait()
