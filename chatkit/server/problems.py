"""What went wrong, as problem details (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Match

from chatkit.errors import (
    ChatkitError,
    CorruptFileError,
    NotFoundError,
    ReadOnlyError,
    StoreBusyError,
    StreamStateError,
)
from chatkit.server.schemas import ProblemDetails

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

MEDIA_TYPE = "application/problem+json"
_LOGGER = logging.getLogger(__name__)

EVERYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
"""What every route may answer."""
_TRY_AGAIN = {"Retry-After": "1"}
_STATUSES: dict[type[ChatkitError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    CorruptFileError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ReadOnlyError: HTTPStatus.CONFLICT,
    StreamStateError: HTTPStatus.CONFLICT,
    StoreBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemError(HTTPException):
    """A request that is not answered as it was meant.

    Args:
        status: the HTTP status.
        detail: what went wrong: which one; what to do next.
        headers: of the answer.
        more: further members of the problem details.
    """

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.more = more

    @classmethod
    def of(cls, error: Exception) -> ProblemError:
        """Return the problem that an error is to a client."""
        if isinstance(error, ProblemError):
            return error
        if isinstance(error, RequestValidationError):
            return cls(HTTPStatus.UNPROCESSABLE_ENTITY, _what_is_wrong(error), errors=_errors(error))
        if isinstance(error, HTTPException):
            return cls(error.status_code, str(error.detail), headers=error.headers)
        if isinstance(error, CorruptFileError):
            return cls(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), file=error.path, where=error.where)
        if isinstance(error, ChatkitError):
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
            return cls(status, str(error), headers=_TRY_AGAIN if isinstance(error, StoreBusyError) else None)
        return cls(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: the server's log says more")

    def to_dict(self) -> dict[str, Any]:
        """Return the problem details."""
        title = HTTPStatus(self.status_code).phrase
        return {"type": "about:blank", "title": title, "status": self.status_code, "detail": self.detail, **self.more}


def problem_response(problem: ProblemError) -> JSONResponse:
    """Return a problem as an answer."""
    return JSONResponse(problem.to_dict(), problem.status_code, problem.headers, media_type=MEDIA_TYPE)


Refuse = Callable[["Scope", ProblemError], "Response"]
"""Makes the answer to a request that is refused."""


def answer_with_problems(app: FastAPI, refuse: Refuse) -> None:
    """Let every error of the application be answered as a problem."""

    async def answer(request: Request, error: Exception) -> Response:
        problem = ProblemError.of(error)
        if problem.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOGGER.error("%s", problem.detail)
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            problem.headers = {"Allow": ", ".join(_methods(app, request.scope))}
        return refuse(request.scope, problem)

    for kind in (HTTPException, RequestValidationError, ChatkitError, Exception):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)


async def _answer_nobody(_: Request, __: Exception) -> Response:
    """Answer who went away before the request was whole, which is no error: what is sent then reaches nobody."""
    return JSONResponse(None, HTTPStatus.BAD_REQUEST)


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return what may be asked of a path: the framework names the methods of the first route there only."""
    found = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in app.routes)
    ]
    return [*found, "HEAD"] if "GET" in found else found


def describe_problems(app: FastAPI) -> None:
    """Name what errors hold in the API's description."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        description = describe()
        description["components"]["schemas"].setdefault("ProblemDetails", ProblemDetails.model_json_schema())
        return description

    app.openapi = described  # type: ignore[method-assign]


def problems(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the description of a route's errors: these, and what every route of ``/api`` may answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        int(status): {"description": _MEANINGS.get(status, status.phrase), "content": content}
        for status in sorted({*EVERYWHERE, *statuses})
    }


_MEANINGS = {
    HTTPStatus.UNAUTHORIZED: "No token, or not the right one.",
    HTTPStatus.FORBIDDEN: "Another host or origin than the bound one.",
    HTTPStatus.NOT_FOUND: "There is none of this id.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "An argument is not what it should be.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A file of the store does not say what it should; `file` names it.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Another writer holds the context; try again.",
}


def _errors(error: RequestValidationError) -> list[dict[str, Any]]:
    """Return what is wrong where; not what was sent, which may be anything."""
    return [{"where": ".".join(map(str, each["loc"])), "detail": str(each["msg"])} for each in error.errors()]


def _what_is_wrong(error: RequestValidationError) -> str:
    return "; ".join(f"{each['where']}: {each['detail']}" for each in _errors(error))
