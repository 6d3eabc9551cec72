"""Stores drawn by hypothesis: conversations with odd text and times, and files damaged in every way we know."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from benchmarks.store_generator import stamp

if TYPE_CHECKING:
    from pathlib import Path

    Draw = st.DrawFn

_NINE_US = 1_795_424_400_000_000
_DAY_S = 86_400
_TEXTS = st.one_of(
    st.sampled_from(["", " Why", "é", "😀", "\n\ttwo\n lines ", "\u0000", "\u2028", "\ufeff", "a" * 130, '"\\/']),
    st.text(max_size=8),
)
_HALVES = st.sampled_from(["\ud83d", "\ude00", "x\ud83d", "\ude00y", "", "ok"])
_NAMES = st.sampled_from(["fast", "slow", "", "m\u00fcnchen", "half \ud83d"])
_JUNK = st.sampled_from(
    [
        None, True, False, 0, -1, 7, 1.0, 1.5, 2**63, -(2**63), 10**400, 1e308, "", "x", "\ud83d", [], {}, [1],
        {"a": 1}, "2026-11-23T09:00:00", "2026-11-23T24:00:00Z", "2026-11-23T09:00:60Z", "0001-01-01T00:00:00+23:59",
        "2026-W01-1", "9999-12-31T23:59:59.999999-01:00", "text", "streaming_response", "error", "first_chunk",
    ]
)  # fmt: skip
_BYTES = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00", b"\n", b"\\", b"", *(bytes([one]) for one in b'"}]0-.e,')]


def context_id(number: int) -> str:
    """The id of the context of this number."""
    return f"{number:08x}-c000-4000-8000-00000000000c"


def message_id(number: int) -> str:
    """The id of the message of this number."""
    return f"{number:08x}-a000-4000-8000-00000000000a"


@st.composite
def times(draw: Draw, us: int) -> str:
    """A moment as some writer has it: any number of decimals, any zone or none, cut where decimals are few."""
    form = draw(st.sampled_from(["plain", "plain", "plain", "0", "3", "9", "no zone", "offset", "small"]))
    text = stamp(us)
    if form == "offset":
        return stamp(us + 5_400_000_000).replace("Z", "+01:30")
    seconds, decimals = text[:19], text[20:26]
    return {
        "plain": text,
        "0": f"{seconds}Z",
        "3": f"{seconds}.{decimals[:3]}Z",
        "9": f"{seconds}.{decimals}789Z",
        "no zone": f"{seconds}.{decimals}",
        "small": f"{seconds.replace('T', draw(st.sampled_from('t ')))}.{decimals[:1]}z",
    }[form]


@st.composite
def responses(draw: Draw, started_us: int) -> dict[str, Any]:
    """An answer: any kinds, gaps of zero, long ones, and times that go back."""
    are_halves = draw(st.integers(0, 4)) == 0
    deltas = draw(st.lists(_HALVES if are_halves else _TEXTS, max_size=9))
    kinds = st.just("text") if are_halves else st.sampled_from(["text", "text", "text", "reasoning", "tool_call", "x"])
    at_us = started_us + draw(st.sampled_from([0, 90_000, 1_234_567]))
    chunks = []
    for number, delta in enumerate(deltas, start=1):
        chunk = {"sequence": number, "delta": delta, "timestamp": draw(times(at_us))}
        kind = draw(kinds)
        chunks.append(chunk | ({} if kind == "text" else {"kind": kind}))
        at_us += draw(st.sampled_from([0, 1, 999, 10_000, 10_000, 300_000, 2_000_000, -5_000]))
    response: dict[str, Any] = {
        "content": "".join(deltas),
        "chunks": chunks,
        "started_at": draw(times(started_us)),
    }
    optional = {
        "completed_at": st.none() | times(at_us + 40_000),
        "model": st.none() | _NAMES,
        "finish_reason": st.sampled_from([None, "stop", "aborted", "interrupted", "error", "length"]),
        "usage": st.none() | usages(),
        "metadata": st.none() | abouts(started_us),
        "total_duration_ms": st.none() | st.integers(0, 9000),
        "later": st.just({"unknown": [1, {"x": None}]}),
    }
    return response | draw(some_of(optional))


def usages() -> st.SearchStrategy[dict[str, Any]]:
    """Token counts, some missing, some with a point."""
    count = st.none() | st.integers(0, 900) | st.sampled_from([0, 1, 2, 200.0])
    names = (
        "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens", "cache_write_tokens",
    )  # fmt: skip
    return some_of(dict.fromkeys(names, count))


def abouts(started_us: int) -> st.SearchStrategy[dict[str, Any]]:
    """What is known of a stream besides its chunks."""
    number = st.sampled_from([12.5, 7, None, "12", True, 10**400, 1e-320])
    timings = st.dictionaries(st.sampled_from(["prompt_ms", "predicted_ms", "x"]), number)
    return some_of(
        {
            "started_at_is": st.sampled_from(["request_sent", "first_chunk"]),
            "headers_at": times(started_us + 60_000),
            "first_event_at": st.none() | times(started_us + 70_000),
            "finished_at": times(started_us + 900_000),
            "average_chunk_interval_ms": st.none() | st.floats(0, 10),
            "server_timings": st.none() | timings,
            "raw_usage": st.just({"odd": "\ud83d"}),
        }
    )


@st.composite
def some_of(draw: Draw, choices: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """An object with some of these keys, in their order."""
    kept = draw(st.sets(st.sampled_from(list(choices))))
    return {name: draw(values) for name, values in choices.items() if name in kept}


@st.composite
def messages(draw: Draw, number: int, own: str, parent: str | None, at_us: int) -> dict[str, Any]:
    """A message of any kind."""
    kind = draw(st.sampled_from(["streaming_response", "streaming_response", "text", "text", "tool_result", "image"]))
    message: dict[str, Any] = {
        "schema": 1,
        "message_id": message_id(number),
        "role": draw(st.sampled_from(["user", "assistant"])),
        "message_type": kind,
    }
    if kind == "streaming_response":
        message[kind] = draw(responses(at_us))
    elif kind == "text":
        message[kind] = {"content": draw(_TEXTS)} | draw(some_of({"later": _TEXTS}))
    else:
        message[kind] = draw(st.none() | _TEXTS | st.fixed_dictionaries({"content": _TEXTS}))
    labels = st.dictionaries(
        st.sampled_from(["scenario", "n"]), st.sampled_from(["idle", 1, 2.5, None, True, [1], "é"])
    )
    optional = {
        "context_id": st.just(own),
        "parent_id": st.just(parent),
        "position": st.none() | st.integers(0, 9),
        "branch": st.sampled_from(["main", None]),
        "created_at": st.none() | times(at_us),
        "metadata": st.none() | labels,
        "later": _TEXTS,
    }
    return message | draw(some_of(optional))


@st.composite
def contexts(draw: Draw, number: int) -> dict[str, Any]:
    """A context: ``{file name: content}``; some messages unlisted, some listed that are not there, on some branches."""
    own, parent, files, entries = context_id(number), None, {}, []
    at_us = _NINE_US + draw(st.integers(-9, 9)) * 1_000_000
    for place in range(draw(st.integers(0, 5))):
        message = draw(messages(16 * number + place, own, parent, at_us))
        parent = message["message_id"]
        at_us += draw(st.integers(0, 3_000_000))
        fate = draw(st.sampled_from(["both", "both", "both", "both", "unlisted", "missing"]))
        if fate != "missing":
            files[f"messages/{parent}.json"] = message
        if fate != "unlisted":
            entries.append({key: message[key] for key in ("message_id", "role", "message_type")})
    order = draw(st.permutations(entries)) if draw(st.booleans()) else entries
    ids = [entry["message_id"] for entry in order]
    names = draw(st.sampled_from([["main"], ["main", "other"], ["other"], ["main", "b, c", "\ud83d"]]))
    branches = {
        name: {"name": name, "message_ids": ids if name == "main" else draw(subsequences(ids))} for name in names
    }
    optional = {
        "title": st.none() | _TEXTS,
        "current_state": st.sampled_from(["idle", {"failed": {"error_message": "x"}}, {}]),
        "created_at": st.none() | times(at_us),
        "updated_at": times(at_us),
        "config": some_of({"model_id": st.none() | _NAMES, "later": _TEXTS}),
        "branches": st.just(branches),
        "active_branch_name": st.sampled_from(["main", "other", "gone"]),
        "metadata": st.none() | st.just({"x": 1}),
    }
    files["index.json"] = {"messages": order}
    files["metadata.json"] = {"context_id": own} | draw(some_of(optional))
    return files


def subsequences(ids: list[str]) -> st.SearchStrategy[list[str]]:
    """Some of a list, in order."""
    return st.sets(st.sampled_from(ids)).map(lambda kept: [one for one in ids if one in kept]) if ids else st.just([])


@st.composite
def stores(draw: Draw) -> dict[str, bytes]:
    """A store: ``{path: bytes}``, with up to three damaged files."""
    numbers = draw(st.lists(st.integers(1, 99), max_size=3, unique=True))
    files = {
        f"contexts/{context_id(number)}/{name}": content
        for number in numbers
        for name, content in draw(contexts(number)).items()
    }
    written = {path: encoded(content) for path, content in files.items()}
    for path in draw(st.lists(st.sampled_from(sorted(files)), max_size=3, unique=True)) if files else []:
        damaged = draw(damages(files[path], written[path]))
        if damaged is None:
            del written[path]
        else:
            written[path] = damaged
    return written | {"store.json": b'{"format": "chatkit", "version": 1}'}


def encoded(content: Any, **options: Any) -> bytes:
    """JSON as a file has it; half characters can only be escapes."""
    try:
        return json.dumps(content, ensure_ascii=False, **options).encode()
    except UnicodeEncodeError:
        return json.dumps(content, **options).encode()


@st.composite
def damages(draw: Draw, content: Any, data: bytes) -> bytes | None:
    """The bytes of a damaged file, or of one written in an unusual way; None for one that is gone."""
    kind = draw(st.sampled_from(["value", "value", "key gone", "byte", "byte", "cut", "other", "gone", "form"]))
    if kind in {"value", "key gone"}:
        changed = json.loads(json.dumps(content))
        holder, key = draw(st.sampled_from(places(changed)))
        if kind == "value":
            holder[key] = draw(_JUNK)
        else:
            del holder[key]
        return encoded(changed)
    if kind == "byte":
        place = draw(st.integers(0, len(data)))
        return data[:place] + draw(st.sampled_from(_BYTES)) + data[place + 1 :]
    if kind == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if kind == "form":
        unusual = [
            b"\xef\xbb\xbf" + data,
            b" \r\n" + encoded(content, indent=1) + b"\n\n",
            data * 2,
            data[:-1] + b', "a": NaN}',
        ]
        return draw(st.sampled_from(unusual))
    return None if kind == "gone" else draw(st.sampled_from([b"", b"null", b"[]", b"{}", b"7", b'"x"', b"\xff\xfe"]))


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON document at which a value stands: what holds it, and under which key."""
    keys = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else []
    return [place for key in keys for place in [(content, key), *places(content[key])]]


def write(files: dict[str, bytes], root: Path) -> Path:
    """Write a drawn store; its files are a day old: a young file that can't be read is waited for."""
    (root / "contexts").mkdir(parents=True)
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment = path.stat().st_mtime - _DAY_S
        os.utime(path, (moment, moment))
    return root
