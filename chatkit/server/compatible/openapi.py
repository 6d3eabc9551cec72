"""What the API's description says of these routes, beyond what their signatures say."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatkit.server.compatible.asked import Asked

SPEED_HEADER = "X-Replay-Speed"
_JSON = {"application/json": {"schema": {"type": "object"}}}
_EVENT = {"type": "object", "properties": {"event": {"type": "string"}, "data": {"type": "string"}}}
_EVENTS = {"text/event-stream": {"schema": _EVENT}}
_MEANINGS = {
    HTTPStatus.BAD_REQUEST: "The body or the speed is not what it should be.",
    HTTPStatus.UNAUTHORIZED: "No token, or not the right one.",
    HTTPStatus.FORBIDDEN: "Another host or origin than the bound one.",
    HTTPStatus.NOT_FOUND: "There is no such recording.",
    HTTPStatus.CONFLICT: "The response is still in flight.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The recording can't be read, or holds an error.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server is stopping.",
}
Responses = dict[int | str, dict[str, Any]]
REFUSED: Responses = {int(status): {"description": meaning, "content": _JSON} for status, meaning in _MEANINGS.items()}
"""Errors, in the provider's own shape."""
LISTED: Responses = {200: {"description": "What there is.", "content": _JSON}}
ANSWERED: Responses = {
    200: {"description": "The events as they came, or the whole at once.", "content": _JSON | _EVENTS}
}


def asking(asked: type[Asked], speed: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a request that a route reads by hand.

    Args:
        asked: what its body must be.
        speed: the schema of the header.
    """
    schema = asked.model_json_schema()
    definitions = schema.pop("$defs", {})
    said = "1 as recorded, 2 in half the time, 0 all at once."
    header = {"name": SPEED_HEADER, "in": "header", "description": said, "schema": {**speed, "default": 1}}
    content = {"application/json": {"schema": _inlined(schema, definitions)}}
    return {"parameters": [header], "requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Put each definition where it is referred to: a route's body has no place for definitions."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in schema.items()}
