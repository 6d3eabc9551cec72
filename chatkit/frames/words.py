"""Many places of one text looked at together: eight bytes are one number, and numpy does the rest.

References: D. Lemire, "Quickly parsing eight digits" (2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]

MOST_BYTES = 248
"""Of what is looked for at a place."""
_WORD = 8
_BLOCK = 1 << 20
"""Bytes that are looked over at a time: that takes a byte of memory for each of them."""
_PAD = bytes(MOST_BYTES + _WORD)
"""Past the end, so that nothing that begins before it goes beyond."""
_MOST_DIGITS = _WORD - 1
_ZEROS, _SIXES = np.uint64(0x3030303030303030), np.uint64(0x0606060606060606)
_UPPER, _LOWEST = np.uint64(0xF0F0F0F0F0F0F0F0), np.uint64(0xFF)
"""Eight digits "0"; what lifts characters past "9" out of the upper halves of bytes; those halves; the first byte."""
_EXPONENT, _BIAS = 52, 1023
"""Where a float has its exponent, and what that is for 1.0."""


class Pattern:
    """Bytes to look for; what stands in the gap among them is free.

    Args:
        before: bytes.
        gap: free bytes behind them.
        after: bytes behind those.
    """

    def __init__(self, before: bytes, gap: int = 0, after: bytes = b"") -> None:
        self.size = len(before) + gap + len(after)
        self.n_words = -(-self.size // _WORD)
        rest = bytes(self.n_words * _WORD - self.size)
        self.wanted = np.frombuffer(before + bytes(gap) + after + rest, dtype=np.uint64)
        mask = b"\xff" * len(before) + bytes(gap) + b"\xff" * len(after) + rest
        self.mask = np.frombuffer(mask, dtype=np.uint64)


class Numerals(NamedTuple):
    """Whole numbers as JSON writes them, of one to seven digits.

    Attributes:
        start: where each begins.
        end: where it ends.
        is_one: whether there is such a number at all; the other figures mean nothing where there is none.
        words: their digits, the last one in the uppermost byte, with zeros before.
    """

    start: Integers
    end: Integers
    is_one: Booleans
    words: NDArray[np.uint64]

    def values(self) -> Integers:
        """Return the numbers."""
        pairs = (self.words * 10 + (self.words >> 8)) & np.uint64(0x00FF00FF00FF00FF)
        fours = (pairs * 100 + (pairs >> 16)) & np.uint64(0x0000FFFF0000FFFF)
        return ((fours * 10_000 + (fours >> 32)) & np.uint64(0xFFFFFFFF)).astype(np.int64)


class Words:
    """A text whose bytes are looked at in many places at once; a place before its beginning is taken as that.

    Args:
        pieces: what it is put together of.
    """

    def __init__(self, *pieces: bytes) -> None:
        self.data = b"".join((*pieces, _PAD))

    def places_of(self, sign: str) -> Integers:
        """Return where an ASCII character is."""
        data, wanted = np.frombuffer(self.data, dtype=np.uint8), ord(sign)
        found = [np.flatnonzero(data[at : at + _BLOCK] == wanted) + at for at in range(0, len(data), _BLOCK)]
        return np.concatenate(found)

    def has(self, pattern: Pattern, at: Integers) -> Booleans:
        """Whether a pattern stands at each place."""
        n_bytes = pattern.n_words * _WORD
        everywhere = np.ndarray((len(self.data) - n_bytes + 1,), f"V{n_bytes}", self.data, strides=(1,))
        blocks = everywhere[np.maximum(at, 0)].view("<u8").reshape(-1, pattern.n_words)
        found = np.ones(len(at), dtype=np.bool_)
        for word, wanted, mask in zip(blocks.T, pattern.wanted, pattern.mask, strict=True):
            found &= (word & mask) == wanted
        return found

    def cut(self, at: Integers, size: int) -> bytes:
        """Return so many bytes from each place, one after the other."""
        everywhere = np.ndarray((len(self.data) - size + 1,), f"V{size}", self.data, strides=(1,))
        return everywhere[np.maximum(at, 0)].tobytes()

    def numerals_from(self, start: Integers) -> Numerals:
        """Read the whole numbers that begin at places."""
        word = self._word(start)
        other = _no_digits(word)
        size = _exponents(other & (~other + np.uint64(1))) // _WORD
        digits = (word ^ _ZEROS) << _bits(_MOST_DIGITS + 1 - size)
        return _numerals(start, start + size, digits, word & _LOWEST)

    def numerals_to(self, end: Integers) -> Numerals:
        """Read the whole numbers that end at places."""
        word = self._word(end - _WORD)
        size = _MOST_DIGITS - _exponents(_no_digits(word)) // _WORD
        rest = _bits(_MOST_DIGITS + 1 - size)
        first = (word >> rest) & _LOWEST
        return _numerals(end - size, end, ((word ^ _ZEROS) >> rest) << rest, first)

    def _word(self, at: Integers) -> NDArray[np.uint64]:
        everywhere = np.ndarray((len(self.data) - _WORD + 1,), "<u8", self.data, strides=(1,))
        return everywhere[np.maximum(at, 0)]


def _numerals(start: Integers, end: Integers, digits: NDArray[np.uint64], first: NDArray[np.uint64]) -> Numerals:
    size = end - start
    is_one = (size >= 1) & (size <= _MOST_DIGITS) & ((size == 1) | (first != ord("0")))
    return Numerals(start, end, is_one, digits)


def _no_digits(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return words that have bits set in just those bytes that are no digits, and only in their upper halves."""
    found: NDArray[np.uint64] = ((word & _UPPER) ^ _ZEROS) | (((word + _SIXES) & _UPPER) ^ _ZEROS)
    return found


def _exponents(word: NDArray[np.uint64]) -> Integers:
    """Return the number of each word's uppermost bit: a float's exponent, which no rounding lifts here; -1023 for 0."""
    return (word.astype(np.float64).view(np.int64) >> _EXPONENT) - _BIAS


def _bits(n_bytes: Integers) -> NDArray[np.uint64]:
    return (np.clip(n_bytes, 1, _MOST_DIGITS) * _WORD).astype(np.uint64)
