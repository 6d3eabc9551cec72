"""What a store's files say, read with the ``json`` module alone, by the rules of the format.

Imports nothing of chatkit: the tables are held to this. A file that breaks a rule is :class:`BadFileError`; which words
chatkit finds for it is its own affair.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rule = Callable[[Any], Any]

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))?", re.ASCII
)
_HALF = re.compile("[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_FIRST_US, _LAST_US = (
    (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) + added
    for year, added in ((1, 0), (9999, 365 * _DAY_US - 1))
)


class BadFileError(Exception):
    """A file that does not say what it should."""


def need(told: object, why: str) -> None:
    """Refuse a file that breaks a rule."""
    if not told:
        raise BadFileError(why)


def read_json(path: Path) -> Any:
    """Parse a file: JSON, which has no NaN, in UTF-8, with or without a byte order mark; half characters may be raw."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig", "surrogatepass"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadFileError(str(error)) from error


def us_of(text: str) -> int:
    """Return an RFC 3339 time as µs since the epoch; decimals past the sixth are cut, no zone is UTC."""
    found = _STAMP.fullmatch(text)
    if found is None:
        raise BadFileError(f"no time: {text!r}")
    *clock, decimals, sign, hours, minutes = found.groups()
    try:
        moment = datetime(*map(int, clock), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError as error:
        raise BadFileError(str(error)) from error
    us = (moment - _EPOCH) // timedelta(microseconds=1) + int(((decimals or "") + "000000")[:6])
    if sign is None:
        return us
    need(int(minutes) < 60, "an offset has less than 60 minutes")
    offset_us = (int(hours) * 60 + int(minutes)) * 60_000_000
    need(offset_us < _DAY_US, "an offset is less than a day")
    us = us - offset_us if sign == "+" else us + offset_us
    need(_FIRST_US <= us <= _LAST_US, "outside the years 1 to 9999 in UTC")
    return us


def message(content: Any, name: str) -> dict[str, Any]:
    """Return the content of a message's file, in which times are µs, if it says what it should."""
    found = _record(content, _MESSAGE, required=("message_id", "role", "message_type"))
    need(found["message_id"] == name, "the id is unlike the file's name")
    need(found.get("schema", 1) <= 1, "a newer schema")
    kind = found["message_type"]
    need(kind not in {"text", "streaming_response"} or found.get(kind) is not None, "no key of the type's name")
    return found


def index(content: Any) -> list[dict[str, Any]]:
    """Return the references of an index."""
    entries: list[dict[str, Any]] = _record(content, {"messages": _list(_entry)}).get("messages", [])
    return entries


def metadata(content: Any, name: str) -> dict[str, Any]:
    """Return what a context is."""
    found = _record(content, _METADATA, required=("context_id",))
    need(found["context_id"] == name, "the id is unlike the folder's name")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _record(content: Any, rules: dict[str, Rule], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an object with each known key as its rule reads it; unknown keys are let be."""
    need(isinstance(content, dict), "not an object")
    need(not any(map(_HALF.search, content)), "a key is made of whole characters")
    for key in required:
        need(key in content, f"lacks {key}")
    return {key: rules[key](value) if key in rules else value for key, value in content.items()}


def _kind(*kinds: type) -> Rule:
    """A value of one of these types; true and false are no numbers."""

    def rule(value: Any) -> Any:
        need(type(value) in kinds, f"{value!r} is none of {kinds}")
        return value

    return rule


def _or_null(rule: Rule) -> Rule:
    return lambda value: None if value is None else rule(value)


def _list(rule: Rule) -> Rule:
    def each(value: Any) -> Any:
        need(isinstance(value, list), "not a list")
        return [rule(one) for one in value]

    return each


def _whole(value: Any) -> Any:
    """A whole number of 64 bits, with or without a point."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    need(type(number) is int and -(2**63) <= number < 2**63, f"{value!r} is no whole number")
    return number


def _id(value: Any) -> Any:
    need(isinstance(value, str) and ID.fullmatch(value), f"{value!r} is no id")
    return value


def _time(value: Any) -> int:
    need(isinstance(value, str), "a time is a text")
    return us_of(value)


def _origin(value: Any) -> Any:
    need(value in ("request_sent", "first_chunk"), f"started_at_is {value!r}")
    return value


def _chunk(value: Any) -> Any:
    return _record(value, _CHUNK, required=("sequence", "delta", "timestamp"))


def _response(value: Any) -> Any:
    return _record(value, _RESPONSE, required=("content", "chunks", "started_at"))


def _entry(value: Any) -> Any:
    return _record(value, _ENTRY, required=("message_id", "role", "message_type"))


def _branches(value: Any) -> Any:
    need(isinstance(value, dict), "branches are an object")
    return {name: _record(one, _BRANCH, required=("name",)) for name, one in value.items()}


_text, _int, _object, _number = _kind(str), _kind(int), _kind(dict), _kind(int, float)
_CHUNK: dict[str, Rule] = {
    "sequence": _whole,
    "delta": _text,
    "timestamp": _time,
    "accumulated_chars": _or_null(_int),
    "interval_ms": _or_null(_int),
    "kind": _text,
}
_TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
_USAGE: dict[str, Rule] = dict.fromkeys((*_TOKENS, "reasoning_tokens", "cache_write_tokens"), _or_null(_whole))
_ABOUT: dict[str, Rule] = {
    "started_at_is": _origin,
    "average_chunk_interval_ms": _or_null(_number),
    "headers_at": _or_null(_time),
    "first_event_at": _or_null(_time),
    "finished_at": _or_null(_time),
    "server_timings": _or_null(_object),
    "consumer_ms": _or_null(_number),
    "raw_usage": _or_null(_object),
}
_RESPONSE: dict[str, Rule] = {
    "content": _text,
    "chunks": _list(_chunk),
    "started_at": _time,
    "completed_at": _or_null(_time),
    "total_duration_ms": _or_null(_int),
    "model": _or_null(_text),
    "usage": _or_null(lambda value: _record(value, _USAGE)),
    "finish_reason": _or_null(_text),
    "metadata": _or_null(lambda value: _record(value, _ABOUT)),
}
_MESSAGE: dict[str, Rule] = {
    "schema": _int,
    "message_id": _id,
    "context_id": _or_null(_id),
    "parent_id": _or_null(_id),
    "position": _or_null(_whole),
    "branch": _or_null(_text),
    "role": _text,
    "message_type": _text,
    "created_at": _or_null(_time),
    "text": _or_null(lambda value: _record(value, {"content": _text}, required=("content",))),
    "streaming_response": _or_null(_response),
    "metadata": _or_null(_object),
}
_ENTRY: dict[str, Rule] = {
    "message_id": _id,
    "role": _text,
    "message_type": _text,
    "created_at": _or_null(_time),
    "parent_id": _or_null(_id),
    "bytes": _or_null(_int),
    "chunks": _or_null(_int),
    "streaming": _or_null(_kind(bool)),
}
_BRANCH: dict[str, Rule] = {"name": _text, "message_ids": _list(_id)} | dict.fromkeys(
    ("system_prompt", "user_prompt"), _or_null(_text)
)
_CONFIG: dict[str, Rule] = {"parameters": _object} | dict.fromkeys(
    ("model_id", "mode", "system_prompt_id", "agent_role"), _or_null(_text)
)
_METADATA: dict[str, Rule] = {
    "context_id": _id,
    "title": _or_null(_text),
    "current_state": _kind(str, dict),
    "parent_id": _or_null(_id),
    "created_at": _or_null(_time),
    "updated_at": _or_null(_time),
    "config": lambda value: _record(value, _CONFIG),
    "branches": _branches,
    "active_branch_name": _text,
    "metadata": _or_null(_object),
}
