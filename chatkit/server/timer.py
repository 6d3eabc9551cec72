"""One timer of an event loop, finer than the loop's own: uvloop's round to whole ms, down as well as up."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_NS_PER_S = 1_000_000_000
_EXPIRED_BYTES = 8
_AT_A_MOMENT = 1  # TFD_TIMER_ABSTIME
_BITS_64 = 2**32


class Timer(Protocol):
    """Rings once, at a moment that may be changed."""

    def set(self, at_ns: int) -> None:
        """Ring at this moment of ``time.monotonic_ns``, or about then; a moment set before is forgotten."""


def timer_of(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Timer:
    """Return the finest timer that there is here.

    Args:
        loop: calls ``ring``.
        ring: what is to be done.
    """
    if sys.platform == "linux" and sys.maxsize > _BITS_64:
        try:
            return KernelTimer(loop, ring)
        except (OSError, AttributeError):  # no more files; a C library without it
            pass
    return LoopTimer(loop, ring)


class LoopTimer:
    """The loop's own. It may ring early; who then sets it again comes to the right moment."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int) -> None:
        """Ring at this moment."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_later(max(at_ns - time.monotonic_ns(), 0) / _NS_PER_S, self._ring)


class KernelTimer:
    """Linux's ``timerfd``: exact to some 0.05 ms, and costs nothing while it waits. Python has it from 3.13 on.

    Raises:
        OSError: there can be no more open files.
        AttributeError: the C library does not have it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._c_library = ctypes.CDLL(None, use_errno=True)
        self._fd = self._c_library.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._fd, self._expired)
        weakref.finalize(self, os.close, self._fd)  # the loop holds this, and lets go of it when it is closed

    def set(self, at_ns: int) -> None:
        """Ring at this moment."""
        seconds, rest_ns = divmod(max(at_ns, 1), _NS_PER_S)
        self._c_library.timerfd_settime(self._fd, _AT_A_MOMENT, struct.pack("@4l", 0, 0, seconds, rest_ns), None)

    def _expired(self) -> None:
        try:
            os.read(self._fd, _EXPIRED_BYTES)
        except BlockingIOError:
            return  # it was set again meanwhile
        self._ring()
