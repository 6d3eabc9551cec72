"""Recordings written for a test: one conversation of several turns, its events and their times made up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from pathlib import Path

STARTED_NS = 1_795_424_512_566_341_000


def recording_id(number: int) -> str:
    """The id of the recording of this number."""
    return str(UUID(int=number, version=4))


def header(turn: int, **changes: Any) -> dict[str, Any]:
    """Line 1 of the recording of a turn; each request repeats what was said before."""
    said = [{"role": "system", "content": "Be brief."}]
    for before in range(turn):
        said += [
            {"role": "user", "content": f"question {before}"},
            {"role": "assistant", "content": f"answer {before}"},
        ]
    said.append({"role": "user", "content": f"question {turn}"})
    return {
        "capture": 1,
        "id": recording_id(turn),
        "label": {"scenario": "chat", "context": "one", "turn": turn, "model": "m"},
        "url": "/v1/chat/completions",
        "request": {"model": "m", "stream": True, "max_tokens": 80, "messages": said},
        "status": 200,
        "started_at_unix_ns": STARTED_NS + turn * 60_000_000_000,
        "headers_ns": 40_000_000,
        "closed_ns": 300_000_000,
        "aborted_by_client": False,
    } | changes


def event(t_ms: float, content: str | None = None, finish_reason: str | None = None) -> dict[str, Any]:
    """A line of an OpenAI chat stream."""
    delta = {} if content is None else {"content": content}
    data = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], "model": "m"}
    return {"t_ns": round(t_ms * 1e6), "event": f"data: {json.dumps(data)}"}


def lines(turn: int, **changes: Any) -> list[str]:
    """The lines of the recording of a turn: an answer in two pieces, as a client strips it in its next request."""
    said = [event(100, ""), event(100, " answer"), event(150, f" {turn}\n"), event(200, finish_reason="stop")]
    return [json.dumps(line) for line in [header(turn, **changes), *said]]


def write(folder: Path, turn: int, **changes: Any) -> Path:
    """The file of the recording of a turn."""
    path = folder / f"turn-{turn}.jsonl"
    path.write_text("\n".join(lines(turn, **changes)) + "\n", encoding="utf-8")
    return path
