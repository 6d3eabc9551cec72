"""The routes below ``/v1``: three APIs that stream a recording as it came, the names to ask for, and a sign of life."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from chatkit.server.compatible.answer import Answer
from chatkit.server.compatible.anthropic_messages import ANTHROPIC_MESSAGES
from chatkit.server.compatible.asked import Asked
from chatkit.server.compatible.catalogue import Catalogue
from chatkit.server.compatible.listing import model_json, models_json
from chatkit.server.compatible.openai_chat import OPENAI_CHAT
from chatkit.server.compatible.openai_responses import OPENAI_RESPONSES
from chatkit.server.compatible.openapi import ANSWERED, LISTED, REFUSED, SPEED_HEADER, asking
from chatkit.server.compatible.script import Script, script_of
from chatkit.server.compatible.sending import Sending
from chatkit.server.compatible.shape import Shape
from chatkit.server.plain_json import json_answer
from chatkit.server.problems import ProblemError
from chatkit.server.recent import Reading
from chatkit.server.replay_routes import Speed, is_in_flight
from chatkit.server.service import Served, Service, service_of
from chatkit.store import Store

router = APIRouter(tags=["provider-compatible replay"])
_SPEED: TypeAdapter[float] = TypeAdapter(Speed)


def catalogue_of(request: Request) -> Catalogue:
    """Return the application's one catalogue, which remembers whose turn it is."""
    state = request.app.state
    if not hasattr(state, "catalogue"):
        state.catalogue = Catalogue(service_of(request).store)
    catalogue: Catalogue = state.catalogue
    return catalogue


Listed = Annotated[Catalogue, Depends(catalogue_of)]


def _add_replay(shape: Shape, name: str) -> None:
    async def replay(request: Request, service: Served, catalogue: Listed) -> Response:
        sending = Sending(request, service, _speed(request.headers.get(SPEED_HEADER)))
        asked = _parsed(await request.body(), shape.asked)
        chosen = catalogue.known(asked.model)
        if chosen is None:
            chosen = await service.run(lambda: catalogue.choose(asked.model, asked.last_said))
        reading = await service.reading(chosen)
        answer = _answer(reading, asked, service.store)
        if not asked.stream:
            return await sending.whole(answer, shape)
        return await sending.stream(await _script(reading, answer, shape, asked, service))

    router.add_api_route(
        shape.path,
        replay,
        methods=["POST"],
        name=name,
        summary=f"{name}: a recording, as it came",
        responses={**ANSWERED, **REFUSED},
        openapi_extra=asking(shape.asked, _SPEED.json_schema()),
    )


_add_replay(OPENAI_CHAT, "OpenAI chat")
_add_replay(OPENAI_RESPONSES, "OpenAI Responses")
_add_replay(ANTHROPIC_MESSAGES, "Anthropic Messages")


@router.get("/v1/models", responses={**LISTED, **REFUSED})
async def list_models(service: Served, catalogue: Listed) -> Response:
    """Every name that ``model`` can have, in one answer that clients of both providers read."""
    return json_answer(models_json(await service.run(catalogue.models)))


@router.get("/v1/models/{name}", responses={**LISTED, **REFUSED})
async def retrieve_model(name: str, service: Served, catalogue: Listed) -> Response:
    """One of these names."""
    found = next((model for model in await service.run(catalogue.models) if model.name == name), None)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"no model {name!r}: GET /v1/models lists what there is")
    return json_answer(model_json(found))


@router.get("/health")
async def say_health() -> dict[str, Any]:
    """Whether the server is up."""
    return {"status": "ok"}


def _speed(sent: str | None) -> float:
    try:
        return _SPEED.validate_python("1" if sent is None else sent)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"{SPEED_HEADER} is {sent!r}: {reason}", param=SPEED_HEADER
        ) from error


def _parsed(body: bytes, kind: type[Asked]) -> Asked:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, f"{where or 'the body'}: {first['msg']}", param=where or None
        ) from error


def _answer(reading: Reading, asked: Asked, store: Store) -> Answer:
    """Return what a message answers a request with."""
    message = reading.message
    response = message.streaming_response
    if response is None:
        reason = f"message {message.message_id} is of type {message.message_type!r}, not streamed: nothing to replay"
        raise ProblemError(HTTPStatus.NOT_FOUND, reason, param="model")
    if response.status == "streaming" and is_in_flight(store, message):
        raise ProblemError(HTTPStatus.CONFLICT, f"message {message.message_id} is still in flight: ask later")
    model = response.model or asked.model
    return reading.make(("answer", model), lambda: Answer(message.message_id, response, model))


async def _script(reading: Reading, answer: Answer, shape: Shape, asked: Asked, service: Service) -> Script:
    """Return how it is streamed; what was made for an earlier request is taken again."""
    key = ("script", shape.path, answer.model, asked.wants_usage)
    if key in reading.made:
        made: Script = reading.made[key]
        return made
    return await service.run(lambda: reading.make(key, lambda: script_of(answer, shape, asked, _raw(reading, service))))


def _raw(reading: Reading, service: Service) -> Path | None:
    message = reading.message
    return service.store.context(message.context_id).events_file(message.message_id)
