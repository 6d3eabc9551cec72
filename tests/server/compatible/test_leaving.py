"""Who leaves, and a server that stops, while an answer waits for its moment: nothing goes on behind their backs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.server.access import Access
from chatkit.server.app import create_app
from tests.server.compatible.conftest import CHAT, HOST, said_by_user

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from chatkit.models import Message
    from chatkit.store import Store

LONGEST_S = 10


class StandingClock:
    """Stands at a moment; who sleeps on it sleeps until told to wake up by being cancelled.

    Attributes:
        slept: set when somebody sleeps.
    """

    def __init__(self) -> None:
        self.slept = asyncio.Event()
        self.n_asleep = 0

    def now_ms(self) -> float:
        return 5000.0

    async def sleep_ms(self, ms: float) -> None:
        assert ms > 0
        self.slept.set()
        self.n_asleep += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.n_asleep -= 1


class Waiting:
    """A request whose answer waits.

    Attributes:
        leave: set when the client goes away.
        statuses: of what was answered.
    """

    def __init__(self, store: Store, message: Message, *, stream: bool) -> None:
        self.clock = StandingClock()
        self.leave = asyncio.Event()
        self.statuses: list[int] = []
        self.app = create_app(store, access=Access("127.0.0.1", 8765, None), clock=self.clock)
        said = {"model": f"replay:{message.message_id}", "messages": said_by_user("Well?"), "stream": stream}
        self._bodies = [json.dumps(said).encode()]
        self._is_whole = True

    async def begin(self) -> asyncio.Task[None]:
        """Ask, and return when the answer waits for its moment."""
        task = asyncio.ensure_future(self._ask())
        await asyncio.wait_for(self.clock.slept.wait(), LONGEST_S)
        return task

    async def break_off(self) -> None:
        """Send half of what is to be asked, and go away."""
        self._bodies, self._is_whole = [self._bodies[0][:20]], False
        self.leave.set()
        await self._ask()

    async def _ask(self) -> None:
        scope = {
            "type": "http", "method": "POST", "path": CHAT, "raw_path": CHAT.encode(), "query_string": b"",
            "headers": [(b"host", HOST.encode())],
        }  # fmt: skip
        await self.app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if self._bodies:
            return {"type": "http.request", "body": self._bodies.pop(), "more_body": not self._is_whole}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_before_the_headers_ends_the_wait(store: Store, hello: Message, stream: bool) -> None:
    async def main() -> Waiting:
        waiting = Waiting(store, hello, stream=stream)
        task = await waiting.begin()
        waiting.leave.set()
        await asyncio.wait_for(task, LONGEST_S)
        await asyncio.sleep(0)
        return waiting

    assert asyncio.run(main()).clock.n_asleep == 0


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_that_stops_says_so_to_who_still_waits(store: Store, hello: Message, stream: bool) -> None:
    async def main() -> Waiting:
        waiting = Waiting(store, hello, stream=stream)
        task = await waiting.begin()
        waiting.app.state.service.stopping.set()
        await asyncio.wait_for(task, LONGEST_S)
        await asyncio.sleep(0)
        return waiting

    waiting = asyncio.run(main())
    assert (waiting.statuses, waiting.clock.n_asleep) == ([503], 0)


def test_who_leaves_in_the_middle_of_the_question_is_no_error(
    store: Store, hello: Message, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        await Waiting(store, hello, stream=True).break_off()

    asyncio.run(main())
    assert caplog.records == []
