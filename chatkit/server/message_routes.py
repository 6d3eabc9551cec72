"""The routes of messages: one as it is stored, several at once, and the chunks after a place."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from chatkit.errors import CorruptFileError, NotFoundError
from chatkit.models import Message
from chatkit.models.record import ID_PATTERN
from chatkit.server.plain_json import json_answer
from chatkit.server.problems import ProblemError, problems
from chatkit.server.schemas import AsWritten, Batch, Chunks, MessageId
from chatkit.server.service import Served
from chatkit.store import Store

router = APIRouter(prefix="/api/messages", tags=["messages"])

_MOST_IDS = 100
_MOST_SEQUENCE = 2**53
_ONE_ID = ID_PATTERN[1:-1]
_IDS_PATTERN = f"^{_ONE_ID}(,{_ONE_ID}){{0,{_MOST_IDS - 1}}}$"


@router.get("/batch", response_model=Batch, responses=problems())
async def get_messages(
    service: Served,
    ids: Annotated[str, Query(pattern=_IDS_PATTERN, description=f"At most {_MOST_IDS} ids, with commas between.")],
) -> Response:
    """Read several messages, each as it is stored."""
    return json_answer(await service.run(lambda: _batch(service.store, list(dict.fromkeys(ids.split(","))))))


@router.get("/{message_id}", response_model=Message, responses=problems(HTTPStatus.NOT_FOUND))
async def get_message(service: Served, message_id: MessageId) -> Response:
    """Read a message as it is stored: its content under the key that `message_type` names."""
    return json_answer((await service.message(message_id)).to_dict())


@router.get(
    "/{message_id}/chunks",
    response_model=Chunks,
    responses=problems(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def get_chunks(
    service: Served,
    message_id: MessageId,
    from_sequence: Annotated[
        int,
        Query(ge=0, le=_MOST_SEQUENCE, description="The last one that is known already: later ones come."),
        AsWritten,
    ] = 0,
) -> Response:
    """Pull the chunks of a response after a place, while it streams or later."""
    message = await service.message(message_id)
    response = message.streaming_response
    if response is None:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"message {message_id} has no chunks: it is of type {message.message_type!r}; GET /api/messages/… reads it",
        )
    later = [chunk.to_dict() for chunk in response.chunks if chunk.sequence > from_sequence]
    return json_answer({"message_id": message_id, "status": response.status, "chunks": later})


def _batch(store: Store, ids: list[str]) -> dict[str, Any]:
    there = store.contexts_of(ids)
    answer: dict[str, list[Any]] = {"messages": [], "missing": [], "problems": []}
    for message_id in ids:
        try:
            if message_id not in there:
                raise NotFoundError(message_id)
            answer["messages"].append(store.message(message_id).to_dict())
        except NotFoundError:
            answer["missing"].append(message_id)
        except CorruptFileError as error:
            answer["problems"].append({"id": message_id, "detail": str(error)})
    return answer
