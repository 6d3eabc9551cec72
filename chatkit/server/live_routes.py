"""The route of live events: what happens in a context, whoever makes it happen."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import WithJsonSchema

from chatkit.models.record import ID_PATTERN
from chatkit.server.event_stream import EventStream, telling_problems
from chatkit.server.live_context import LiveContext, Seen
from chatkit.server.problems import problems
from chatkit.server.schemas import ContextId, event_stream
from chatkit.server.service import Served, Service

router = APIRouter(prefix="/api/contexts", tags=["live"])

LOOK_EVERY_MS = 200.0
PING_EVERY_MS = 15_000.0
_PING = b": ping\n\n"

_SEEN_PATTERN = f"^$|{ID_PATTERN[:-1]}:[0-9]{{1,15}}$"
_TEXT = {"type": "string"}
_STREAM: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: event_stream(
        "Server-sent events without end: `ContextUpdate`, and `Delta` for each chunk as it comes, by whose `id` one "
        "goes on after a cut.",
        "ContextUpdate",
        "Delta",
        "error",
        context_id=_TEXT,
        current_state={},
        previous_state={},
        message_update={"type": "object"},
        timestamp=_TEXT,
        message_id=_TEXT,
        sequence={"type": "integer"},
        delta=_TEXT,
        kind=_TEXT,
    )
}


@router.get(
    "/{context_id}/sse",
    response_class=EventStream,
    responses=_STREAM | problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def live(
    service: Served,
    context_id: ContextId,
    last_event_id: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": _SEEN_PATTERN}),
        Header(pattern=_SEEN_PATTERN, description="The last event that was seen, to go on after it."),
    ] = None,
) -> Response:
    """Follow a context: how it stands, then what happens, whichever process makes it happen."""
    seen = Seen.of(last_event_id or "")
    following = await service.run(lambda: LiveContext(service.store, context_id, seen))
    first = await service.run(following.begin)
    return EventStream(telling_problems(_events(service, following, first)), service.stopping)


async def _events(service: Service, following: LiveContext, first: bytes) -> AsyncGenerator[bytes, None]:
    """Look again and again; a ping now and then shows that the server lives, and that the client does."""
    clock = service.clock
    yield first
    told_ms = clock.now_ms()
    while True:
        await clock.sleep_ms(LOOK_EVERY_MS)
        news = await service.run(following.look)
        if not news and clock.now_ms() - told_ms >= PING_EVERY_MS:
            news = _PING
        if news:
            yield news
            told_ms = clock.now_ms()
