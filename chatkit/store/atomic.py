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
    from collections.abc import Iterable
    from pathlib import Path

TEMPORARY_PREFIX = ".chatkit-tmp-"
"""How our own temporary files begin: left-over ones are ignored by readers and swept by repair."""

_REPLACE_TRIES = 20
_REPLACE_PAUSE_S = 0.05


def write_atomically(path: Path, data: bytes | Iterable[bytes], *, only_over: bytes | None = None) -> bool:
    """Write a whole file: temporary file beside it, flush, fsync, rename, fsync of the folder.

    Args:
        path: the file.
        data: what it shall hold; also in parts, so that not all of it is in memory.
        only_over: write only if the file still holds this; looked at last thing before the rename, so that
            somebody who writes it meanwhile and knows no locks is not written over.

    Returns:
        Whether it was written.

    Raises:
        OSError: the disk refuses; a reader sees the old file or the new one, and no temporary file is left.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}")
    try:
        _write_synced(temporary, data)
        if only_over is not None and path.read_bytes() != only_over:
            os.unlink(temporary)
            return False
        _replace(temporary, path)
    except BaseException:  # also where somebody presses "stop" in a notebook
        with suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(path.parent)
    return True


def write_aside(temporary: Path, data: Iterable[bytes]) -> None:
    """Write a large file down to the disk beside its place, over what an earlier try has left there.

    Raises:
        OSError: the disk refuses; nothing is left.
    """
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        _write_synced(temporary, data)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename what was written aside, durably."""
    _replace(temporary, path)
    sync_folder(path.parent)


def _write_synced(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a new file down to the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        for part in [data] if isinstance(data, bytes) else data:
            write_all(handle, part)
        os.fsync(handle)
    finally:
        os.close(handle)


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
