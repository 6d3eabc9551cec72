"""Stores made for a test, and folders seen from outside."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.models import Message, Piece, Response
from chatkit.store import Store
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from chatkit.store import Context

LEGACY = Path(__file__).parent / "legacy"
SINGLE_FILES = LEGACY / "single-file" / "conversations"
SPLIT_FOLDERS = LEGACY / "split" / "data" / "contexts"
CONTEXT_ID = "0c0e3f5e-0000-4000-8000-000000000001"
MADE_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def message_id(number: int) -> str:
    """The id of the message of this number: they share no beginning."""
    return f"{number:08x}-0000-4000-8000-00000000000a"


def text(number: int, content: str = "said") -> Message:
    """A text of the user."""
    return Message.from_text(content, message_id=message_id(number), created_at=MADE_AT + timedelta(seconds=number))


def response(number: int, *pieces: tuple[float, str], **known: Any) -> Message:
    """An answer whose pieces came at these ms after its request."""
    sent = MADE_AT + timedelta(seconds=number)
    made = Response.from_pieces(
        [Piece(to_us(sent) + round(ms * 1000), delta) for ms, delta in pieces or [(100, "Hel"), (120, "lo")]],
        started_at=sent,
        completed_at=sent + timedelta(milliseconds=200),
        model="m",
        finish_reason="stop",
    )
    return Message.from_response(made, message_id=message_id(number), **known)


def filled(path: Path, n_messages: int = 6) -> Store:
    """A store of one context: a question, an answer, a question, …; its files are not young any more."""
    store = Store.create(path)
    context = store.create_context(title="Bees", context_id=CONTEXT_ID, created_at=MADE_AT)
    context.append_messages(
        [text(number) if number % 2 == 0 else response(number) for number in range(n_messages)], at=MADE_AT
    )
    age(path)
    return store


def folder_of(store: Store) -> Path:
    """The folder of its one context."""
    return store.path / "contexts" / CONTEXT_ID


def message_path(store: Store, number: int) -> Path:
    """The file of one message of the one context."""
    return folder_of(store) / "messages" / f"{message_id(number)}.json"


def the_context(store: Store) -> Context:
    """Its one context."""
    return store.context(CONTEXT_ID)


def damage(path: Path, data: bytes) -> None:
    """Overwrite a file with something else, a day ago."""
    path.write_bytes(data)
    age(path)


def age(path: Path) -> None:
    """Make all files a day older: a file younger than a second is given time to be finished."""
    for file in [path, *path.rglob("*")]:
        if file.is_file():
            moment = file.stat().st_mtime - 86_400
            os.utime(file, (moment, moment))


def snapshot(root: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder under a path: its time of change, and its bytes."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted([root, *root.rglob("*")])
    }


def stored_files(root: Path) -> dict[str, bytes | None]:
    """Every file and folder of a store with its bytes, but for the locks that writers leave beside it."""
    return {name: content for name, (_, content) in snapshot(root).items() if Path(name).parts[:1] != (".locks",)}
