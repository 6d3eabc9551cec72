"""The page at ``/``: contexts, messages, and the player; and the description of the API."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader

from chatkit.models import Message
from chatkit.replay.lanes import lane
from chatkit.server.api_description import operations
from chatkit.server.plain_json import json_answer
from chatkit.server.problems import EVERYWHERE, ProblemError
from chatkit.server.schemas import MessageId
from chatkit.server.service import Served
from chatkit.web import server_module, server_page, server_style

router = APIRouter(include_in_schema=False)

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES = Environment(loader=PackageLoader("chatkit.server"), autoescape=True)


@router.get("/")
async def page() -> Response:
    """Show the page."""
    return Response(server_page(), headers=_HEADERS, media_type="text/html")


@router.get("/page/module.js")
async def module() -> Response:
    """Return the page's script."""
    return Response(server_module(), headers=_HEADERS, media_type="text/javascript")


@router.get("/page/style.css")
async def style() -> Response:
    """Return the page's style sheet."""
    return Response(server_style(), headers=_HEADERS, media_type="text/css")


@router.get("/page/lanes/{message_id}")
async def get_lane(service: Served, message_id: MessageId) -> Response:
    """Return a response as the player takes it."""
    message = await service.message(message_id)
    return json_answer(await service.run(lambda: _lane(message)))


@router.get("/docs")
async def description(request: Request) -> Response:
    """Describe the API, without anything from elsewhere."""
    text = _TEMPLATES.get_template("api.html").render(
        groups=operations(request.app.openapi(), {str(int(status)) for status in EVERYWHERE}), everywhere=EVERYWHERE
    )
    return Response(text, headers=_HEADERS, media_type="text/html")


def _lane(message: Message) -> dict[str, Any]:
    try:
        return lane(message).to_json()
    except ValueError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from error
