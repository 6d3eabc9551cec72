"""A refusal in the form that whoever asked can read: a provider's client, a person, or any other program."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response

from chatkit.server import compatible
from chatkit.server.problems import ProblemError, problem_response

if TYPE_CHECKING:
    from starlette.types import Scope

_PROVIDERS, _API = "/v1/", "/api/"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>chatkit</title></head><body><h1>{title}</h1><p>{detail}</p></body></html>
"""
_NOTHING_ELSE = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}


def refuse(scope: Scope, problem: ProblemError) -> Response:
    """Return a problem as an answer."""
    path = scope["path"]
    if path.startswith(_PROVIDERS):
        return compatible.refuse(path, problem)
    if not path.startswith(_API) and "text/html" in Headers(scope=scope).get("accept", ""):
        return _page(problem)
    return problem_response(problem)


def _page(problem: ProblemError) -> Response:
    told = {name: html.escape(str(problem.to_dict()[name])) for name in ("title", "detail")}
    headers = {**(problem.headers or {}), **_NOTHING_ELSE}
    return Response(_PAGE.format(**told), problem.status_code, headers, media_type="text/html")
