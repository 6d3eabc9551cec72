"""A chunk as somebody gives it: looked at before anything of it is kept."""

from __future__ import annotations

import operator
from datetime import UTC, datetime
from typing import Any

from chatkit.models import Piece
from chatkit.models.text import join
from chatkit.timing.stamps import to_us

_FIRST_US, _LAST_US = to_us(datetime.min.replace(tzinfo=UTC)), to_us(datetime.max.replace(tzinfo=UTC))


def piece_of(delta: Any, kind: Any, at_us: Any) -> Piece:
    r"""Return a chunk; both halves of a character in one delta are that character.

    Raises:
        TypeError: the delta or the kind is no text, or the arrival no whole number.
        ValueError: the arrival is in no year from 1 to 9999.

    >>> piece_of("\ud83d\ude00", "text", 1_500_000).delta == "😀"
    True
    """
    if not isinstance(delta, str):
        raise TypeError(f"a delta is text, not {type(delta).__name__}")
    if not isinstance(kind, str):
        raise TypeError(f"a kind is text (text, reasoning, tool_call), not {type(kind).__name__}")
    try:
        whole_us = operator.index(at_us)
    except TypeError:
        raise TypeError(f"an arrival is in whole µs since the epoch, not {type(at_us).__name__}") from None
    if not _FIRST_US <= whole_us <= _LAST_US:
        raise ValueError(f"an arrival is in µs since the epoch, in the years 1 to 9999: {whole_us}")
    return Piece(whole_us, join((delta,)), kind)
