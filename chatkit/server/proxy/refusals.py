"""What the proxy says for itself, where there is no answer to hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.server.problems import ProblemError, problem_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope


def refuse(_: Scope, problem: ProblemError) -> Response:
    """Return problem details, and what went wrong once more where the clients of every provider look for it."""
    said = {"message": problem.detail, "type": "proxy_error", "code": None, "param": None}
    return problem_response(
        ProblemError(problem.status_code, problem.detail, headers=problem.headers, **problem.more, error=said)
    )
