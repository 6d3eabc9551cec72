"""Anthropic Messages.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.capture.reading import Delta, EventShape, Reading, count, mapping_of, text_of
from chatkit.models import Usage
from chatkit.models.response import REASONING, TEXT, TOOL_CALL

if TYPE_CHECKING:
    from chatkit.capture.reading import Json

_TEXTS = {
    "text_delta": (TEXT, "text"),
    "thinking_delta": (REASONING, "thinking"),
    "input_json_delta": (TOOL_CALL, "partial_json"),
}
_SILENT = {"content_block_stop", "message_stop", "ping"}
_DERIVED = {"text", "thinking", "input_json", "citation", "signature", "compaction"}
"""Events that the SDK's ``messages.stream()`` adds: they say again what a ``content_block_delta`` said."""


def _recognises(event: Json) -> bool:
    kind = text_of(event, "type")
    return kind.startswith(("message_", "content_block_")) or kind == "ping" or (kind == "error" and "error" in event)


def _read(event: Json) -> Reading | None:
    kind = text_of(event, "type")
    if kind == "content_block_delta":
        delta = mapping_of(event, "delta")
        what, key = _TEXTS.get(text_of(delta, "type"), (TEXT, ""))
        return Reading(deltas=(Delta(0, what, text_of(delta, key)),))
    if kind == "content_block_start":
        return Reading(deltas=(Delta(0, TEXT, text_of(mapping_of(event, "content_block"), "text")),))
    if kind == "message_start":
        message = mapping_of(event, "message")
        return Reading(raw_usage=_input_usage(message), model=text_of(message, "model") or None)
    if kind == "message_delta":
        reason = text_of(mapping_of(event, "delta"), "stop_reason")
        return Reading(finished={0: reason} if reason else {}, raw_usage=mapping_of(event, "usage") or None)
    if kind == "error":
        return Reading(error=event.get("error"))
    return Reading() if kind in _SILENT or kind in _DERIVED else None


def _input_usage(message: Json) -> dict[str, Any] | None:
    """Return what ``message_start`` says of the input.

    Its ``output_tokens`` is a first count, which only a ``message_delta`` makes final: of a stream that is cut
    before that, the output is not known.
    """
    usage = mapping_of(message, "usage")
    return {key: value for key, value in usage.items() if key != "output_tokens"} or None


def _usage(raw: Json) -> Usage:
    """Return usage whose ``prompt_tokens`` is the whole input: Anthropic counts its cached parts apart."""
    fresh, completion = count(raw, "input_tokens"), count(raw, "output_tokens")
    cached, written = count(raw, "cache_read_input_tokens"), count(raw, "cache_creation_input_tokens")
    prompt = None if fresh is None else fresh + (cached or 0) + (written or 0)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=None if prompt is None or completion is None else prompt + completion,
        cached_tokens=cached,
        cache_write_tokens=written,
    )


ANTHROPIC_MESSAGES = EventShape("anthropic.messages", _recognises, _read, _usage)
