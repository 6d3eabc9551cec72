"""Why an answer ended, in each provider's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatkit.models.response import TOOL_CALL

if TYPE_CHECKING:
    from chatkit.server.compatible.answer import Answer


class Ending(NamedTuple):
    """One reason in the words of OpenAI chat, Anthropic Messages and OpenAI Responses."""

    chat: str
    messages: str
    responses: str


_DONE = Ending("stop", "end_turn", "completed")
_LENGTH = Ending("length", "max_tokens", "max_output_tokens")
_TOOL = Ending("tool_calls", "tool_use", "completed")
_FILTER = Ending("content_filter", "refusal", "content_filter")
_STOP_SEQUENCE = Ending("stop", "stop_sequence", "completed")

_MEANINGS = {
    "stop": _DONE, "end_turn": _DONE, "completed": _DONE, "pause_turn": _DONE, "STOP": _DONE,
    "length": _LENGTH, "max_tokens": _LENGTH, "max_output_tokens": _LENGTH, "MAX_TOKENS": _LENGTH,
    "model_context_window_exceeded": _LENGTH,
    "tool_calls": _TOOL, "function_call": _TOOL, "tool_use": _TOOL,
    "content_filter": _FILTER, "refusal": _FILTER, "SAFETY": _FILTER, "RECITATION": _FILTER, "BLOCKLIST": _FILTER,
    "PROHIBITED_CONTENT": _FILTER, "SPII": _FILTER,
    "stop_sequence": _STOP_SEQUENCE,
}  # fmt: skip
_OWN_WORDS = Ending("function_call", "pause_turn model_context_window_exceeded", "")
"""What only one provider says; to that one it is said unchanged."""


def ending_of(answer: Answer) -> Ending | None:
    """Return why an answer ended; None for one that was cut off, or broke.

    A recording that does not say (no old store does) ended as most do: a client needs to be told something. A
    reason that nobody knows is passed on as it is, where the protocol has room for it.
    """
    if answer.is_cut_short or answer.error is not None:
        return None
    reason = answer.response.finish_reason
    if reason is None or reason == "completed":  # which the Responses API says after a call of a tool, too
        return _TOOL if any(block.kind == TOOL_CALL for block in answer.blocks) else _DONE
    meaning = _MEANINGS.get(reason, Ending(reason, reason, "completed"))
    return Ending(*(reason if reason in own.split() else word for own, word in zip(_OWN_WORDS, meaning, strict=True)))
