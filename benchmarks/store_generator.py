"""Stores of any size, the same each time: the deltas and waits of the sample store, in new conversations.

Run with ``python benchmarks/store_generator.py FOLDER N_MESSAGES [LAYOUT]``, or call :func:`generate`. Half of the
messages are questions, half streamed answers of about 200 chunks. Nothing of chatkit is imported: what reads these
stores is measured and tested against them.
"""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

Layout = Literal["chatkit", "single-file", "split"]
SAMPLE = Path(__file__).parents[1] / "data" / "store"
_FIRST_US = 1_795_424_372_593_744
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FEWEST, _MEDIAN, _MOST = 10, 150, 1500
"""Chunks of an answer: log-normal about the median, as the lengths of the recordings are."""


class Stream(NamedTuple):
    """How one recorded answer came."""

    wait_us: int
    pieces: tuple[tuple[int, str], ...]
    """The µs since the piece before (0 for the first), and the text."""


@dataclass
class Generated:
    """What was written.

    Attributes:
        path: the store.
        n_contexts: conversations in it.
        n_messages: messages in it.
        n_chunks: chunks of all answers.
        n_bytes: bytes of all files.
        message_files: the files with messages in them, in order.
    """

    path: Path
    n_contexts: int = 0
    n_messages: int = 0
    n_chunks: int = 0
    n_bytes: int = 0
    message_files: list[Path] = field(default_factory=list)


class _Writer:
    """Draws conversations and writes them in one of the layouts."""

    def __init__(self, path: Path, seed: int, longest: int) -> None:
        self.random = random.Random(seed)
        self.made = Generated(path)
        self.longest = longest
        self.streams = recorded_streams()
        self.now_us = _FIRST_US + seed * 86_400_000_000

    def new_id(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def conversation(self, n_messages: int) -> list[dict[str, Any]]:
        """Draw a conversation in chatkit's own form."""
        context_id, parent_id = self.new_id(), None
        drawn = []
        for position in range(n_messages):
            message: dict[str, Any] = {"schema": 1, "message_id": self.new_id(), "context_id": context_id}
            self.now_us += self.random.randint(500_000, 20_000_000)
            asks = position % 2 == 0
            message |= {
                "parent_id": parent_id,
                "position": position,
                "branch": "main",
                "role": "user" if asks else "assistant",
                "message_type": "text" if asks else "streaming_response",
                "created_at": stamp(self.now_us),
            }
            if asks:
                content = f"Explain why the sky is blue, and what it would take for turn {position} to be different."
                message["text"] = {"content": content}
            else:
                message["streaming_response"] = self.answer()
            tags = {"scenario": self.random.choice(("idle", "busy"))} if self.random.random() < 0.3 else {}
            drawn.append(message | {"metadata": tags})
            parent_id = message["message_id"]
        return drawn

    def answer(self) -> dict[str, Any]:
        """Draw an answer that starts now, and let its time pass."""
        started_us = self.now_us
        want = round(min(self.longest, max(_FEWEST, self.random.lognormvariate(math.log(_MEDIAN), 0.75))))
        chunks = self.chunks(want)
        tokens = {"prompt_tokens": self.random.randint(20, 900), "completion_tokens": want + 3}
        ended_us = self.now_us + 300
        self.now_us = ended_us
        self.made.n_chunks += want
        return {
            "content": "".join(chunk["delta"] for chunk in chunks),
            "chunks": chunks,
            "started_at": stamp(started_us),
            "completed_at": stamp(ended_us),
            "total_duration_ms": (ended_us - started_us + 500) // 1000,
            "model": "gemma-3-270m-q4",
            "usage": tokens | {"total_tokens": sum(tokens.values()), "cached_tokens": None},
            "finish_reason": "stop",
            "metadata": {"started_at_is": "request_sent", "provider": "llama.cpp"},
        }

    def chunks(self, want: int) -> list[dict[str, Any]]:
        stream = self.random.choice(self.streams)
        self.now_us += stream.wait_us
        place, chars = self.random.randrange(len(stream.pieces)), 0
        found: list[dict[str, Any]] = []
        while len(found) < want:
            gap_us, delta = stream.pieces[place]
            chars += len(delta)
            chunk = {"sequence": len(found) + 1, "delta": delta, "timestamp": "", "accumulated_chars": chars}
            if found:
                self.now_us += gap_us
                chunk["interval_ms"] = (gap_us + 500) // 1000
            chunk["timestamp"] = stamp(self.now_us)
            found.append(chunk)
            place += 1
            if place == len(stream.pieces):
                stream, place = self.random.choice(self.streams), 0
        return found

    def write(self, path: Path, content: Any) -> int:
        data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        path.write_bytes(data)
        self.made.n_bytes += len(data)
        return len(data)

    def write_message(self, path: Path, content: Any) -> int:
        self.made.message_files.append(path)
        return self.write(path, content)


def generate(
    path: Path, n_messages: int, *, layout: Layout = "chatkit", seed: int = 0, longest: int = _MOST
) -> Generated:
    """Write a store of so many messages, in conversations of 2 to 18.

    Args:
        path: a folder; conversations are added to what is there, of other ids if the seed is another.
        n_messages: how many.
        layout: chatkit's own, or one of the old ones.
        seed: the same seed writes the same bytes.
        longest: no answer has more chunks.
    """
    writer = _Writer(path, seed, longest)
    write, made = _LAYOUTS[layout], writer.made
    path.mkdir(parents=True, exist_ok=True)
    if layout == "chatkit":
        writer.write(path / "store.json", {"format": "chatkit", "version": 1})
    while made.n_messages < n_messages:
        conversation = writer.conversation(min(n_messages - made.n_messages, 2 * writer.random.randint(1, 9)))
        write(writer, conversation)
        made.n_contexts += 1
        made.n_messages += len(conversation)
    return made


def recorded_streams() -> list[Stream]:
    """Return the answers of the sample store that have more than one chunk."""
    found = []
    for path in sorted(SAMPLE.glob("contexts/*/messages/*.json")):
        response = json.loads(path.read_bytes()).get("streaming_response")
        if response is None or len(response["chunks"]) < 2:
            continue
        times = [_us(chunk["timestamp"]) for chunk in response["chunks"]]
        gaps = [0, *(after - before for before, after in pairwise(times))]
        deltas = [chunk["delta"] for chunk in response["chunks"]]
        found.append(Stream(times[0] - _us(response["started_at"]), tuple(zip(gaps, deltas, strict=True))))
    return found


def stamp(us: int) -> str:
    """Return a moment, µs since the epoch, as files have it.

    >>> stamp(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _us(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def _write_own(writer: _Writer, conversation: list[dict[str, Any]]) -> None:
    context_id = conversation[0]["context_id"]
    folder = writer.made.path / "contexts" / context_id
    (folder / "messages").mkdir(parents=True)
    entries = []
    for message in conversation:
        n_bytes = writer.write_message(folder / "messages" / f"{message['message_id']}.json", message)
        keys = ("message_id", "role", "message_type", "created_at", "parent_id")
        entry = {key: message[key] for key in keys} | {"bytes": n_bytes}
        response = message.get("streaming_response")
        entries.append(entry if response is None else entry | {"chunks": len(response["chunks"])})
    metadata = {
        "context_id": context_id,
        "title": "Blue sky",
        "current_state": "idle",
        "parent_id": None,
        "created_at": conversation[0]["created_at"],
        "updated_at": stamp(writer.now_us),
        "config": {"model_id": "gemma-3-270m-q4", "mode": "chat", "parameters": {}},
        "branches": {"main": _branch(conversation)},
        "active_branch_name": "main",
        "metadata": {},
    }
    writer.write(folder / "metadata.json", metadata)
    writer.write(folder / "index.json", {"messages": entries})


def _write_single(writer: _Writer, conversation: list[dict[str, Any]]) -> None:
    (writer.made.path / "conversations").mkdir(exist_ok=True)
    context_id = conversation[0]["context_id"]
    pool = {message["message_id"]: _node(message) for message in conversation}
    path = writer.made.path / "conversations" / f"{context_id}.json"
    writer.write_message(path, _old_context(conversation) | {"message_pool": pool})


def _write_split(writer: _Writer, conversation: list[dict[str, Any]]) -> None:
    folder = writer.made.path / "data" / "contexts" / conversation[0]["context_id"]
    (folder / "messages_pool").mkdir(parents=True)
    for message in conversation:
        writer.write_message(folder / "messages_pool" / f"{message['message_id']}.json", _node(message))
    writer.write(folder / "context.json", _old_context(conversation) | {"message_pool": {}})


def _old_context(conversation: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": conversation[0]["context_id"],
        "title": "Blue sky",
        "current_state": "idle",
        "branches": {"main": _branch(conversation)},
        "active_branch_name": "main",
        "metadata": {},
    }


def _branch(conversation: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "main", "message_ids": [message["message_id"] for message in conversation]}


def _node(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message as both old formats have it."""
    response = message.get("streaming_response")
    text = message["text"]["content"] if response is None else response["content"]
    said: dict[str, Any] = {
        "role": message["role"].capitalize(),
        "content": [{"type": "text", "text": text}],
        "metadata": None,
        "message_type": message["message_type"],
    }
    if response is not None:
        kept = {key: value for key, value in response.items() if key not in {"metadata", "usage"}}
        kept["started_at"] = response["chunks"][0]["timestamp"]
        said["metadata"] = {"created_at": message["created_at"], "source": "a_i_generated"}
        said["rich_type"] = {"kind": "streaming_response", "data": kept}
    return {"id": message["message_id"], "message": said, "parent_id": message["parent_id"]}


_LAYOUTS: dict[Layout, Callable[[_Writer, list[dict[str, Any]]], None]] = {
    "chatkit": _write_own,
    "single-file": _write_single,
    "split": _write_split,
}


if __name__ == "__main__":
    done = generate(Path(sys.argv[1]), int(sys.argv[2]), layout=sys.argv[3] if len(sys.argv) > 3 else "chatkit")  # type: ignore[arg-type]
    print(f"{done.n_contexts} contexts, {done.n_messages} messages, {done.n_chunks} chunks, {done.n_bytes:,} bytes")
