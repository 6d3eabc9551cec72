"""A response that is still arriving, as the player takes it."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

from chatkit.errors import StreamStateError
from chatkit.models.response import TEXT
from chatkit.replay.harmless import Characters
from chatkit.timing import StallRule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatkit.models import Message, Piece

_FRAME_S = 1 / 30
"""So often is looked for new pieces: what came in between goes to the browser together."""
_TAIL_BYTES = 16_384
"""When what came since the last whole lane is more than this, the whole lane is sent anew."""
_US_PER_MS = 1000


class LiveSource(Protocol):
    """A response being recorded, such as ``ck.record`` gives.

    Before it begins all but ``is_finished`` may raise StreamStateError.
    """

    @property
    def message_id(self) -> str:
        """The id of the message it will be."""

    @property
    def pieces(self) -> Sequence[Piece]:
        """What has come so far; it grows while it is read."""

    @property
    def started_at_us(self) -> int:
        """The request was sent, µs since the epoch."""

    @property
    def is_finished(self) -> bool:
        """Whether :attr:`message` can be had."""

    @property
    def message(self) -> Message:
        """The stored response."""


def is_live(thing: Any) -> TypeGuard[LiveSource]:
    """Whether this is a live response. Asks its class: some properties can't be read before its end."""
    return all(hasattr(type(thing), name) for name in ("message_id", "pieces", "started_at_us", "is_finished"))


class Growth:
    """What has come of a live response, in the form the browser takes: a whole lane, and a tail since then.

    The two together are always all that came, so a view that begins late, or misses an update, is right with the
    next one; and the whole is sent seldom.
    """

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self._characters = Characters()
        self._arrivals_ms: list[float] = []
        self._texts: list[str] = []
        self._ends: list[int] = []
        self._n_whole = 0

    @property
    def count(self) -> int:
        """How many chunks have been taken in."""
        return len(self._arrivals_ms)

    @property
    def message_id(self) -> str | None:
        """The id of the message it will be; None before it begins."""
        try:
            return self.source.message_id
        except StreamStateError:
            return None

    def take(self) -> bool:
        """Take in what is new; whether anything is."""
        pieces = self.source.pieces
        new = [pieces[index] for index in range(self.count, len(pieces))]
        for piece in new:
            text = self._characters.of(piece.delta) if piece.kind == TEXT else ""
            last_ms = self._arrivals_ms[-1] if self._arrivals_ms else 0.0
            self._arrivals_ms.append(max(last_ms, (piece.at_us - self.source.started_at_us) / _US_PER_MS))
            self._texts.append(text)
            self._ends.append((self._ends[-1] if self._ends else 0) + len(text.encode("utf-16-le")) // 2)
        return bool(new)

    def is_tail_long(self) -> bool:
        """Whether it is time for :meth:`whole`."""
        n_new = self.count - self._n_whole
        return n_new * 12 + sum(len(text) for text in self._texts[self._n_whole :]) > _TAIL_BYTES

    def whole(self) -> dict[str, Any]:
        """Return all that came, as a lane; :meth:`tail` counts from here."""
        self._n_whole = self.count
        return {"name": f"live {(self.message_id or '')[:8]}".strip(), **self._since(0)}

    def tail(self, now_us: int) -> dict[str, Any]:
        """Return what came since, and where the stream stands now."""
        elapsed_ms = max(0.0, (now_us - self.source.started_at_us) / _US_PER_MS)
        return {"elapsed_ms": elapsed_ms, "stall_after_ms": self._stall_after_ms(), **self._since(self._n_whole)}

    def _since(self, start: int) -> dict[str, Any]:
        return {
            "text": "".join(self._texts[start:]),
            "arrivals_ms": np.array(self._arrivals_ms[start:], dtype="<f8").tobytes(),
            "chunk_ends": np.array(self._ends[start:], dtype="<u4").tobytes(),
        }

    def _stall_after_ms(self) -> float:
        """How long the next chunk may take before the wait for it is a stall."""
        rule, gaps = StallRule(), np.diff(self._arrivals_ms)
        return max(rule.floor_ms, rule.factor * float(np.median(gaps)) if len(gaps) else 0.0)


class Follower:
    """Looks at a live response once a frame, in a thread of its own, until it ends or is told to stop."""

    def __init__(self, look: Callable[[], bool]) -> None:
        """Call ``look`` once a frame until it returns False."""
        self._look = look
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="chatkit live player", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is being taken."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set() and self._look():
            self._stopped.wait(_FRAME_S)
