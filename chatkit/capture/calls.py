"""What a model called its tools with, as a request repeats it; and when two say the same.

Only the arguments count: of a call a response keeps no more, and of several calls their arguments one after the other.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from chatkit.capture.reading import list_of, mapping_of, text_of
from chatkit.models.response import TOOL_CALL
from chatkit.models.text import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.capture.reading import Json
    from chatkit.models import Response

_INK = re.compile(r"\S")


def arguments_sent(response: Response | None) -> str:
    """Return the arguments of a response's calls as they were streamed."""
    chunks = response.chunks if response else ()
    return join(chunk.delta for chunk in chunks if chunk.kind == TOOL_CALL)


def arguments_of(item: Json) -> str:
    """Return the arguments of the calls in a message, or an item, of a request."""
    return join(_arguments(item))


def in_one_form(arguments: str) -> str:
    """Write JSON, of one call or of several, without white space, its keys in order; from where it is none, as it is.

    An empty object is left out: some providers stream it for a call without arguments, and others nothing.

    >>> in_one_form('{"to": "Rome", "at": 7} {"x": 1.0} {} print(1) ')
    '{"at":7,"to":"Rome"}{"x":1}print(1)'
    """
    decoder = json.JSONDecoder(parse_float=_number)
    found: list[str] = []
    at = 0
    while begin := _INK.search(arguments, at):
        try:
            value, at = decoder.raw_decode(arguments, begin.start())
            text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        except (ValueError, RecursionError):
            text, at = arguments[begin.start() :].rstrip(), len(arguments)
        found.append("" if text == "{}" else text)
    return "".join(found)


def is_call(item: Json) -> bool:
    """Whether an item of the Responses API is a call (``function_call``, ``custom_tool_call``, …)."""
    return text_of(item, "type").endswith("_call")


def _arguments(item: Json) -> Iterator[str]:
    if is_call(item):
        yield from (text_of(item, key) for key in ("arguments", "input", "code"))
    for call in [*list_of(item, "tool_calls"), {"function": item.get("function_call")}]:  # OpenAI chat
        yield _text(mapping_of(call, "function").get("arguments"))
        yield text_of(mapping_of(call, "custom"), "input")
    for block in list_of(item, "content"):  # Anthropic
        if text_of(block, "type").endswith("tool_use"):
            yield _text(mapping_of(block, "input"))
    for part in list_of(item, "parts"):  # Gemini
        for key in ("functionCall", "function_call"):
            yield _text(mapping_of(mapping_of(part, key), "args"))
        for key in ("executableCode", "executable_code"):
            yield text_of(mapping_of(part, key), "code")


def _text(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments) if arguments else ""


def _number(digits: str) -> float:
    """Read 1.0 as 1: a client in JavaScript writes no other."""
    number = float(digits)
    return int(number) if number.is_integer() else number
