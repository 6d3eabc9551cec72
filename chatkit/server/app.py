"""The application: the guard around the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from chatkit import __version__
from chatkit.errors import ChatkitError
from chatkit.server import compatible, context_routes, live_routes, message_routes, page_routes, replay_routes
from chatkit.server.access import Access, Guard
from chatkit.server.pacing import Clock, LoopClock
from chatkit.server.problems import ProblemError, problem_response
from chatkit.server.service import Service

if TYPE_CHECKING:
    from chatkit.store import Store


def create_app(store: Store, *, access: Access, clock: Clock | None = None) -> FastAPI:
    """Return the application that serves a store.

    Args:
        store: what is served.
        access: who may ask.
        clock: times the replays.
    """
    app = FastAPI(title="chatkit", version=__version__, docs_url=None, redoc_url=None)
    app.state.service = Service(store, clock or LoopClock())
    for routes in (context_routes, message_routes, replay_routes, live_routes, compatible, page_routes):
        app.include_router(routes.router)
    app.add_middleware(Guard, access=access)
    app.add_exception_handler(ProblemError, lambda _, error: problem_response(error))  # type: ignore[arg-type]
    app.add_exception_handler(ChatkitError, lambda _, error: problem_response(ProblemError.of(error)))  # type: ignore[arg-type]
    return app
