"""Who may write: one writer a context at a time, and a recorder's hold on its journal."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from chatkit.errors import StoreBusyError
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCKS = ".locks"
DEFAULT_TIMEOUT_S = 30.0
_POLL_S = 0.01


@contextmanager
def context_lock(context_path: Path, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Iterator[None]:
    """Hold the lock of a context while it is written to. Readers take none.

    Locks are the operating system's, so that one of a process that was killed is free again.

    Raises:
        StoreBusyError: another writer held it for all that time; the message says which.
    """
    folder = locks_of(context_path)
    folder.mkdir(exist_ok=True)
    path = folder / f"{context_path.name}.lock"
    holder = folder / f"{context_path.name}.holder.json"
    lock = FileLock(path, timeout=timeout_s, poll_interval=_POLL_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise StoreBusyError(
            f"{context_path}: another writer has held this context for {timeout_s:g} s ({_held_by(holder)}); "
            "try again, or end that process"
        ) from error
    try:
        with suppress(OSError):  # only for the message above: a full disk is told by what is written next
            holder.write_text(json.dumps(_ourselves()), encoding="utf-8")
        yield
    finally:
        lock.release()


def journal_lock(context_path: Path, message_id: str) -> FileLock:
    """Return the lock that a recorder holds on its journal while it lives; not taken yet.

    It may be released by another thread than the one that took it.
    """
    return FileLock(locks_of(context_path) / f"{message_id}.journal.lock", timeout=0, thread_local=False)


def is_journal_held(context_path: Path, message_id: str) -> bool:
    """Whether a recorder that lives holds a journal. Makes no file."""
    lock = journal_lock(context_path, message_id)
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def forget_journal_lock(lock: FileLock) -> None:
    """Release a journal's lock after the journal is gone, and remove its file."""
    lock.release(force=True)
    try:
        os.unlink(lock.lock_file)
    except OSError:
        return  # somebody looks at it just now (Windows), or it is gone; an empty file is left at worst


def locks_of(context_path: Path) -> Path:
    """Return the folder of locks, beside ``contexts/``."""
    return context_path.parent.parent / LOCKS


def _ourselves() -> dict[str, str | int]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": format_stamp(datetime.now(UTC))}


def _held_by(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text(encoding="utf-8"))
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it did not say who it is"
