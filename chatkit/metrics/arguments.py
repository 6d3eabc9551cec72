"""What a caller gives beside a frame: whether it makes sense."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def require_one_of(known: Sequence[str], **given: str) -> None:
    """Check that what is given is one of a few words.

    Raises:
        ValueError: it is not; the message names those that there are.

    >>> require_one_of(("characters", "chunks"), of="words")
    Traceback (most recent call last):
    ...
    ValueError: no of='words': there are characters, chunks
    """
    for name, word in given.items():
        if word not in known:
            raise ValueError(f"no {name}={word!r}: there are {', '.join(known)}")


def require_above_zero(**given: object) -> None:
    """Check that every number given is one, and above 0.

    Raises:
        ValueError: one is not; the message names it.

    >>> require_above_zero(deadline_ms=50, chars_per_s=0)
    Traceback (most recent call last):
    ...
    ValueError: chars_per_s has to be above 0: 0
    """
    for name, number in given.items():
        if not isinstance(number, Real) or not float(number) > 0:
            raise ValueError(f"{name} has to be above 0: {number!r}")
