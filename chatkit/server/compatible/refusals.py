"""What went wrong, as each provider's own clients expect to be told."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from chatkit.server.compatible.anthropic_messages import ANTHROPIC_MESSAGES
from chatkit.server.problems import ProblemError, problem_response

if TYPE_CHECKING:
    from starlette.responses import Response

ROOT = "/v1/"
_SERVER_ERROR = 500
_OPENAI_CODES = {HTTPStatus.UNAUTHORIZED: "invalid_api_key", HTTPStatus.NOT_FOUND: "model_not_found"}
_ANTHROPIC_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.NOT_FOUND: "not_found_error",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "request_too_large",
}


def refuse(path: str, problem: ProblemError) -> Response:
    """Return a problem as an answer: in the provider's shape below ``/v1/``, as problem details elsewhere."""
    if not path.startswith(ROOT):
        return problem_response(problem)
    shape = _anthropic if path.startswith(ANTHROPIC_MESSAGES.path) else _openai
    return JSONResponse(shape(problem), problem.status_code, problem.headers)


def _openai(problem: ProblemError) -> dict[str, Any]:
    kind = "server_error" if problem.status_code >= _SERVER_ERROR else "invalid_request_error"
    code = _OPENAI_CODES.get(HTTPStatus(problem.status_code))
    return {"error": {"message": problem.detail, "type": kind, "param": problem.more.get("param"), "code": code}}


def _anthropic(problem: ProblemError) -> dict[str, Any]:
    otherwise = "api_error" if problem.status_code >= _SERVER_ERROR else "invalid_request_error"
    kind = _ANTHROPIC_TYPES.get(HTTPStatus(problem.status_code), otherwise)
    return {"type": "error", "error": {"type": kind, "message": problem.detail}}
