"""A task does not leave what it does in a thread before that has ended."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from chatkit.capture.threaded import to_its_end

_asked_by: ContextVar[str] = ContextVar("_asked_by", default="nobody")


@pytest.mark.parametrize("n_times", [0, 1, 3])
def test_a_task_waits_for_the_end_however_often_all_tasks_are_cancelled(n_times: int) -> None:
    """As ``asyncio.run`` does when somebody presses Ctrl-C."""
    began, may_end, done = threading.Event(), threading.Event(), []

    def work() -> str:
        began.set()
        may_end.wait(10)
        done.append(_asked_by.get())
        return "result"

    async def main() -> object:
        _asked_by.set("a task")
        task = asyncio.create_task(to_its_end(work))
        await asyncio.to_thread(began.wait, 10)
        for _ in range(n_times):
            for other in asyncio.all_tasks() - {asyncio.current_task()}:
                other.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        may_end.set()
        [found] = await asyncio.gather(task, return_exceptions=True)
        return found

    found = asyncio.run(main())
    assert done == ["a task"]
    assert isinstance(found, asyncio.CancelledError) if n_times else found == "result"


def test_what_goes_wrong_is_raised() -> None:
    def work() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        asyncio.run(to_its_end(work))
