"""The tables of a store, worked out from its files with plain loops and whole numbers: what chatkit's are held to.

Imports nothing of chatkit, no numpy, no pandas. Times are µs since the epoch, durations are taken between stored µs;
None is unknown.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.loading import plain_files
from tests.loading.plain_files import ID, BadFileError
from tests.recordings.oracle import percentile, stalled

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]

_TOKENS = (
    "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip
_CUT_SHORT = ("aborted", "interrupted", "error")


@dataclass
class PlainTables:
    """Rows by table, in order, and which files have problems: path and message."""

    contexts: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    responses: list[Row] = field(default_factory=list)
    chunks: list[Row] = field(default_factory=list)
    problems: set[tuple[str, str | None]] = field(default_factory=set)


@dataclass
class PlainContext:
    """A folder of a context, read."""

    folder: Path
    problems: set[tuple[str, str | None]]
    metadata: Row = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)

    def read(self) -> None:
        """Read index and metadata; what is damaged is told from the messages."""
        self.entries = self._index()
        path = self.folder / "metadata.json"
        try:
            need_there(path)
            self.metadata = plain_files.metadata(plain_files.read_json(path), self.folder.name)
        except BadFileError:
            self.problems.add((str(path), None))
            self.metadata = metadata_told(self._all_messages())

    def message(self, message_id: str) -> Row | None:
        """Read a message; None where it can't be, or isn't there."""
        path = self.folder / "messages" / f"{message_id}.json"
        if not path.exists():
            self.problems.add((str(self.folder), message_id))
            return None
        try:
            found = plain_files.message(plain_files.read_json(path), message_id)
        except BadFileError:
            self.problems.add((str(path), message_id))
            return None
        chunks = (found.get("streaming_response") or {"chunks": []})["chunks"]
        if any(after["timestamp"] < before["timestamp"] for before, after in pairwise(chunks)):
            self.problems.add((str(path), message_id))
        return found

    def note_loose_ends(self) -> None:
        """Note message files that no index lists, and ids that only a branch lists, after the messages were read."""
        listed, there = {entry["message_id"] for entry in self.entries}, self._ids()
        for message_id in there:
            if message_id not in listed:
                self.message(message_id)
                self.problems.add((str(self.folder / "messages" / f"{message_id}.json"), message_id))
        for ids in self.branches.values():
            for message_id in ids:
                if message_id not in listed and message_id not in there:
                    self.problems.add((str(self.folder / "metadata.json"), message_id))

    @property
    def branches(self) -> dict[str, list[str]]:
        """The ids that each branch lists."""
        told = self.metadata.get("branches", {"main": {}})
        return {name: branch.get("message_ids", []) for name, branch in told.items()}

    @property
    def creation_order(self) -> tuple[bool, int, str]:
        """By creation, unknown last, then by id."""
        created = self.metadata.get("created_at")
        return created is None, created or 0, self.folder.name

    def _index(self) -> list[Row]:
        path = self.folder / "index.json"
        try:
            need_there(path)
            return plain_files.index(plain_files.read_json(path))
        except BadFileError:
            self.problems.add((str(path), None))
        return self._all_messages()

    def _all_messages(self) -> list[Row]:
        """Every message that can be read, by its own position, then by time, then by id."""
        found = [message for name in self._ids() if (message := self.message(name)) is not None]
        return sorted(found, key=_rebuilt_order)

    def _ids(self) -> list[str]:
        names = (path.stem for path in (self.folder / "messages").glob("*.json"))
        return sorted(name for name in names if ID.fullmatch(name))


def metadata_told(messages: list[Row]) -> Row:
    """What a context is where only its messages tell: each branch behind the ancestors of its first message."""
    own: dict[str, list[str]] = {"main": []}
    for message in messages:
        own.setdefault(message.get("branch", "main") or "main", []).append(message["message_id"])
    parents = {message["message_id"]: message.get("parent_id") for message in messages}
    moments = [message["created_at"] for message in messages if message.get("created_at") is not None]
    responses = [message["streaming_response"] for message in messages if message.get("streaming_response")]
    named = [message.get("branch", "main") for message in messages if message.get("branch", "main")]
    lines = {name: list(dict.fromkeys(ancestors(ids[0], parents) + ids)) if ids else [] for name, ids in own.items()}
    failed = bool(responses) and responses[-1].get("finish_reason") in _CUT_SHORT
    return {
        "branches": {name: {"message_ids": ids} for name, ids in lines.items()},
        "active_branch_name": named[-1] if named else "main",
        "current_state": "failed" if failed else "idle",
        "created_at": min(moments, default=None),
        "updated_at": max(moments, default=None),
    }


def ancestors(message_id: str, parents: dict[str, str | None]) -> list[str]:
    """The messages above one, the first of them first; a circle ends the walk."""
    found: list[str] = []
    above = parents[message_id]
    while above is not None and above in parents and above != message_id and above not in found:
        found.insert(0, above)
        above = parents[above]
    return found


def need_there(path: Path) -> None:
    """Refuse a file that is missing."""
    plain_files.need(path.exists(), "is missing")


def read_store(root: Path) -> PlainTables:
    """Read a store in chatkit's own format."""
    tables = PlainTables()
    folders = [path for path in (root / "contexts").iterdir() if ID.fullmatch(path.name) and _is_context(path)]
    contexts = [PlainContext(folder, tables.problems) for folder in folders]
    for context in contexts:
        context.read()
    for context in sorted(contexts, key=lambda context: context.creation_order):
        _add_context(tables, context)
        context.note_loose_ends()
    return tables


def _is_context(folder: Path) -> bool:
    return (folder / "metadata.json").exists() or (folder / "messages").is_dir()


def _rebuilt_order(message: Row) -> tuple[bool, int, bool, int, str]:
    position, created = message.get("position"), message.get("created_at")
    return position is None, position or 0, created is None, created or 0, message["message_id"]


def _add_context(tables: PlainTables, context: PlainContext) -> None:
    places = _places(context)
    own: list[Row] = []
    for message_id, place in places.items():
        message = context.message(message_id)
        if message is None:
            continue
        known = {"message_id": message_id, "context_id": context.folder.name, "parent_id": message.get("parent_id")}
        tables.messages.append(known | _message_row(message, place))
        if response := message.get("streaming_response"):
            own.append(known | _response_row(response, place))
            del known["parent_id"]
            tables.chunks += [known | row for row in _chunk_rows(response)]
    tables.responses += own
    tables.contexts.append(_context_row(context, own))


def _context_row(context: PlainContext, responses: list[Row]) -> Row:
    told = context.metadata
    state = told.get("current_state", "idle")
    ttfts = [row["ttft_ms"] for row in responses if row["ttft_ms"] is not None]
    tokens = {
        name: [row[name] for row in responses if row[name] is not None]
        for name in ("prompt_tokens", "completion_tokens")
    }
    return {
        "context_id": context.folder.name,
        "title": told.get("title"),
        "current_state": state if isinstance(state, str) else next(iter(state), None),
        "created_at": told.get("created_at"),
        "updated_at": told.get("updated_at"),
        "model": told.get("config", {}).get("model_id"),
        "n_messages": len(context.entries),
        "n_responses": sum(entry["message_type"] == "streaming_response" for entry in context.entries),
        "n_branches": len(context.branches),
        **{name: sum(found) if found else None for name, found in tokens.items()},
        "median_ttft_ms": statistics.median(ttfts) if ttfts else None,
        "format": "chatkit",
    }


def _places(context: PlainContext) -> dict[str, Row]:
    """Where each message of the index stands, on the active branch or else the first that lists it."""
    roles = {entry["message_id"]: entry["role"] for entry in context.entries}
    responses = [entry["message_id"] for entry in context.entries if entry["message_type"] == "streaming_response"]
    active = context.metadata.get("active_branch_name", "main")
    branches = context.branches
    found: dict[str, Row] = {}
    for position, message_id in enumerate(roles):
        listing = [name for name, ids in branches.items() if message_id in ids]
        counted = active if active in listing else next(iter(listing), None)
        before = branches[counted][: branches[counted].index(message_id)] if counted is not None else []
        found[message_id] = {
            "position": position,
            "branches": ", ".join(listing) if listing else None,
            "turn": sum(roles.get(one) == "user" for one in before) - 1 if listing else None,
            "response_index": responses.index(message_id) if listing and message_id in responses else None,
        }
    return found


def _message_row(message: Row, place: Row) -> Row:
    content = _content(message)
    response = message.get("streaming_response")
    line = " ".join(content[:240].split())
    return {
        "role": message["role"],
        "message_type": message["message_type"],
        "created_at": message.get("created_at"),
        "position": place["position"],
        "branches": place["branches"],
        "n_chars": len(content),
        "n_chunks": None if response is None else sum(chunk["delta"] != "" for chunk in response["chunks"]),
        "preview": line if len(line) <= 60 else line[:59] + "…",
    }


def _content(message: Row) -> str:
    """The text of a message: of a kind without one of its own its ``content`` or ``text``, else its payload as JSON."""
    payload = message.get(message["message_type"])
    if isinstance(payload, dict):
        for key in ("content", "text"):
            if isinstance(payload.get(key), str):
                return str(payload[key])
    if payload is None:
        return ""
    return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)


def _response_row(response: Row, place: Row) -> Row:
    usage, about = response.get("usage") or {}, response.get("metadata") or {}
    timings = about.get("server_timings") or {}
    reason, ended = response.get("finish_reason"), response.get("completed_at")
    complete = "complete" if reason is not None or ended is not None else "streaming"
    status = reason if reason in _CUT_SHORT else complete
    return {
        "model": response.get("model"),
        "finish_reason": reason,
        "started_at": response["started_at"],
        "completed_at": ended,
        "status": status,
        "turn": place["turn"],
        "response_index": place["response_index"],
        **_waits(response, about, is_complete=status == "complete"),
        **_pace(response),
        **_rates(response, about, usage, is_complete=status == "complete"),
        **{name: usage.get(name) for name in _TOKENS},
        "server_prompt_ms": _number(timings.get("prompt_ms")),
        "server_decode_ms": _number(timings.get("predicted_ms")),
    }


def _number(found: Any) -> float | None:
    """A number as a double; one too large for that is not known."""
    try:
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
    except OverflowError:
        return None


def _shown(response: Row, kind: str | None = None) -> list[Row]:
    """The chunks that count: those that say something."""
    chunks = [chunk for chunk in response["chunks"] if chunk["delta"]]
    return chunks if kind is None else [chunk for chunk in chunks if chunk.get("kind", "text") == kind]


def _requested_us(response: Row) -> int | None:
    about = response.get("metadata") or {}
    return response["started_at"] if about.get("started_at_is", "request_sent") == "request_sent" else None


def _ms(start_us: int | None, end_us: int | None) -> float | None:
    return None if start_us is None or end_us is None else (end_us - start_us) / 1000


def _ends(chunks: list[Row]) -> tuple[int | None, int | None]:
    return (chunks[0]["timestamp"], chunks[-1]["timestamp"]) if chunks else (None, None)


def _waits(response: Row, about: Row, *, is_complete: bool) -> Row:
    sent, ended = _requested_us(response), response.get("completed_at")
    chunks = _shown(response)
    first, last = _ends(chunks)
    return {
        "headers_ms": _ms(sent, about.get("headers_at")),
        "first_event_ms": _ms(sent, about.get("first_event_at")),
        "ttft_ms": _ms(sent, first),
        "ttfo_ms": _ms(sent, _ends(_shown(response, "text"))[0]),
        "after_headers_ms": _ms(about.get("headers_at"), first),
        "streaming_ms": _ms(first, last) if len(chunks) > 1 else None,
        "tail_ms": _ms(last, ended),
        "e2e_ms": _ms(sent, ended) if is_complete else None,
    }


def _gaps_us(response: Row) -> list[int]:
    return [after["timestamp"] - before["timestamp"] for before, after in pairwise(_shown(response))]


def _pace(response: Row) -> Row:
    gaps_us, times = _gaps_us(response), [chunk["timestamp"] for chunk in _shown(response)]
    gaps_ms = [gap / 1000 for gap in gaps_us]
    stalls_us = [gap for gap, is_stall in zip(gaps_us, stalled(gaps_us), strict=True) if is_stall]
    return {
        "n_chunks": len(times),
        "n_reads": len(set(times)),
        "n_chars": sum(n for n, chunk in _counted(response) if chunk.get("kind", "text") == "text"),
        "gap_p50_ms": percentile(gaps_ms, 50),
        "gap_p99_ms": percentile(gaps_ms, 99),
        "gap_max_ms": max(gaps_ms, default=None),
        "n_stalls": len(stalls_us) if gaps_us else None,
        "stalled_ms": sum(stalls_us) / 1000 if gaps_us else None,
    }


def _counted(response: Row) -> list[tuple[int, Row]]:
    """Each chunk with the code points it adds: the second half of a character adds nothing to the first."""
    before, found = "", []
    for chunk in response["chunks"]:
        delta = chunk["delta"]
        is_cut = "\ud800" <= before[-1:] <= "\udbff" and "\udc00" <= delta[:1] <= "\udfff"
        found.append((len(delta) - is_cut, chunk))
        before = delta or before
    return found


def _rates(response: Row, about: Row, usage: Row, *, is_complete: bool) -> Row:
    tokens = usage.get("completion_tokens")
    first, last = _ends(_shown(response))
    finished = about.get("finished_at")
    is_hidden = (usage.get("reasoning_tokens") or 0) > 0 and not _shown(response, "reasoning")
    tpot_ms = None
    if tokens is not None and tokens >= 2 and not is_hidden and first is not None:
        tpot_ms = _ms(first, last if finished is None else finished) / (tokens - 1)
    e2e_ms = _ms(_requested_us(response), response.get("completed_at")) if is_complete else None
    text = _shown(response, "text")
    first_text, last_text = _ends(text)
    chars = [n for n, chunk in _counted(response) if chunk["delta"] and chunk.get("kind", "text") == "text"]
    return {
        "tpot_ms": tpot_ms,
        "tokens_per_s": 1000 / tpot_ms if tpot_ms else None,
        "e2e_tokens_per_s": tokens * 1000 / e2e_ms if tokens is not None and e2e_ms else None,
        "chars_per_s": sum(chars[1:]) * 1000 / ms if text and (ms := _ms(first_text, last_text)) else None,
        "chunks_per_token": len(_shown(response)) / tokens if tokens else None,
    }


def _chunk_rows(response: Row) -> list[Row]:
    sent, first = _requested_us(response), _ends(_shown(response))[0]
    gaps = dict(
        zip(
            map(id, _shown(response)[1:]),
            zip(_gaps_us(response), stalled(_gaps_us(response)), strict=True),
            strict=True,
        )
    )
    rows, accumulated = [], 0
    for n_chars, chunk in _counted(response):
        kind = chunk.get("kind", "text")
        accumulated += n_chars if kind == "text" else 0
        gap_us, is_stall = gaps.get(id(chunk), (None, False))
        rows.append(
            {
                "sequence": chunk["sequence"],
                "kind": kind,
                "delta": chunk["delta"],
                "timestamp": chunk["timestamp"],
                "offset_ms": _ms(sent, chunk["timestamp"]),
                "elapsed_ms": _ms(first, chunk["timestamp"]),
                "gap_ms": None if gap_us is None else gap_us / 1000,
                "n_chars": n_chars,
                "accumulated_chars": accumulated,
                "is_stall": is_stall,
            }
        )
    return rows
