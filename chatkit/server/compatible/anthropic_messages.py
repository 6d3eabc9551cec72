"""Anthropic Messages.

https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.models.response import REASONING, TEXT, TOOL_CALL
from chatkit.server.compatible.answer import UNKNOWN_TOOL
from chatkit.server.compatible.asked import MessagesAsked
from chatkit.server.compatible.endings import ending_of
from chatkit.server.compatible.shape import Shape, Timed, frame, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.server.compatible.answer import Answer, Block

_DELTAS = {
    TEXT: ("text_delta", "text"),
    REASONING: ("thinking_delta", "thinking"),
    TOOL_CALL: ("input_json_delta", "partial_json"),
}


def _events(answer: Answer, _asked: MessagesAsked) -> Iterator[Timed]:
    """``message_delta``, which carries the stop reason, comes when it came, ``message_stop`` when the stream ended."""
    opening = {
        **_head(answer),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _input_usage(answer),
    }
    yield _event(answer.first_event_ms, "message_start", message=opening)
    ends = [*(block.pieces[0][0] for block in answer.blocks[1:]), answer.finished_ms]
    for index, (block, end_ms) in enumerate(zip(answer.blocks, ends, strict=False)):
        yield from _block_events(answer, block, index)
        if index + 1 < len(answer.blocks) or ending_of(answer):
            yield _event(end_ms, "content_block_stop", index=index)
    ending = ending_of(answer)
    if answer.error is not None:
        yield _event(answer.ended_ms, "error", error={"type": "api_error", "message": answer.error})
    if ending is None:
        return
    stop = {"stop_reason": ending.messages, "stop_sequence": None}
    yield _event(answer.finished_ms, "message_delta", delta=stop, usage=_output_usage(answer))
    yield _event(answer.ended_ms, "message_stop")


def _block_events(answer: Answer, block: Block, index: int) -> Iterator[Timed]:
    kind, key = _DELTAS[block.kind]
    empty: dict[str, Any] = {"input": {}} if block.kind == TOOL_CALL else {key: ""}
    opening = {**_block(answer, block, index), **empty}
    yield _event(block.pieces[0][0], "content_block_start", index=index, content_block=opening)
    for at_ms, text in block.pieces:
        yield _event(at_ms, "content_block_delta", index=index, delta={"type": kind, key: text})


def _event(at_ms: float, kind: str, **content: Any) -> Timed:
    return Timed(at_ms, frame({"type": kind, **content}, kind))


def _whole(answer: Answer) -> dict[str, Any]:
    ending = ending_of(answer)
    return {
        **_head(answer),
        "content": [_block(answer, block, index) for index, block in enumerate(answer.blocks)],
        "stop_reason": ending and ending.messages,
        "stop_sequence": None,
        "usage": _input_usage(answer) | _output_usage(answer),
    }


def _block(answer: Answer, block: Block, index: int) -> dict[str, Any]:
    if block.kind == TEXT:
        return {"type": "text", "text": block.text}
    if block.kind == REASONING:
        return {"type": "thinking", "thinking": block.text, "signature": ""}
    return {
        "type": "tool_use",
        "id": f"toolu_{answer.wire_id}{index}",
        "name": UNKNOWN_TOOL,
        "input": block.arguments,
    }


def _head(answer: Answer) -> dict[str, Any]:
    return {"id": f"msg_{answer.wire_id}", "type": "message", "role": "assistant", "model": answer.model}


def _input_usage(answer: Answer) -> dict[str, int]:
    """Anthropic counts the cached parts of the input apart."""
    usage = answer.usage
    apart = (usage.cached_tokens or 0) + (usage.cache_write_tokens or 0)
    return known(
        input_tokens=None if usage.prompt_tokens is None else usage.prompt_tokens - apart,
        cache_read_input_tokens=usage.cached_tokens,
        cache_creation_input_tokens=usage.cache_write_tokens,
    )


def _output_usage(answer: Answer) -> dict[str, int]:
    return known(output_tokens=answer.usage.completion_tokens)


ANTHROPIC_MESSAGES = Shape("/v1/messages", MessagesAsked, _events, _whole)
