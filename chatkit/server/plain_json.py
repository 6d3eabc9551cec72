"""JSON in and out: what a store's files can hold, and answers written as they hold it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from chatkit.store.json_files import dump_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEPEST = 100
NO_STORE = {"Cache-Control": "no-store"}
"""What is stored changes under the reader, and is nobody else's business."""


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON; half characters are escaped, which UTF-8 can't write."""
    return Response(dump_json(content), status, {**NO_STORE, **(headers or {})}, media_type="application/json")


def check_plain(content: dict[str, Any]) -> dict[str, Any]:
    """Return an object that every reader of the store's files can read.

    >>> check_plain({"a": [1, {"b": None}]})
    {'a': [1, {'b': None}]}

    Raises:
        ValueError: it is nested deeper than some readers go, or holds NaN or infinity, which Python's reader lets
            through.
    """
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        level = [inner for each in level if isinstance(each, dict | list) for inner in _inside(each)]
        if not level:
            break
    else:
        raise ValueError(f"nested deeper than {_DEEPEST} levels")
    json.dumps(content, allow_nan=False)
    return content


def _inside(content: dict[str, Any] | list[Any]) -> list[Any]:
    return list(content.values()) if isinstance(content, dict) else content
