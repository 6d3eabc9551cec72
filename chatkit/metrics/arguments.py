"""Numbers that a caller gives: whether they make sense."""

from __future__ import annotations

from numbers import Real


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
