"""What went wrong, as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from chatkit.errors import (
    ChatkitError,
    CorruptFileError,
    NotFoundError,
    ReadOnlyError,
    StoreBusyError,
    StreamStateError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"

_STATUSES: dict[type[ChatkitError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    CorruptFileError: HTTPStatus.INTERNAL_SERVER_ERROR,
    ReadOnlyError: HTTPStatus.CONFLICT,
    StreamStateError: HTTPStatus.CONFLICT,
    StoreBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemError(Exception):
    """A request that is not answered as it was meant.

    Args:
        status: the HTTP status.
        detail: what went wrong: which one; what to do next.
        headers: of the answer.
        more: further members of the problem details.
    """

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    @classmethod
    def of(cls, error: ChatkitError) -> ProblemError:
        """Return the problem that an error of the store is to a client."""
        status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
        more = {"file": error.path, "where": error.where} if isinstance(error, CorruptFileError) else {}
        return cls(status, str(error), **more)

    def to_dict(self) -> dict[str, Any]:
        """Return the problem details."""
        title = HTTPStatus(self.status).phrase
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.more}


def problem_response(problem: ProblemError) -> JSONResponse:
    """Return a problem as an answer."""
    return JSONResponse(problem.to_dict(), problem.status, problem.headers, media_type=MEDIA_TYPE)
