"""The routes below ``/v1``: three APIs that stream a recording as it came, the names to ask for, and a sign of life."""

from http import HTTPStatus
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
from chatkit.server.replay_routes import Speed, is_in_flight
from chatkit.server.service import Served, service_of
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
        answer, script = await service.run(lambda: _chosen(catalogue, service.store, shape, asked))
        return await sending.whole(answer, shape) if script is None else await sending.stream(script)

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


def _chosen(catalogue: Catalogue, store: Store, shape: Shape, asked: Asked) -> tuple[Answer, Script | None]:
    """Read what a request gets; there is no script where it asks for the whole at once."""
    message = catalogue.choose(asked.model, asked.last_said)
    response = message.streaming_response
    if response is None:
        reason = f"message {message.message_id} is of type {message.message_type!r}, not streamed: nothing to replay"
        raise ProblemError(HTTPStatus.NOT_FOUND, reason, param="model")
    if response.status == "streaming" and is_in_flight(store, message):
        raise ProblemError(HTTPStatus.CONFLICT, f"message {message.message_id} is still in flight: ask later")
    answer = Answer(message.message_id, response, asked.model)
    if not asked.stream:
        return answer, None
    raw_path = store.context(message.context_id).events_file(message.message_id)
    return answer, script_of(answer, shape, asked, raw_path)
