"""The API does what its description says, whatever one sends: schemathesis looks for the opposite."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection

from chatkit.server.access import Access
from chatkit.server.app import create_app
from tests.server.recordings import FakeClock, response_of, stored

if TYPE_CHECKING:
    from tests.server.conftest import Asking

_HOST = {"Host": "127.0.0.1:8765"}
_FOLDER = TemporaryDirectory()
_STORE, _QUESTION, _ANSWER = stored(Path(_FOLDER.name), response_of([1, 2, 30], 40))
_REAL = {"context_id": _QUESTION.context_id, "message_id": _ANSWER.message_id}


def _application() -> object:
    app = create_app(_STORE, access=Access("127.0.0.1", 8765, None), clock=FakeClock())
    app.state.service.stopping.set()  # so that streams, of which one has no end, come to theirs
    return app


SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", _application(), headers=_HOST).include(path_regex="^/api/")


@SCHEMA.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_api_is_as_it_is_described(case: schemathesis.Case[Any]) -> None:
    """With ids that are nobody's, and again with those of what is there."""
    case.call_and_validate(headers=_HOST)
    ids = {name: _REAL[name] for name in _REAL if name in case.path_parameters}
    if ids:
        case.path_parameters |= ids
        case.call_and_validate(headers=_HOST, excluded_checks=[negative_data_rejection])


def test_errors_are_described_as_problem_details(asking: Asking) -> None:
    description = asking.get("/openapi.json").json()
    answers = [
        (path, status, answer)
        for path, operations in description["paths"].items()
        if path.startswith("/api/")
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status >= "400"
    ]
    assert len(answers) > 40
    assert {tuple(answer["content"]) for _, _, answer in answers} == {("application/problem+json",)}
    assert description["components"]["schemas"]["ProblemDetails"]["required"] == ["type", "title", "status", "detail"]


def test_every_route_of_the_table_is_described(asking: Asking) -> None:
    described = {
        (method.upper(), path)
        for path, operations in asking.get("/openapi.json").json()["paths"].items()
        for method in operations
        if path.startswith("/api/")
    }
    assert described == {
        ("GET", "/api/contexts"),
        ("POST", "/api/contexts"),
        ("GET", "/api/contexts/{context_id}"),
        ("POST", "/api/contexts/{context_id}/messages"),
        ("GET", "/api/contexts/{context_id}/sse"),
        ("GET", "/api/messages/batch"),
        ("GET", "/api/messages/{message_id}"),
        ("GET", "/api/messages/{message_id}/chunks"),
        ("GET", "/api/messages/{message_id}/replay"),
    }


def test_the_docs_name_every_route(asking: Asking) -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([A-Z]+) (/api/[^ ?`]+)", page, re.MULTILINE))
    described = asking.get("/openapi.json").json()["paths"]
    there = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, operations in described.items()
        for method in operations
        if path.startswith("/api/")
    }
    assert named == there
