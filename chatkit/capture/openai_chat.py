"""OpenAI chat completions, and the many servers that speak it.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.capture.reading import Delta, EventShape, Reading, count, list_of, mapping_of, place_of, text_of, total
from chatkit.models import Usage
from chatkit.models.response import REASONING, TEXT, TOOL_CALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.capture.reading import Json

_REASONING_KEYS = ("reasoning_content", "reasoning")
"""DeepSeek, llama.cpp and older vLLM use the first, OpenRouter and newer vLLM the second."""
_DERIVED = ("content.", "refusal.", "tool_calls.", "logprobs.")
"""Events that the SDK's ``chat.completions.stream()`` adds: they say again what the chunk inside ``chunk`` said."""


def _recognises(event: Json) -> bool:
    return isinstance(event.get("choices"), list) or "chunk" in event or ("error" in event and "type" not in event)


def _read(event: Json) -> Reading | None:
    if event.get("error"):
        return Reading(error=event["error"])
    if not isinstance(event.get("choices"), list):
        return _read_wrapped(event)
    choices = list(enumerate(list_of(event, "choices")))
    finished = {place_of(choice, place): choice["finish_reason"] for place, choice in choices if _is_finished(choice)}
    return Reading(
        deltas=tuple(delta for place, choice in choices for delta in _deltas(choice, place_of(choice, place))),
        finished=finished,
        raw_usage=mapping_of(event, "usage") or None,
        model=text_of(event, "model") or None,
        server_timings=mapping_of(event, "timings") or None,
    )


def _read_wrapped(event: Json) -> Reading | None:
    if text_of(event, "type") == "chunk":
        return _read(mapping_of(event, "chunk"))
    return Reading() if text_of(event, "type").startswith(_DERIVED) else None


def _is_finished(choice: Any) -> bool:
    return bool(text_of(choice, "finish_reason"))


def _deltas(choice: Any, index: int) -> Iterator[Delta]:
    delta = mapping_of(choice, "delta")
    reasoning = next((text_of(delta, key) for key in _REASONING_KEYS if text_of(delta, key)), "")
    yield Delta(index, REASONING, reasoning)
    yield Delta(index, TEXT, text_of(delta, "content"))
    yield Delta(index, TEXT, text_of(delta, "refusal"))
    for call in [*list_of(delta, "tool_calls"), {"function": delta.get("function_call")}]:
        yield Delta(index, TOOL_CALL, text_of(mapping_of(call, "function"), "arguments"))
        yield Delta(index, TOOL_CALL, text_of(mapping_of(call, "custom"), "input"))


def _usage(raw: Json) -> Usage:
    prompt, completion = count(raw, "prompt_tokens"), count(raw, "completion_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total(prompt, completion),
        cached_tokens=count(raw, "prompt_tokens_details", "cached_tokens"),
        reasoning_tokens=count(raw, "completion_tokens_details", "reasoning_tokens"),
    )


OPENAI_CHAT = EventShape("openai.chat.completions", _recognises, _read, _usage)
