"""A disk that stops the process, or refuses, at one chosen call; each try in a forked child, which is cheap."""

from __future__ import annotations

import errno
import os
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = ("write", "fsync", "replace", "unlink")
KILLED, DONE, REFUSED, WRONG = 9, 0, 3, 7
"""How a child ends: stopped by the fault, past the last call, with a clear OSError, or with anything else."""


class Fault:
    """Stops at the k-th of all calls that change a disk; later ones are as ever.

    Args:
        at_call: 1 for the first call.
        error: an errno to raise instead of ending the process.
        torn: of a write that is stopped, let half of the bytes through.
    """

    def __init__(self, at_call: int, *, error: int | None = None, torn: bool = False) -> None:
        self.left = at_call
        self._error, self._torn = error, torn
        self._real = {name: getattr(os, name) for name in CALLS}

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._calling(name))

    def remove(self) -> None:
        for name, real in self._real.items():
            setattr(os, name, real)

    def _calling(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **known: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                if self._torn and name == "write":
                    handle, data = arguments
                    self._real["write"](handle, bytes(data)[: len(data) // 2])
                if self._error is None:
                    os._exit(KILLED)
                raise OSError(self._error, os.strerror(self._error))
            return self._real[name](*arguments, **known)

        return call


def in_child(job: Callable[[], int]) -> int:
    """Run a job in a forked child and return how it ended; what it says goes to the terminal."""
    pid = os.fork()
    if pid == 0:
        try:
            code = job()
        except BaseException:  # noqa: BLE001 - a child that goes on would run the tests a second time
            traceback.print_exc()
            code = WRONG
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def hold_clear(error: OSError, number: int) -> None:
    """The error is the disk's own, and says so."""
    assert error.errno == number
    assert os.strerror(number) in str(error)


NO_SPACE, BROKEN = errno.ENOSPC, errno.EIO
