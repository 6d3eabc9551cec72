"""What servers change in their process, for as long as one of them runs."""

from __future__ import annotations

import logging
import sys
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SWITCH_S = 0.0005
"""Threads that read files give way to the streams this often; Python's own 5 ms would be seen in their timing."""


class Change:
    """A change to the process in a ``with`` block: of several blocks at once the last to end undoes it.

    Args:
        make: changes it, and returns what undoes that.
    """

    def __init__(self, make: Callable[[], Callable[[], None]]) -> None:
        self._make = make
        self._lock = Lock()
        self._n_users = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._n_users:
                self._undo = self._make()
            self._n_users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_users -= 1
            if not self._n_users:
                self._undo()


def _switch_often() -> Callable[[], None]:
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    return lambda: sys.setswitchinterval(usual_s)


def _hush() -> Callable[[], None]:
    logger = logging.getLogger("uvicorn.error")

    def is_told(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING or record.threadName != GUEST_THREAD

    logger.addFilter(is_told)
    return lambda: logger.removeFilter(is_told)


GUEST_THREAD = "chatkit-server"
"""The thread in which a server runs that is a guest in somebody's process."""
QUIET_GUESTS = Change(_hush)
"""That a guest starts and stops is not logged; what other servers of the process log is."""
SWITCHING_OFTEN = Change(_switch_often)
"""Threads give way to each other more often than is usual."""
