"""The recordings as frames, built with nothing but json and pandas: the package's own scan is not asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


def text_of(event: str) -> str:
    """The answer text that an event of any of the three APIs carries, or nothing."""
    data = [line[6:] for line in event.split("\n") if line.startswith("data: {")]
    if not data:
        return ""
    body: dict[str, Any] = json.loads(data[0])
    if body.get("choices"):
        return body["choices"][0]["delta"].get("content") or ""
    if body.get("type") == "content_block_delta":
        return body["delta"].get("text") or ""
    return body["delta"] if body.get("type") == "response.output_text.delta" else ""


def usage_of(events: list[str]) -> dict[str, float]:
    """Token counts of an OpenAI chat stream; nothing for the others, whose counts no test here needs."""
    for event in reversed(events):
        for line in event.split("\n"):
            usage = json.loads(line[6:]).get("usage") if line.startswith("data: {") else None
            if usage and "prompt_tokens" in usage:
                return {name: float(usage[name]) for name in ("prompt_tokens", "completion_tokens")}
    return {}


@pytest.fixture(scope="session")
def recorded_chunks(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    return recorded[0]


@pytest.fixture(scope="session")
def recorded_responses(recorded: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    return recorded[1]


@pytest.fixture(scope="session")
def recorded() -> tuple[pd.DataFrame, pd.DataFrame]:
    chunks: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    for path in sorted(RECORDINGS.glob("*.jsonl")):
        head, *events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        start_ns, label = head["started_at_unix_ns"], head["label"]
        arrived = [(start_ns + event["t_ns"], text) for event in events if (text := text_of(event["event"]))]
        us = [at // 1000 for at, _ in arrived]
        chunks += [
            {
                "message_id": path.stem,
                "sequence": number + 1,
                "kind": "text",
                "delta": text,
                "timestamp": us[number],
                "offset_ms": (us[number] - start_ns // 1000) / 1000,
                "gap_ms": (us[number] - us[number - 1]) / 1000 if number else None,
                "n_chars": len(text),
            }
            for number, (_, text) in enumerate(arrived)
        ]
        closed_us = (start_ns + head["closed_ns"]) // 1000
        responses.append(
            {
                "message_id": path.stem,
                "context_id": label.get("context"),
                "response_index": label.get("turn", 0),
                "scenario": label["scenario"],
                "started_at": start_ns // 1000,
                "completed_at": closed_us,
                "ttft_ms": (us[0] - start_ns // 1000) / 1000 if us else None,
                "tail_ms": (closed_us - us[-1]) / 1000 if us else None,
                **usage_of([event["event"] for event in events]),
            }
        )
    return (
        _with_moments(pd.DataFrame(chunks), "timestamp"),
        _with_moments(pd.DataFrame(responses), "started_at", "completed_at"),
    )


def _with_moments(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.assign(**{name: pd.to_datetime(frame[name], unit="us", utc=True) for name in columns})
