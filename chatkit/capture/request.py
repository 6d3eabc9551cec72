"""What a request to a provider holds: the model asked for, the system prompt, and the messages so far."""

from __future__ import annotations

import json
from itertools import chain, groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.capture.calls import arguments_of, arguments_sent, in_one_form, is_call
from chatkit.capture.reading import list_of, mapping_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chatkit.models import Message

_SYSTEM_ROLES = {"system", "developer"}
_SYSTEM_KEYS = ("system", "instructions", "systemInstruction", "system_instruction")
_NOT_PARAMETERS = {"messages", "input", "contents", *_SYSTEM_KEYS, "extra_headers", "extra_query", "timeout"}
"""What is said, and how it is sent: headers may hold keys, which no store should."""
ASSISTANT = "assistant"
_ROLES = {"model": ASSISTANT}  # Gemini's name for it
_LONGEST_TITLE = 60


class Turn(NamedTuple):
    """One message of a request: who said it, and its text. Parts that are no text come along as they are.

    Attributes:
        arguments: of its tool calls, one after the other; "" where none is known.
    """

    role: str
    text: str
    other_parts: tuple[Any, ...] = ()
    arguments: str = ""

    @property
    def called(self) -> str:
        """:attr:`arguments` in the form in which calls are compared."""
        return in_one_form(self.arguments)

    @property
    def is_bare_call(self) -> bool:
        """Whether it is the model's and has no text: what it did was to call a tool."""
        return self.role == ASSISTANT and not self.text.strip()

    def says_as(self, other: Turn) -> bool:
        """Whether another turn says the same; a client may have stripped it of outer white space.

        Tool calls count where there is no text, and both are known.
        """
        if (self.role, self.text.strip()) != (other.role, other.text.strip()):
            return False
        called = {self.called, other.called} if self.is_bare_call else set()
        return len(called - {""}) < 2


def as_json(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request in plain JSON types: an SDK takes its own models among the messages, too."""
    text = json.dumps(dict(request), default=_plain, skipkeys=True)
    plain: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)  # a store's files hold no NaN
    return plain


def turns(request: Mapping[str, Any]) -> list[Turn]:
    """Return the messages of a request, without system prompts (OpenAI chat and Responses, Anthropic, Gemini)."""
    said: Any = request.get("messages", request.get("input", request.get("contents", [])))
    items = said if isinstance(said, list) else [said]
    found = [_turn(item) for item in items if _is_said(item)]
    told = [turn for turn in found if turn.role not in _SYSTEM_ROLES]
    return told if "messages" in request else list(_answers_joined(told))


def turn_of(message: Message) -> Turn:
    """Return a stored message as a request would repeat it."""
    return Turn(message.role, message.content, arguments=arguments_sent(message.streaming_response))


def title(asked: Iterable[Turn]) -> str | None:
    """Return a title for a conversation: the first text of its user, shortened; None if there is none."""
    first = next((" ".join(turn.text.split()) for turn in asked if turn.role == "user" and turn.text.strip()), None)
    if first is None or len(first) <= _LONGEST_TITLE:
        return first
    return f"{first[: _LONGEST_TITLE - 1].rstrip()}…"


def n_repeated(said: Sequence[Sequence[Turn]], asked: Sequence[Turn]) -> int:
    """Count the messages that a request begins with and that were said before, in that order.

    Args:
        said: each step of the conversation; the choices of a response are one step.
        asked: the request's messages.
    """
    same = 0
    for step, turn in zip(said, asked, strict=False):
        if not any(turn.says_as(before) for before in step):
            break
        same += 1
    return same


def system_prompt(request: Mapping[str, Any]) -> str | None:
    """Return the system prompt, wherever the provider puts it; None if there is none."""
    for holder in (request, mapping_of(request, "config")):
        for key in _SYSTEM_KEYS:
            if holder.get(key):
                return _content(holder[key])[0]
    prompts = [_turn(item) for key in ("messages", "input") for item in list_of(request, key) if isinstance(item, dict)]
    return "\n\n".join(turn.text for turn in prompts if turn.role in _SYSTEM_ROLES) or None


def model_asked_for(request: Mapping[str, Any]) -> str | None:
    """Return the model that is asked for; None where what stands there is no name."""
    return text_of(request, "model") or None


def parameters(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rest of a request: temperature, limits, seed, tools and so on."""
    return {key: value for key, value in request.items() if key not in _NOT_PARAMETERS}


def _plain(value: Any) -> Any:
    """Return what JSON takes in the place of a value it does not know."""
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return value.model_dump(mode="json", exclude_none=True)
    return list(value) if isinstance(value, tuple | set | frozenset) else repr(value)


def _is_said(item: Any) -> bool:
    """Whether an item is a message: of the Responses API's other items, only a tool's call and its answer are."""
    if isinstance(item, dict):
        return "role" in item or "type" not in item or is_call(item) or text_of(item, "type").endswith("_output")
    return isinstance(item, str)


def _turn(item: str | dict[str, Any]) -> Turn:
    if isinstance(item, str):
        return Turn("user", item)
    if is_call(item):
        return Turn(ASSISTANT, "", arguments=arguments_of(item))
    role = text_of(item, "role") or ("tool" if "output" in item else "user")
    content = next((item[key] for key in ("content", "parts", "output") if item.get(key)), None)
    return Turn(_ROLES.get(role, role), *_content(content), arguments=arguments_of(item))


def _answers_joined(told: Iterable[Turn]) -> Iterator[Turn]:
    """Make one turn of what is one answer: its items stand apart where an API knows no messages."""
    for role, turns_of_one in groupby(told, key=attrgetter("role")):
        if role != ASSISTANT:
            yield from turns_of_one
            continue
        _, texts, others, arguments = zip(*turns_of_one, strict=True)
        yield Turn(role, "".join(texts), tuple(chain.from_iterable(others)), "".join(arguments))


def _content(content: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the text of a message's content (a string, an object with parts, or a list of parts), and other parts."""
    if isinstance(content, str):
        return content, ()
    parts = list_of(content, "parts") if isinstance(content, dict) else content
    parts = parts if isinstance(parts, list) else []
    texts = [part if isinstance(part, str) else text_of(part, "text") for part in parts]
    others = tuple(part for part, text in zip(parts, texts, strict=True) if not text)
    return "".join(texts), others
