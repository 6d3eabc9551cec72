"""When a server's process looks for garbage among all that it has: not while anybody is being answered.

Looking through everything that is loaded stops each stream for as long as it takes: 60 ms with 200 streams open, which
half of 500 streams felt. Young objects are still looked through all the time; that takes less than a ms.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from chatkit.server.process import Change

if TYPE_CHECKING:
    from collections.abc import Callable

_MANY, _TOO_MANY = 10, 100
"""Rounds over the young objects, of some 7,000 new ones each, after which all are looked through: when nobody is being
answered (this is Python's own number), and whatever is going on."""


def _put_off() -> Callable[[], None]:
    young, middle, old = gc.get_threshold()
    if old:  # Python 3.14 does it in small steps
        gc.set_threshold(young, middle, _TOO_MANY)
    return lambda: gc.set_threshold(young, middle, old)


PUT_OFF = Change(_put_off)
"""Everything is looked through much less often."""


def collect_if_due() -> None:
    """Look through everything if enough is new; nobody is being answered."""
    if gc.get_count()[2] >= _MANY:
        gc.collect()
