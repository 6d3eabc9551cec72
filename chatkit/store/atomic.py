"""Writing a file so that a reader sees the old one or the new one, and a power cut loses nothing.

All that changes a store goes through ``os.write``, ``os.fsync``, ``os.replace`` and ``os.unlink``, so that tests can
stop a process at each of them.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TEMPORARY_PREFIX = ".chatkit-tmp-"
"""How our own temporary files begin: left-over ones are ignored by readers and swept by repair."""

_REPLACE_TRIES = 20
_REPLACE_PAUSE_S = 0.05


def write_atomically(path: Path, data: bytes) -> None:
    """Write a whole file: temporary file beside it, flush, fsync, rename, fsync of the folder.

    Raises:
        OSError: the disk refuses; the old file is as it was and no temporary file is left.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        _replace(temporary, path)
    except Exception:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)


def write_all(handle: int, data: bytes) -> None:
    """Write all bytes: the system may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def remove(path: Path) -> None:
    """Remove a file that may be gone already, durably."""
    with suppress(FileNotFoundError):
        os.unlink(path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable (Windows has no way to, and needs none for a replace)."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(temporary: Path, path: Path) -> None:
    """Rename over; on Windows a reader that has the file open makes it fail for a moment, so try again."""
    for _ in range(_REPLACE_TRIES):
        try:
            os.replace(temporary, path)
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(_REPLACE_PAUSE_S)
        else:
            return
    os.replace(temporary, path)
