"""What a request to a provider holds: the model asked for, the system prompt, and the messages so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.capture.reading import list_of, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEM_ROLES = {"system", "developer"}
_NOT_PARAMETERS = {"messages", "input", "system", "instructions", "contents"}


class Turn(NamedTuple):
    """One message of a request: who said it, and its text. Parts that are no text come along as they are."""

    role: str
    text: str
    other_parts: tuple[Any, ...] = ()


def turns(request: Mapping[str, Any]) -> list[Turn]:
    """Return the messages of a request, without system prompts (OpenAI chat and Responses, Anthropic)."""
    said: Any = request.get("messages", request.get("input", []))
    if isinstance(said, str):
        return [Turn("user", said)]
    items = said if isinstance(said, list) else []
    found = [_turn(item) for item in items if isinstance(item, dict)]
    return [turn for turn in found if turn.role not in _SYSTEM_ROLES]


def system_prompt(request: Mapping[str, Any]) -> str | None:
    """Return the system prompt, wherever the provider puts it; None if there is none."""
    for key in ("system", "instructions"):
        if request.get(key):
            return _content(request[key])[0]
    prompts = [_turn(item) for key in ("messages", "input") for item in list_of(request, key) if isinstance(item, dict)]
    return "\n\n".join(turn.text for turn in prompts if turn.role in _SYSTEM_ROLES) or None


def parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rest of a request: temperature, limits, seed, tools and so on."""
    return {key: value for key, value in request.items() if key not in _NOT_PARAMETERS}


def _turn(item: dict[str, Any]) -> Turn:
    text, others = _content(item.get("content"))
    return Turn(text_of(item, "role") or "user", text, others)


def _content(content: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the text of a message's content (a string, or a list of parts) and its other parts."""
    if isinstance(content, str):
        return content, ()
    parts = content if isinstance(content, list) else []
    texts = [text_of(part, "text") for part in parts]
    others = tuple(part for part, text in zip(parts, texts, strict=True) if not text)
    return "".join(texts), others
