"""A store read twice: fast, and by the models, which decide what its files say."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pandas as pd

import chatkit as ck
from chatkit.store import Store

if TYPE_CHECKING:
    import random
    from pathlib import Path

TABLES = (ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df)
_WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 1.0, 2.5, 10**30, 10**400, -(2**63), 2**63, "", "x", "é😀", "\ud83d", [], {}, [None], {"a": [1]},
    "2026-11-23T09:01:52Z", "2026-11-23t09:01:52.1234567+02:00", "0001-01-01T00:00:00+14:00", "0c0e3f5e", float("nan"),
    float("inf"), "text", "streaming_response", "failed", 1e999,
)  # fmt: skip
_BYTES = b'{}[]",:0129.eE+-\\unaltrfs \n\x00\x1f\x7f\xc3\xa9\xff\xed'


def both_ways(path: Path, **asked: Any) -> None:
    """Hold the tables and problems of a store equal, whichever way it is read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for table in TABLES:
            fast, slow = Store(path), Store(path)
            found, expected = table(fast, cache=False, **asked), table(slow.contexts(), cache=False, **asked)
            pd.testing.assert_frame_equal(found, expected)
            assert list(fast._problems) == list(slow._problems)


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Change a file: a few bytes of it, or a value somewhere in it."""
    if chance.random() < 0.4:
        return _other_bytes(data, chance)
    try:
        content = json.loads(data)
    except ValueError:
        return _other_bytes(data, chance)
    holder, key = _somewhere(content, chance)
    kind = chance.random()
    if kind < 0.15 and isinstance(holder, dict):
        del holder[key]
    elif kind < 0.25 and isinstance(holder, dict):
        holder[chance.choice(["schema_version", "size_bytes", "kind", "unknown", "position"])] = chance.choice(_WRONG)
    else:
        holder[key] = chance.choice(_WRONG)
    return json.dumps(content, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def _other_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        place = chance.randrange(len(changed)) if changed else 0
        kind = chance.random()
        if kind < 0.5 and changed:
            changed[place] = chance.choice(_BYTES)
        elif kind < 0.7 and changed:
            del changed[place : place + chance.choice([1, 1, 20])]
        elif kind < 0.9:
            changed[place:place] = bytes([chance.choice(_BYTES)])
        else:
            changed[place:] = b""
    return bytes(changed)


def _somewhere(content: Any, chance: random.Random) -> tuple[Any, Any]:
    """Return an object or list within, and one of its keys."""
    places: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        found = waiting.pop()
        keys = list(found) if isinstance(found, dict) else range(min(len(found), 3)) if isinstance(found, list) else ()
        for key in keys:
            places.append((found, key))
            waiting.append(found[key])
    return chance.choice(places) if places else ({}, "")
