"""What the upstream has sent and the client has not taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MOST_JOINED_BYTES = 256 * 1024


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
        """Hand out what is there, small pieces as one: a client that is behind catches up."""
        while True:
            if self._pieces:
                yield self._take()
            elif self._is_closed:
                if self._error is not None:
                    raise self._error
                return
            else:
                self._filled.clear()
                await self._filled.wait()

    def _take(self) -> bytes:
        """Return the next pieces as one: copying a whole long queue would take its memory twice."""
        taken = [self._pieces.popleft()]
        n_bytes = len(taken[0])
        while self._pieces and n_bytes + len(self._pieces[0]) <= _MOST_JOINED_BYTES:
            taken.append(self._pieces.popleft())
            n_bytes += len(taken[-1])
        self._n_bytes -= n_bytes
        self._emptied.set()
        return taken[0] if len(taken) == 1 else b"".join(taken)
