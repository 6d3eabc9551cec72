"""The application: the guard around the routes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from chatkit import __version__
from chatkit.server import compatible, context_routes, live_routes, message_routes, page_routes, replay_routes
from chatkit.server.access import Access, Guard
from chatkit.server.arrival import NoteArrival
from chatkit.server.head import AnswerHead
from chatkit.server.pacing import Clock, LoopClock
from chatkit.server.problems import answer_with_problems, describe_problems
from chatkit.server.refusal import refuse
from chatkit.server.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from chatkit.server.upstream import Upstream
    from chatkit.store import Store


def create_app(
    store: Store, *, access: Access, clock: Clock | None = None, upstream: Upstream | None = None
) -> FastAPI:
    """Return the application that serves a store.

    Args:
        store: what is served.
        access: who may ask.
        clock: times the replays.
        upstream: the model that answers what users post; None where nobody does.
    """
    service = Service(store, clock or LoopClock(), upstream)
    app = FastAPI(
        title="chatkit",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
        lifespan=lambda _: _ending(service),
    )
    app.state.service = service
    for routes in (context_routes, message_routes, replay_routes, live_routes, compatible, page_routes):
        app.include_router(routes.router)
    app.add_middleware(AnswerHead)
    app.add_middleware(Guard, access=access, refuse=refuse)
    app.add_middleware(NoteArrival, clock=service.clock)
    answer_with_problems(app, refuse)
    describe_problems(app)
    return app


@asynccontextmanager
async def _ending(service: Service) -> AsyncIterator[None]:
    """When the server stops, what it still does itself comes to its end."""
    yield
    service.stopping.set()
    if service.upstream is not None:
        await service.upstream.aclose()
