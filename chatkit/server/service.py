"""What every route works with: the store, the clock, and the moment at which the server stops."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread
from starlette.requests import HTTPConnection

from chatkit.server.pacing import Clock, LoopClock
from chatkit.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatkit.models import Message

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Service:
    """One store that is being served.

    Attributes:
        store: whose contexts and messages.
        clock: by which replays are timed.
        stopping: set when the server is told to stop: open streams end then.
    """

    store: Store
    clock: Clock = field(default_factory=LoopClock)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, work: Callable[[], T]) -> T:
        """Do what needs the disk in a thread, so that open streams keep their time."""
        return await to_thread.run_sync(work)

    async def message(self, message_id: str) -> Message:
        """Read one message by its whole id.

        Raises:
            NotFoundError: there is none.
            CorruptFileError: its file does not say what it should.
        """
        return await self.run(lambda: self.store.message(message_id))


def service_of(connection: HTTPConnection) -> Service:
    """Return the service behind a request: ``Annotated[Service, Depends(service_of)]`` in a route."""
    service: Service = connection.app.state.service
    return service
