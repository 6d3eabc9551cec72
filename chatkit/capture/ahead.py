"""A stream read ahead of the code that asked for it, so that this code can't hold it up however slow it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from chatkit.capture.tee import aclose, close

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from chatkit.capture.tape import Tape

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    """What came."""

    content: T


def tee_ahead(stream: Iterable[T], tape: Tape) -> Iterator[T]:
    """Read in a thread, and hand on what has come.

    A thread that waits for the network can't be stopped: after an early end it lives on to the next item.
    """
    tape.consumer_ns = 0
    items: SimpleQueue[_Item[T] | BaseException | None] = SimpleQueue()
    Thread(target=_read, args=(stream, tape, items), name="recorder", daemon=True).start()
    try:
        while (item := items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item.content
    except BaseException as error:
        tape.end(error)
        raise


async def tee_ahead_async(stream: AsyncIterable[T], tape: Tape) -> AsyncIterator[T]:
    """Read in a task, and hand on what has come."""
    tape.consumer_ns = 0
    items: asyncio.Queue[_Item[T] | BaseException | None] = asyncio.Queue()
    reader = asyncio.create_task(_read_async(stream, tape, items))
    tape.stop = reader.cancel
    try:
        while (item := await items.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item.content
    except BaseException as error:
        tape.end(error)
        reader.cancel()
        await asyncio.wait({reader})
        raise


def _read(stream: Iterable[T], tape: Tape, items: SimpleQueue[_Item[T] | BaseException | None]) -> None:
    try:
        for item in stream:
            tape.take(tape.now_ns(), item)
            items.put(_Item(item))
    except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken out
        tape.end(error)
        close(stream)
        items.put(error)
    else:
        tape.end()
        items.put(None)


async def _read_async(
    stream: AsyncIterable[T], tape: Tape, items: asyncio.Queue[_Item[T] | BaseException | None]
) -> None:
    try:
        async for item in stream:
            tape.take(tape.now_ns(), item)
            items.put_nowait(_Item(item))
    except BaseException as error:
        tape.end(error)
        await aclose(stream)
        items.put_nowait(error)
        if not isinstance(error, Exception):
            raise
    else:
        tape.end()
        items.put_nowait(None)
