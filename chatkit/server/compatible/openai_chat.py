"""OpenAI chat completions.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.models.response import REASONING, TEXT, TOOL_CALL
from chatkit.server.compatible.answer import UNKNOWN_TOOL
from chatkit.server.compatible.asked import ChatAsked
from chatkit.server.compatible.endings import ending_of
from chatkit.server.compatible.shape import DONE, Shape, Timed, frame, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.server.compatible.answer import Answer

_KEYS = {TEXT: "content", REASONING: "reasoning_content"}


def _events(answer: Answer, asked: ChatAsked) -> Iterator[Timed]:
    """The event that carries the finish reason comes when it came, ``[DONE]`` when the stream ended."""
    head = _head(answer, "chat.completion.chunk")
    silent = {"usage": None} if asked.wants_usage else {}

    def chunk(at_ms: float, delta: dict[str, Any], reason: str | None = None) -> Timed:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return Timed(at_ms, frame({**head, "choices": [choice], **silent}))

    yield chunk(answer.first_event_ms, {"role": "assistant", "content": ""})
    for at_ms, delta in _deltas(answer):
        yield chunk(at_ms, delta)
    ending = ending_of(answer)
    if answer.error is not None:
        yield Timed(answer.ended_ms, frame({"error": {"message": answer.error, "type": "server_error", "code": None}}))
    if ending is None:
        return
    yield chunk(answer.finished_ms, {}, ending.chat)
    usage = _usage(answer)
    if asked.wants_usage and usage:
        yield Timed(answer.finished_ms, frame({**head, "choices": [], "usage": usage, **answer.timings}))
    yield Timed(answer.ended_ms, DONE)


def _deltas(answer: Answer) -> Iterator[tuple[float, dict[str, Any]]]:
    calls = 0
    for block in answer.blocks:
        if block.kind != TOOL_CALL:
            for at_ms, text in block.pieces:
                yield at_ms, {_KEYS[block.kind]: text}
            continue
        opening: dict[str, Any] = {"id": _call_id(answer, calls), "type": "function"}
        for place, (at_ms, text) in enumerate(block.pieces):
            function = {"arguments": text} if place else {"name": UNKNOWN_TOOL, "arguments": text}
            yield at_ms, {"tool_calls": [{"index": calls, **({} if place else opening), "function": function}]}
        calls += 1


def _whole(answer: Answer) -> dict[str, Any]:
    ending = ending_of(answer)
    choice = {"index": 0, "message": _message(answer), "logprobs": None, "finish_reason": ending and ending.chat}
    return {
        **_head(answer, "chat.completion"),
        "choices": [choice],
        "usage": _usage(answer) or None,
        **answer.timings,
    }


def _message(answer: Answer) -> dict[str, Any]:
    calls = [block for block in answer.blocks if block.kind == TOOL_CALL]
    reasoning = answer.text_of(REASONING)
    tool_calls = [
        {
            "id": _call_id(answer, place),
            "type": "function",
            "function": {"name": UNKNOWN_TOOL, "arguments": block.text},
        }
        for place, block in enumerate(calls)
    ]
    return {
        "role": "assistant",
        "content": answer.text_of(TEXT) or (None if calls else ""),
        "refusal": None,
        **({"reasoning_content": reasoning} if reasoning else {}),
        **({"tool_calls": tool_calls} if calls else {}),
    }


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.wire_id}",
        "object": kind,
        "created": answer.created_s,
        "model": answer.model,
        "system_fingerprint": None,
    }


def _call_id(answer: Answer, place: int) -> str:
    return f"call_{answer.wire_id}{place}"


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    cached = known(cached_tokens=usage.cached_tokens)
    reasoning = known(reasoning_tokens=usage.reasoning_tokens)
    return {
        **known(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            total_tokens=usage.total_tokens,
        ),
        **({"prompt_tokens_details": cached} if cached else {}),
        **({"completion_tokens_details": reasoning} if reasoning else {}),
    }


OPENAI_CHAT = Shape("/v1/chat/completions", ChatAsked, _events, _whole)
