"""The description of the API for a person: from the OpenAPI document, what a page shows of each operation."""

from __future__ import annotations

from typing import Any, NamedTuple

_METHODS = ("get", "post", "put", "patch", "delete")


class Argument(NamedTuple):
    """Something that an operation takes."""

    name: str
    place: str
    limits: str
    description: str


class Answer(NamedTuple):
    """Something that an operation answers."""

    status: str
    kinds: str
    description: str


class Operation(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    description: str
    arguments: list[Argument]
    answers: list[Answer]


def operations(openapi: dict[str, Any], everywhere: set[str]) -> dict[str, list[Operation]]:
    """Return the operations of an OpenAPI document by their first tag.

    Args:
        openapi: the document.
        everywhere: statuses that any operation may answer, and of which none says more.
    """
    found: dict[str, list[Operation]] = {}
    for path, item in openapi["paths"].items():
        for method in (method for method in _METHODS if method in item):
            said = item[method]
            arguments = [_argument(parameter) for parameter in said.get("parameters", [])] + _fields(said, openapi)
            answers = [_answer(status, each) for status, each in said["responses"].items() if status not in everywhere]
            description = said.get("description") or said.get("summary", "")
            tag = next(iter(said.get("tags", [])), "other")
            found.setdefault(tag, []).append(Operation(method.upper(), path, description, arguments, answers))
    return found


def _argument(parameter: dict[str, Any]) -> Argument:
    schema = parameter.get("schema", {})
    return Argument(parameter["name"], parameter["in"], _limits(schema), parameter.get("description", ""))


def _fields(said: dict[str, Any], openapi: dict[str, Any]) -> list[Argument]:
    """Return the fields of a body in JSON."""
    schema = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    fields = schema.get("properties", {}).items()
    return [Argument(name, "body", _limits(field), field.get("description", "")) for name, field in fields]


def _limits(schema: dict[str, Any]) -> str:
    """Say what is taken, and what is taken where nothing is given."""
    schema = {**next((each for each in schema.get("anyOf", []) if each.get("type") != "null"), {}), **schema}
    choices = ", ".join(map(str, schema.get("enum", [])))
    bounds = f"{schema['minimum']} to {schema['maximum']}" if {"minimum", "maximum"} <= schema.keys() else ""
    default = f"default {schema['default']}" if schema.get("default") not in {None, ""} else ""
    return "; ".join(part for part in (choices or bounds or schema.get("type", ""), default) if part)


def _answer(status: str, answer: dict[str, Any]) -> Answer:
    return Answer(status, ", ".join(answer.get("content", {})), answer.get("description", ""))
