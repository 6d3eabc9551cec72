"""A cache seen from outside: its segments, what is parsed, and tables held equal to uncached ones."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import chatkit as ck
from chatkit.frames import parsing
from chatkit.frames.message_file import message_file as message_file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from chatkit.store import Store

TABLES = (ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df)


def segments(store: Store) -> list[Path]:
    """The segments, the oldest first."""
    folder = ck.cache_info(store).path
    return sorted(path for path in folder.iterdir() if path.name[0].isdigit()) if folder.exists() else []


def load(store: Store) -> None:
    """Load all tables, and hold them equal to what no cache had a part in."""
    for table in TABLES:
        pd.testing.assert_frame_equal(table(store.path), table(store.path, cache=False))


@contextmanager
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note the ids of the messages that are parsed in the block."""
    noted: list[str] = []
    real = message_file_of

    def noting(data: bytes, context_id: str, message_id: str) -> Any:
        noted.append(message_id)
        return real(data, context_id, message_id)

    with monkeypatch.context() as patch:
        patch.setattr(parsing, "message_file", noting)
        yield noted


def message_file(store: Store, context_id: str, message_id: str) -> Path:
    """The file of a message."""
    return Path(os.fspath(store.path)) / "contexts" / context_id / "messages" / f"{message_id}.json"
