"""What every route works with: the store, the clock, and the moment at which the server stops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, TypeVar

from anyio import to_thread
from fastapi import Depends
from starlette.requests import HTTPConnection

from chatkit.models import Message
from chatkit.server.context_list import ContextList
from chatkit.server.pacing import Clock, LoopClock
from chatkit.server.recent import Reading, Recent
from chatkit.server.upstream import Upstream
from chatkit.store import Store

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Service:
    """One store that is being served.

    Attributes:
        store: whose contexts and messages.
        clock: by which replays are timed.
        upstream: the model that answers what is posted; None where nobody does.
        stopping: set when the server is told to stop: open streams end then.
    """

    store: Store
    clock: Clock = field(default_factory=LoopClock)
    upstream: Upstream | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @cached_property
    def contexts(self) -> ContextList:
        """The store's contexts in their order."""
        return ContextList(self.store)

    async def run(self, work: Callable[[], T]) -> T:
        """Do what needs the disk in a thread, so that open streams keep their time."""
        return await to_thread.run_sync(work)

    @cached_property
    def recent(self) -> Recent:
        """The messages that were replayed last."""
        return Recent(self.store)

    async def reading(self, message_id: str) -> Reading:
        """Read one message by its whole id for a replay, of which the next ones need not wait for the disk.

        Raises:
            NotFoundError: there is none.
            CorruptFileError: its file does not say what it should.
        """
        known = self.recent.known(message_id)
        return await self.run(lambda: self.recent.read(message_id)) if known is None else known

    async def message(self, message_id: str) -> Message:
        """Read one message by its whole id.

        Raises:
            NotFoundError: there is none.
            CorruptFileError: its file does not say what it should.
        """
        return await self.run(lambda: self.store.message(message_id))


def service_of(connection: HTTPConnection) -> Service:
    """Return the service behind a request."""
    service: Service = connection.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]
"""The type of a route's argument that is the service."""
