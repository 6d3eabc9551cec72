"""Work in a thread that a task does not leave before its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def to_its_end(work: Callable[[], T]) -> T:
    """Run what needs the disk in a thread; a task that is cancelled meanwhile, however often, waits for its end."""
    loop = asyncio.get_running_loop()
    working = loop.run_in_executor(None, copy_context().run, work)  # no task: asyncio.run cancels all there are
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({working})
        raise
