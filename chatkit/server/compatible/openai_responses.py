"""OpenAI Responses.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from chatkit.models.response import REASONING, TEXT
from chatkit.server.compatible.answer import UNKNOWN_TOOL
from chatkit.server.compatible.asked import ResponsesAsked
from chatkit.server.compatible.endings import ending_of
from chatkit.server.compatible.shape import Shape, Timed, frame, known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.server.compatible.answer import Answer, Block

_COMPLETED, _UNFINISHED, _INCOMPLETE, _FAILED = "completed", "in_progress", "incomplete", "failed"
_PREFIXES = {TEXT: "msg", REASONING: "rs"}
Said = tuple[float, str, dict[str, Any]]
"""When, which event, and what it says."""


def _events(answer: Answer, _asked: ResponsesAsked) -> Iterator[Timed]:
    numbers = count()
    for at_ms, kind, content in _said(answer):
        yield Timed(at_ms, frame({"type": kind, "sequence_number": next(numbers), **content}, kind))


def _said(answer: Answer) -> Iterator[Said]:
    """What carries the finish reason comes last, when it came; the connection stays open until the stream ended."""
    begun = _response(answer, _UNFINISHED)
    for kind in ("response.created", "response.in_progress"):
        yield answer.first_event_ms, kind, {"response": begun}
    ends = [*(block.pieces[0][0] for block in answer.blocks[1:]), answer.finished_ms]
    is_ended = ending_of(answer) is not None
    for index, (block, end_ms) in enumerate(zip(answer.blocks, ends, strict=False)):
        yield from _begin(answer, block, index)
        if is_ended or index + 1 < len(answer.blocks):
            yield from _end(answer, block, index, end_ms)
    status = _status(answer)
    if status != _UNFINISHED:
        at_ms = answer.ended_ms if status == _FAILED else answer.finished_ms
        yield at_ms, f"response.{status}", {"response": _response(answer, status), **answer.timings}


def _begin(answer: Answer, block: Block, index: int) -> Iterator[Said]:
    begins_ms = block.pieces[0][0]
    yield begins_ms, "response.output_item.added", {"output_index": index, "item": _item(answer, block, index, "")}
    place = _place(answer, block, index)
    if block.kind in _PREFIXES:
        yield begins_ms, "response.content_part.added", {**place, "part": _part(block, "")}
    for at_ms, text in block.pieces:
        yield at_ms, f"{_name(block)}.delta", {**place, "delta": text, **_no_logprobs(block)}


def _end(answer: Answer, block: Block, index: int, end_ms: float) -> Iterator[Said]:
    place = _place(answer, block, index)
    if block.kind in _PREFIXES:
        yield end_ms, f"{_name(block)}.done", {**place, "text": block.text, **_no_logprobs(block)}
        yield end_ms, "response.content_part.done", {**place, "part": _part(block, block.text)}
    else:
        yield end_ms, f"{_name(block)}.done", {**place, "name": UNKNOWN_TOOL, "arguments": block.text}
    item = _item(answer, block, index, block.text)
    yield end_ms, "response.output_item.done", {"output_index": index, "item": item}


def _name(block: Block) -> str:
    if block.kind == TEXT:
        return "response.output_text"
    return "response.reasoning_text" if block.kind == REASONING else "response.function_call_arguments"


def _place(answer: Answer, block: Block, index: int) -> dict[str, Any]:
    place = {"item_id": _item_id(answer, block, index), "output_index": index}
    return {**place, "content_index": 0} if block.kind in _PREFIXES else place


def _item_id(answer: Answer, block: Block, index: int) -> str:
    return f"{_PREFIXES.get(block.kind, 'fc')}_{answer.wire_id}{index}"


def _item(answer: Answer, block: Block, index: int, text: str) -> dict[str, Any]:
    """Return an item of the output: as it begins where the text is empty, else as it ends."""
    item = {"id": _item_id(answer, block, index), "status": _COMPLETED if text else _UNFINISHED}
    content = [_part(block, text)] if text else []
    if block.kind == TEXT:
        return {**item, "type": "message", "role": "assistant", "content": content}
    if block.kind == REASONING:
        return {**item, "type": "reasoning", "summary": [], "content": content}
    call_id = f"call_{answer.wire_id}{index}"
    return {**item, "type": "function_call", "call_id": call_id, "name": UNKNOWN_TOOL, "arguments": text}


def _part(block: Block, text: str) -> dict[str, Any]:
    if block.kind == REASONING:
        return {"type": "reasoning_text", "text": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _no_logprobs(block: Block) -> dict[str, Any]:
    return {"logprobs": []} if block.kind == TEXT else {}


def _status(answer: Answer) -> str:
    ending = ending_of(answer)
    if ending is None:
        return _UNFINISHED if answer.error is None else _FAILED
    return _COMPLETED if ending.responses == _COMPLETED else _INCOMPLETE


def _whole(answer: Answer) -> dict[str, Any]:
    status = _status(answer)
    return {**_response(answer, _INCOMPLETE if status == _UNFINISHED else status), **answer.timings}


def _response(answer: Answer, status: str) -> dict[str, Any]:
    ending = ending_of(answer)
    is_ended = status != _UNFINISHED
    items = [_item(answer, block, index, block.text) for index, block in enumerate(answer.blocks)]
    return {
        "id": f"resp_{answer.wire_id}",
        "object": "response",
        "created_at": answer.created_s,
        "status": status,
        "error": {"code": "server_error", "message": answer.error} if status == _FAILED else None,
        "incomplete_details": {"reason": ending.responses} if status == _INCOMPLETE and ending else None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": items if is_ended else [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": (_usage(answer) or None) if is_ended else None,
    }


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    cached = known(cached_tokens=usage.cached_tokens)
    reasoning = known(reasoning_tokens=usage.reasoning_tokens)
    return {
        **known(
            input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
        ),
        **({"input_tokens_details": cached} if cached else {}),
        **({"output_tokens_details": reasoning} if reasoning else {}),
    }


OPENAI_RESPONSES = Shape("/v1/responses", ResponsesAsked, _events, _whole)
