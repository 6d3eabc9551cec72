"""The route of replays: a stored response as server-sent events, each at its time."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import AfterValidator, WithJsonSchema

from chatkit.models import Message
from chatkit.server.event_stream import EventStream
from chatkit.server.problems import ProblemError, problems
from chatkit.server.replay_events import Origin, Replay
from chatkit.server.schemas import MessageId
from chatkit.server.service import Served
from chatkit.store import Store

router = APIRouter(prefix="/api/messages", tags=["replay"])

_SLOWEST, _FASTEST = 0.01, 1000.0


def _check_speed(speed: float) -> float:
    if speed != 0 and not _SLOWEST <= speed <= _FASTEST:
        raise ValueError(f"speed is 0 for instant, or {_SLOWEST:g} to {_FASTEST:g}")
    return speed


Speed = Annotated[
    float,
    AfterValidator(_check_speed),
    WithJsonSchema({"anyOf": [{"const": 0}, {"type": "number", "minimum": _SLOWEST, "maximum": _FASTEST}]}),
]

_STREAM: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "description": "Server-sent events: `chunk` for each chunk at its time, then `done`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    HTTPStatus.NO_CONTENT: {"description": "`Last-Event-ID` is that of `done`: there is nothing more to come."},
}


@router.get(
    "/{message_id}/replay",
    response_class=EventStream,
    responses=_STREAM | problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def replay(
    service: Served,
    message_id: MessageId,
    speed: Annotated[Speed, Query(description="2 in half the time, 0.5 in twice, 0 all at once.")] = 1.0,
    origin: Annotated[
        Origin | None,
        Query(alias="from", description="With the wait for the first chunk, or without; with it where it is known."),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(pattern="^[0-9]{0,15}$", description="The last event that was seen, to go on after it.")
    ] = None,
) -> Response:
    """Replay a response with its recorded timing."""
    message = await service.message(message_id)
    response = message.streaming_response
    if response is None:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} has nothing to replay: it is of type {message.message_type!r}, not streamed",
        )
    if response.status == "streaming" and await service.run(lambda: is_in_flight(service.store, message)):
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} is still in flight: GET /api/contexts/{message.context_id}/sse shows it live",
        )
    if origin == "request" and not response.is_request_known:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} does not know when its request was sent: ask for from=first_chunk",
        )
    replayed = Replay(message_id, response, speed, origin, after=int(last_event_id or 0))
    if replayed.is_over:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return EventStream(replayed.events(service.clock), service.stopping)


def is_in_flight(store: Store, message: Message) -> bool:
    """Whether a response has no end yet; one in an old format may never have been given any."""
    context = store.context(message.context_id)
    return context.format_name == "chatkit" and context.folder().journal_file(message.message_id).exists()
