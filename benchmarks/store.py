"""How long a store takes: opening, finding a message, and appending one durably to a long conversation.

Run with ``python benchmarks/store.py [FOLDER]`` (on a local disk: appending waits for it). Beside our append stands
what anybody would write by hand: read the JSON files, change them, write them back with an fsync each.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from chatkit.models import Branch, Index, Message
from chatkit.store import Store
from chatkit.store.folder import index_entry
from chatkit.store.json_files import dump

if TYPE_CHECKING:
    from collections.abc import Callable

N_MESSAGES, N_CONTEXTS, N_TRIES = 10_000, 1_000, 100
BRANCHES = ("main", "shorter", "ruder")
_MS = 1000.0


def main(folder: Path) -> None:
    context_id = fill_long(folder / "long")
    plain = folder / "long" / "contexts" / str(uuid4())
    shutil.copytree(folder / "long" / "contexts" / context_id, plain)
    context = Store(folder / "long").context(context_id)
    report("open a context of 10,000 messages", lambda: open_context(folder / "long", context_id))
    report("append to it, durable (aim: p50 50 ms, max 100 ms)", lambda: context.append_message(question()))
    report("  the same with a context asked for each time", lambda: append_anew(folder / "long", context_id))
    report("  by hand: json, and an fsync each", lambda: append_by_hand(plain))

    ids = fill_wide(folder / "wide")
    report("open a store of 1,000 contexts (aim: 1,000 ms)", lambda: Store(folder / "wide").contexts(), tries=5)
    store = Store(folder / "wide")
    report("its first message by id", lambda: Store(folder / "wide").message(ids[500]), tries=5)
    store.message(ids[0])
    report("a message by id", lambda: store.message(ids[500]))
    report("a message by the beginning of its id", lambda: store.message(ids[500][:13]))


def report(what: str, job: Callable[[], object], *, tries: int = N_TRIES) -> None:
    """Print how long a job takes."""
    took_ms = []
    for _ in range(tries):
        started = time.perf_counter()
        job()
        took_ms.append((time.perf_counter() - started) * _MS)
    print(f"{what:60} p50 {statistics.median(took_ms):8.2f} ms   max {max(took_ms):8.2f} ms")


def question() -> Message:
    return Message.from_text("What then?", created_at=datetime.now(UTC))


def open_context(root: Path, context_id: str) -> int:
    context = Store(root).context(context_id)
    return len(context.message_ids) + len(context.branches)


def append_anew(root: Path, context_id: str) -> Message:
    return Store(root).context(context_id).append_message(question())


def append_by_hand(folder: Path) -> None:
    """Read, change and write back the same files: atomic and durable too, but no locks and no look before it writes."""
    message = question()
    index = json.loads((folder / "index.json").read_bytes())
    metadata = json.loads((folder / "metadata.json").read_bytes())
    data = dump(message)
    index["messages"].append(index_entry(message, len(data)).to_dict())
    metadata["branches"]["main"]["message_ids"].append(message.message_id)
    replace_by_hand(folder / "messages" / f"{message.message_id}.json", data)
    replace_by_hand(folder / "index.json", json.dumps(index).encode())
    replace_by_hand(folder / "metadata.json", json.dumps(metadata).encode())


def replace_by_hand(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)  # noqa: PTH105 - as it is done by hand
    handle = os.open(path.parent, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def fill_long(root: Path) -> str:
    """Make a context of 10,000 messages on three branches; without waiting for the disk each time."""
    store = Store.create(root)
    context = store.create_context(title="Long")
    folder = context.folder()
    lines: dict[str, list[str]] = {name: [] for name in BRANCHES}
    entries = []
    for position in range(N_MESSAGES):
        branch = BRANCHES[position % len(BRANCHES)]
        message = Message.from_text(
            "word " * 40, created_at=datetime.now(UTC), context_id=context.context_id, position=position, branch=branch
        )
        data = dump(message)
        folder.message_file(message.message_id).write_bytes(data)
        lines[branch].append(message.message_id)
        entries.append(index_entry(message, len(data)))
    folder.index_path.write_bytes(dump(Index(messages=tuple(entries))))
    branches = {name: Branch(name=name, message_ids=tuple(ids)) for name, ids in lines.items()}
    folder.metadata_path.write_bytes(dump(context.metadata.model_copy(update={"branches": branches})))
    return context.context_id


def fill_wide(root: Path) -> list[str]:
    """Make 1,000 contexts of one question each, and return the ids of the questions."""
    store = Store.create(root)
    ids = []
    for _ in range(N_CONTEXTS):
        context = store.create_context(title="Wide")
        ids.append(context.append_message(question()).message_id)
    return ids


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
