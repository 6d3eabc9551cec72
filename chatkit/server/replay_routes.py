"""The route of replays: a stored response as server-sent events, each at its time."""

from http import HTTPStatus
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AfterValidator, WithJsonSchema

from chatkit.models import Message
from chatkit.server.arrival import came_ms
from chatkit.server.event_stream import EventStream, telling_problems
from chatkit.server.problems import ProblemError, problems
from chatkit.server.replay_events import Origin, Replay, frames_of
from chatkit.server.schemas import AsWritten, MessageId, event_stream
from chatkit.server.service import Served
from chatkit.store import Store

router = APIRouter(prefix="/api/messages", tags=["replay"])

_SLOWEST, _FASTEST = 0.01, 1000.0
_MANY = 1000
"""To encode more chunks would hold up other streams for more than a ms or two."""


def _check_speed(speed: float) -> float:
    if speed != 0 and not _SLOWEST <= speed <= _FASTEST:
        raise ValueError(f"speed is 0 for instant, or {_SLOWEST:g} to {_FASTEST:g}")
    return speed


Speed = Annotated[
    float,
    AsWritten,
    AfterValidator(_check_speed),
    WithJsonSchema({"anyOf": [{"const": 0}, {"type": "number", "minimum": _SLOWEST, "maximum": _FASTEST}]}),
]

_SPEED = f"2 in half the time, 0.5 in twice, 0 all at once; 0, or {_SLOWEST:g} to {_FASTEST:g}."
_SEEN_PATTERN = "^[0-9]{0,15}$"
_INTEGER, _NUMBER, _TEXT = {"type": "integer"}, {"type": "number"}, {"type": "string"}
_STREAM: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: event_stream(
        "Server-sent events: `chunk` for each chunk at its time, then `done` (which has the message's id, and what "
        "is known of its end).",
        "chunk",
        "done",
        message_id=_TEXT,
        sequence=_INTEGER,
        delta=_TEXT,
        kind=_TEXT,
        accumulated_chars={"type": ["integer", "null"]},
        interval_ms={"type": ["integer", "null"]},
        offset_ms=_NUMBER,
        chunks=_INTEGER,
        total_duration_ms={"type": ["integer", "null"]},
        finish_reason={"type": ["string", "null"]},
        usage={"type": ["object", "null"]},
    ),
    HTTPStatus.NO_CONTENT: {"description": "`Last-Event-ID` is that of `done`: there is nothing more to come."},
}


@router.get(
    "/{message_id}/replay",
    response_class=EventStream,
    responses=_STREAM | problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def replay(
    request: Request,
    service: Served,
    message_id: MessageId,
    speed: Annotated[Speed, Query(description=_SPEED)] = 1.0,
    origin: Annotated[
        Origin | None,
        WithJsonSchema({"enum": list(get_args(Origin))}),
        Query(alias="from", description="With the wait for the first chunk, or without; with it where it is known."),
    ] = None,
    last_event_id: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": _SEEN_PATTERN}),
        Header(pattern=_SEEN_PATTERN, description="The last event that was seen, to go on after it."),
    ] = None,
) -> Response:
    """Replay a response with its recorded timing."""
    reading = await service.reading(message_id)
    message = reading.message
    response = message.streaming_response
    if response is None:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} has nothing to replay: it is of type {message.message_type!r}, not streamed",
        )
    if response.status == "streaming":
        if await service.run(lambda: is_in_flight(service.store, message)):
            raise ProblemError(
                HTTPStatus.CONFLICT,
                f"message {message_id} is still in flight: GET /api/contexts/{message.context_id}/sse shows it live; "
                "if its recorder has died, 'chatkit repair' ends it",
            )
        reading = await service.reading(message_id)  # it may have ended since it was read
    if origin == "request" and not response.is_request_known:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} does not know when its request was sent: ask for from=first_chunk",
        )
    replayed = Replay(reading, came_ms(request), speed, origin, after=int(last_event_id or 0))
    if replayed.is_over:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    if reading.n_chunks > _MANY:
        await service.run(lambda: frames_of(reading))
    return EventStream(telling_problems(replayed.events(service.clock)), service.stopping)


def is_in_flight(store: Store, message: Message) -> bool:
    """Whether a response has no end yet; one in an old format may never have been given any."""
    context = store.context(message.context_id)
    return context.format_name == "chatkit" and context.folder().journal_file(message.message_id).exists()
