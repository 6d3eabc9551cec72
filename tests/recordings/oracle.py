"""What the tables must say of a recording, worked out from the raw file with whole numbers and plain loops.

Shares nothing with the package: no import of it, no numpy, no pandas. Reads one capture whose deltas are all
answer text, as those of ``data/recordings`` are. Durations are taken between stored µs; None is unknown.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = dict[str, Any]


@dataclass
class Heard:
    """What the events of one stream said, in µs since the epoch where it is a time."""

    deltas: list[tuple[int, str]]
    first_event_us: int
    finished_us: int | None = None
    finish_reason: str | None = None
    model: str | None = None
    timings: Row | None = None
    usage: Row | None = None


@dataclass(frozen=True)
class Expected:
    """Rows of ``responses_df`` and ``chunks_df`` for one recording."""

    header: Row
    message_id: str
    content: str
    response: Row
    chunks: list[Row]
    timings: Row | None


def expect(path: Path) -> Expected:
    """Work out the rows for one recording."""
    lines = path.read_text(encoding="utf-8").split("\n")
    header, *events = (json.loads(line) for line in lines if line)
    heard = _hear(header, events)
    return Expected(
        header=header,
        message_id=str(uuid5(UUID(header["id"]), "response")),
        content="".join(delta for _, delta in heard.deltas),
        response=_response_row(header, heard),
        chunks=_chunk_rows(_us(header, 0), heard.deltas),
        timings=heard.timings,
    )


def percentile(values: list[float], q: float) -> float | None:
    """Percentile with linear interpolation between the two nearest ranks; ranks run from 0 to n - 1."""
    if not values:
        return None
    ordered = sorted(values)
    rank = (len(ordered) - 1) * q / 100
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def stalled(gaps_us: list[int]) -> list[bool]:
    """For each gap, whether it is longer than 250 ms and than five medians of the others (four or more)."""
    found = []
    for place, gap in enumerate(gaps_us):
        others = gaps_us[:place] + gaps_us[place + 1 :]
        limit = 5 * statistics.median(others) if len(others) >= 4 else 0
        found.append(gap > max(250_000, limit))
    return found


def _us(header: Row, t_ns: int) -> int:
    return int((header["started_at_unix_ns"] + t_ns) // 1000)


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def _bodies(event: str) -> Iterator[Row]:
    """Yield the JSON body of an event's text; none for ``[DONE]``."""
    for line in event.split("\n"):
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[len("data: ") :])


def _hear(header: Row, events: list[Row]) -> Heard:
    read = {
        "/v1/chat/completions": _hear_chat,
        "/v1/messages": _hear_anthropic,
        "/v1/responses": _hear_responses,
    }[header["url"]]
    heard = Heard(deltas=[], first_event_us=_us(header, events[0]["t_ns"]))
    for event in events:
        for body in _bodies(event["event"]):
            heard.timings = body.get("timings", heard.timings)
            read(heard, body, _us(header, event["t_ns"]))
    return heard


def _hear_chat(heard: Heard, body: Row, at_us: int) -> None:
    heard.model = body["model"]
    for choice in body["choices"]:
        _add_delta(heard, choice["delta"].get("content"), at_us)
        if choice["finish_reason"]:
            heard.finish_reason, heard.finished_us = choice["finish_reason"], at_us
    if usage := body.get("usage"):
        heard.usage = _usage(
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"],
        )


def _hear_anthropic(heard: Heard, body: Row, at_us: int) -> None:
    if body["type"] == "message_start":
        heard.model = body["message"]["model"]
        usage = body["message"]["usage"]
        cached = usage["cache_read_input_tokens"]
        heard.usage = _usage(usage["input_tokens"] + cached, usage["output_tokens"], cached)
    elif body["type"] == "content_block_delta":
        _add_delta(heard, body["delta"]["text"], at_us)
    elif body["type"] == "message_delta":
        heard.finish_reason, heard.finished_us = body["delta"]["stop_reason"], at_us
        assert heard.usage is not None
        heard.usage = _usage(heard.usage["prompt_tokens"], body["usage"]["output_tokens"], heard.usage["cached_tokens"])


def _hear_responses(heard: Heard, body: Row, at_us: int) -> None:
    if body["type"] == "response.output_text.delta":
        _add_delta(heard, body["delta"], at_us)
    elif body["type"] == "response.completed":
        response = body["response"]
        heard.model, heard.finish_reason, heard.finished_us = response["model"], response["status"], at_us
        usage = response["usage"]
        heard.usage = _usage(
            usage["input_tokens"], usage["output_tokens"], usage["input_tokens_details"]["cached_tokens"]
        )


def _add_delta(heard: Heard, delta: str | None, at_us: int) -> None:
    if delta:
        heard.deltas.append((at_us, delta))


def _usage(prompt: int, completion: int, cached: int) -> Row:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cached_tokens": cached,
    }


def _response_row(header: Row, heard: Heard) -> Row:
    sent_us, ended_us = _us(header, 0), _us(header, header["closed_ns"])
    aborted = header["aborted_by_client"]
    return {
        "model": heard.model,
        "finish_reason": "aborted" if aborted else heard.finish_reason,
        "status": "aborted" if aborted else "complete",
        "started_at": _moment(sent_us),
        "completed_at": _moment(ended_us),
        "turn": header["label"].get("turn", 0),
        "response_index": header["label"].get("turn", 0),
        **_waits(header, heard),
        **_pace(heard, e2e_us=None if aborted else ended_us - sent_us),
        **_tokens(heard),
    }


def _waits(header: Row, heard: Heard) -> Row:
    sent_us, headers_us, ended_us = (_us(header, t) for t in (0, header["headers_ns"], header["closed_ns"]))
    first_us, last_us = heard.deltas[0][0], heard.deltas[-1][0]
    return {
        "headers_ms": (headers_us - sent_us) / 1000,
        "first_event_ms": (heard.first_event_us - sent_us) / 1000,
        "ttft_ms": (first_us - sent_us) / 1000,
        "ttfo_ms": (first_us - sent_us) / 1000,  # all deltas are answer text
        "after_headers_ms": (first_us - headers_us) / 1000,
        "streaming_ms": (last_us - first_us) / 1000 if len(heard.deltas) > 1 else None,
        "tail_ms": (ended_us - last_us) / 1000,
        "e2e_ms": None if header["aborted_by_client"] else (ended_us - sent_us) / 1000,
    }


def _pace(heard: Heard, e2e_us: int | None) -> Row:
    times = [at_us for at_us, _ in heard.deltas]
    chars = [len(delta) for _, delta in heard.deltas]
    gaps_us = [after - before for before, after in pairwise(times)]
    stalls_us = [gap for gap, is_stall in zip(gaps_us, stalled(gaps_us), strict=True) if is_stall]
    gaps_ms = [gap / 1000 for gap in gaps_us]
    some = len(gaps_us) > 0
    tokens = heard.usage["completion_tokens"] if heard.usage else None
    tpot_ms = None
    if tokens and tokens > 1:
        finished_us = times[-1] if heard.finished_us is None else heard.finished_us
        tpot_ms = (finished_us - times[0]) / 1000 / (tokens - 1)
    return {
        "n_chunks": len(times),
        "n_reads": len(set(times)),
        "n_chars": sum(chars),
        "gap_p50_ms": percentile(gaps_ms, 50),
        "gap_p99_ms": percentile(gaps_ms, 99),
        "gap_max_ms": max(gaps_ms, default=None),
        "n_stalls": len(stalls_us) if some else None,
        "stalled_ms": sum(stalls_us) / 1000 if some else None,
        "tpot_ms": tpot_ms,
        "tokens_per_s": 1000 / tpot_ms if tpot_ms else None,
        "e2e_tokens_per_s": tokens / e2e_us * 1_000_000 if tokens and e2e_us else None,
        "chars_per_s": sum(chars[1:]) / (times[-1] - times[0]) * 1_000_000 if some else None,
        "chunks_per_token": len(times) / tokens if tokens else None,
    }


def _tokens(heard: Heard) -> Row:
    usage, timings = heard.usage or {}, heard.timings or {}
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
    return {
        **{name: usage.get(name) for name in names},
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "server_prompt_ms": timings.get("prompt_ms"),
        "server_decode_ms": timings.get("predicted_ms"),
    }


def _chunk_rows(sent_us: int, deltas: list[tuple[int, str]]) -> list[Row]:
    times = [at_us for at_us, _ in deltas]
    is_stall = [False, *stalled([after - before for before, after in pairwise(times)])]
    rows: list[Row] = []
    accumulated = 0
    for place, (at_us, delta) in enumerate(deltas):
        accumulated += len(delta)
        rows.append(
            {
                "sequence": place + 1,
                "kind": "text",
                "delta": delta,
                "timestamp": _moment(at_us),
                "offset_ms": (at_us - sent_us) / 1000,
                "elapsed_ms": (at_us - times[0]) / 1000,
                "gap_ms": (at_us - times[place - 1]) / 1000 if place else None,
                "n_chars": len(delta),
                "accumulated_chars": accumulated,
                "is_stall": is_stall[place],
            }
        )
    return rows
