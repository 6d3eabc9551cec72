"""The routes of contexts: what there is, how it stands, and making new ones."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import WithJsonSchema

from chatkit.errors import CorruptFileError
from chatkit.models import Branch, ContextConfig, Message
from chatkit.models.context import MAIN
from chatkit.server.context_list import CURSOR_PATTERN, described
from chatkit.server.plain_json import json_answer
from chatkit.server.problems import problems
from chatkit.server.schemas import (
    AsWritten,
    ContextAnswer,
    ContextId,
    ContextPage,
    CreatedMessage,
    NewContext,
    NewMessage,
)
from chatkit.server.service import Served, Service
from chatkit.store import Context, Store

router = APIRouter(prefix="/api/contexts", tags=["contexts"])

_MOST = 200


@router.get("", response_model=ContextPage, responses=problems())
async def list_contexts(
    service: Served,
    limit: Annotated[int, Query(ge=1, le=_MOST), AsWritten] = 50,
    cursor: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": CURSOR_PATTERN}),
        Query(pattern=CURSOR_PATTERN, description="A page's `next_cursor`."),
    ] = None,
) -> Response:
    """List contexts, the newest first: their metadata only."""
    return json_answer(await service.run(lambda: _page(service, limit, cursor)))


@router.get("/{context_id}", response_model=ContextAnswer, responses=problems(HTTPStatus.NOT_FOUND))
async def get_context(service: Served, context_id: ContextId) -> Response:
    """Tell how a context stands and which messages it has; none of them is opened."""
    return json_answer(await service.run(lambda: _with_messages(service.store.context(context_id))))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=ContextAnswer,
    responses=problems(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def create_context(service: Served, new: NewContext) -> Response:
    """Make a new, empty context."""
    context = await service.run(lambda: _created(service.store, new))
    location = f"/api/contexts/{context.context_id}"
    return json_answer(
        await service.run(lambda: _with_messages(context)), HTTPStatus.CREATED, headers={"Location": location}
    )


@router.post(
    "/{context_id}/messages",
    status_code=HTTPStatus.CREATED,
    response_model=CreatedMessage,
    responses=problems(
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.SERVICE_UNAVAILABLE,
    ),
)
async def append_message(service: Served, context_id: ContextId, new: NewMessage) -> Response:
    """Store a message at the end of a context. With an upstream, a user's message starts the model's answer."""
    message = Message.from_text(new.content, role=new.role, metadata=new.metadata)
    stored = await service.run(lambda: service.store.context(context_id).append_message(message))
    if new.role == "user" and service.upstream is not None:
        service.upstream.answer(service.store, context_id)
    return json_answer(
        {"message_id": stored.message_id, "context_id": context_id},
        HTTPStatus.CREATED,
        headers={"Location": f"/api/messages/{stored.message_id}"},
    )


def _created(store: Store, new: NewContext) -> Context:
    return store.create_context(
        title=new.title,
        config=ContextConfig(model_id=new.model, parameters=new.parameters),
        branches={MAIN: Branch(name=MAIN, system_prompt=new.system_prompt)},
        metadata=new.metadata,
    )


def _page(service: Service, limit: int, cursor: str | None) -> dict[str, Any]:
    page = service.contexts.page(limit, cursor)
    listed, unreadable = [], []
    with service.store.one_warning():
        for context in page.contexts:
            try:
                listed.append(described(context))
            except (CorruptFileError, FileNotFoundError) as error:
                unreadable.append({"id": context.context_id, "detail": str(error)})
    return {"contexts": listed, "next_cursor": page.next_cursor, "problems": unreadable}


def _with_messages(context: Context) -> dict[str, Any]:
    return {**described(context), "message_ids": context.message_ids}
