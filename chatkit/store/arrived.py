"""What has come of a response so far, as much of it as is kept in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.models.response import mean_gap_between

if TYPE_CHECKING:
    from chatkit.models import Piece


class Arrived:
    """The pieces of a response; of one that grows too long only how much they are, and their moments.

    Args:
        most_chars: a response longer than this is not kept; None keeps all.

    Attributes:
        pieces: what has come, or nothing.
        n_pieces: how many have.
        last_us: when the last one did, µs since the epoch; 0 before the first.
    """

    def __init__(self, most_chars: int | None) -> None:
        self.pieces: list[Piece] = []
        self.n_pieces = 0
        self.last_us = 0
        self._first_us = 0
        self._n_chars = 0
        self._most_chars = most_chars

    @property
    def is_large(self) -> bool:
        """Whether the response is too long to be kept."""
        return self._most_chars is not None and self._n_chars > self._most_chars

    def add(self, piece: Piece) -> None:
        """Take a piece that came after all others."""
        if not self.n_pieces:
            self._first_us = piece.at_us
        self.n_pieces += 1
        self.last_us = piece.at_us
        self._n_chars += len(piece.delta)
        self.pieces.append(piece)
        if self.is_large:
            self.pieces.clear()

    def mean_gap_ms(self) -> float | None:
        """Return the mean of the gaps; None with fewer than two pieces."""
        return mean_gap_between(self._first_us, self.last_us, self.n_pieces)
