"""OpenAI Responses.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.capture.reading import Delta, EventShape, Reading, count, mapping_of, text_of, total
from chatkit.models import Usage
from chatkit.models.response import REASONING, TEXT, TOOL_CALL

if TYPE_CHECKING:
    from chatkit.capture.reading import Json

_KINDS = {
    "response.output_text.delta": TEXT,
    "response.refusal.delta": TEXT,
    "response.reasoning_text.delta": REASONING,
    "response.reasoning_summary_text.delta": REASONING,
    "response.function_call_arguments.delta": TOOL_CALL,
    "response.custom_tool_call_input.delta": TOOL_CALL,
    "response.mcp_call_arguments.delta": TOOL_CALL,
    "response.code_interpreter_call_code.delta": TOOL_CALL,
}
_ENDS = {"response.completed", "response.incomplete", "response.failed", "response.cancelled"}


def _recognises(event: Json) -> bool:
    kind = text_of(event, "type")
    return kind.startswith("response.") or (kind == "error" and "error" not in event)


def _read(event: Json) -> Reading | None:
    kind = text_of(event, "type")
    if kind in _KINDS:
        return Reading(deltas=(Delta(0, _KINDS[kind], text_of(event, "delta")),))
    if kind == "error":
        return Reading(error={key: value for key, value in event.items() if key not in {"type", "sequence_number"}})
    if kind in _ENDS:
        return _read_end(event)
    response = mapping_of(event, "response")
    return Reading(model=text_of(response, "model") or None) if kind.startswith("response.") else None


def _read_end(event: Json) -> Reading:
    response = mapping_of(event, "response")
    reason = text_of(mapping_of(response, "incomplete_details"), "reason") or text_of(response, "status")
    error = response.get("error") if event["type"] == "response.failed" else None
    return Reading(
        finished={} if error else {0: reason or event["type"].removeprefix("response.")},
        raw_usage=mapping_of(response, "usage") or None,
        model=text_of(response, "model") or None,
        server_timings=mapping_of(event, "timings") or None,
        error=error,
    )


def _usage(raw: Json) -> Usage:
    prompt, completion = count(raw, "input_tokens"), count(raw, "output_tokens")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=total(prompt, completion),
        cached_tokens=count(raw, "input_tokens_details", "cached_tokens"),
        reasoning_tokens=count(raw, "output_tokens_details", "reasoning_tokens"),
    )


OPENAI_RESPONSES = EventShape("openai.responses", _recognises, _read, _usage)
