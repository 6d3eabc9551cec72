"""Gemini ``generateContent``.

https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chatkit.capture.reading import Delta, EventShape, Reading, count, list_of, mapping_of, place_of, text_of, total
from chatkit.models import Usage
from chatkit.models.response import REASONING, TEXT, TOOL_CALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.capture.reading import Json

_KEYS = ("candidates", "usageMetadata", "promptFeedback")


def _recognises(event: Json) -> bool:
    return any(key in event for key in _KEYS) or ("error" in event and "type" not in event)


def _read(event: Json) -> Reading | None:
    if event.get("error"):
        return Reading(error=event["error"])
    if not any(key in event for key in _KEYS):
        return None
    candidates = list(enumerate(list_of(event, "candidates")))
    finished = {place_of(candidate, place): text_of(candidate, "finishReason") for place, candidate in candidates}
    blocked = text_of(mapping_of(event, "promptFeedback"), "blockReason")
    return Reading(
        deltas=tuple(
            delta for place, candidate in candidates for delta in _deltas(candidate, place_of(candidate, place))
        ),
        finished={choice: reason for choice, reason in finished.items() if reason} or ({0: blocked} if blocked else {}),
        raw_usage=mapping_of(event, "usageMetadata") or None,
        model=text_of(event, "modelVersion") or None,
    )


def _deltas(candidate: Any, choice: int) -> Iterator[Delta]:
    for part in list_of(mapping_of(candidate, "content"), "parts"):
        if not isinstance(part, dict):
            continue
        yield Delta(choice, REASONING if part.get("thought") else TEXT, text_of(part, "text"))
        call = mapping_of(part, "functionCall")
        if call:
            yield Delta(choice, TOOL_CALL, json.dumps(mapping_of(call, "args"), ensure_ascii=False))
        yield Delta(choice, TOOL_CALL, text_of(mapping_of(part, "executableCode"), "code"))


def _usage(raw: Json) -> Usage:
    """Return usage in the one schema: tool results are input, thoughts are output; a count of 0 is not sent."""
    fresh, from_tools = count(raw, "promptTokenCount"), count(raw, "toolUsePromptTokenCount")
    prompt = None if fresh is None else fresh + (from_tools or 0)
    completion = _sum(count(raw, "candidatesTokenCount"), count(raw, "thoughtsTokenCount"))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total(prompt, completion),
        cached_tokens=count(raw, "cachedContentTokenCount"),
        reasoning_tokens=count(raw, "thoughtsTokenCount"),
    )


def _sum(*counts: int | None) -> int | None:
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


GEMINI = EventShape("gemini.generateContent", _recognises, _read, _usage)
