"""Deleting is moving: what was deleted lies in ``.trash/{date}/`` until somebody empties it."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatkit.errors import NotFoundError, StoreBusyError
from chatkit.store.atomic import sync_folder
from chatkit.store.locks import context_lock, is_journal_held
from chatkit.store.remote import check_is_local

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.folder import ContextFolder

TRASH = ".trash"


def delete_folder(folder: ContextFolder) -> Path:
    """Move a context to the trash of its store and return where it is now.

    Raises:
        NotFoundError: it was deleted already.
        StoreBusyError: another writer holds the context, or a response of it is being recorded.
    """
    with context_lock(folder.path):
        if not folder.path.is_dir():
            raise NotFoundError(f"context {folder.context_id} is gone from {folder.path.parent}: it was deleted")
        held = [message_id for message_id in folder.journal_ids() if is_journal_held(folder.path, message_id)]
        if held:
            raise StoreBusyError(f"{folder.path}: message {held[0]} is being recorded; end it first")
        return _move(folder.path.parent.parent, folder.path)


def _move(root: Path, path: Path) -> Path:
    """Move a file or folder of a store into its trash, under its own path there."""
    day = root / TRASH / datetime.now(UTC).date().isoformat()
    target = day / path.relative_to(root)
    number = 1
    while target.exists():
        number += 1
        target = target.with_name(f"{path.name}.{number}")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(path, target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target


def trashed(root: Path) -> list[Path]:
    """Return what lies in the trash of a store: one path a deletion, oldest day first.

    Raises:
        ReadOnlyError: the store is behind a URL.
    """
    check_is_local(root)
    return sorted((root / TRASH).glob("*/*/*"))


def empty_trash(root: Path) -> int:
    """Remove for good what lies in the trash; return how many deletions that were."""
    count = len(trashed(root))
    if (root / TRASH).exists():
        shutil.rmtree(root / TRASH)
    return count
