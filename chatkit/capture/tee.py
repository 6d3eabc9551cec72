"""A stream's items handed on unchanged, each put on tape as it comes."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from chatkit.capture.tape import Tape

T = TypeVar("T")


def tee(stream: Iterable[T], tape: Tape) -> Iterator[T]:
    """Hand on what comes, as it comes: first the clock is read, and the item itself when the next is asked for."""
    now_ns, hold, take_held = tape.now_ns, tape.hold, tape.take_held
    consumer_ns = 0
    try:
        for item in stream:
            handed_ns = now_ns()
            hold(handed_ns, item)
            yield item
            consumer_ns += now_ns() - handed_ns
            tape.consumer_ns = consumer_ns
            take_held()
    except BaseException as error:
        tape.end(error)
        close(stream)
        raise
    tape.end()


async def tee_async(stream: AsyncIterable[T], tape: Tape) -> AsyncIterator[T]:
    """Hand on what comes, as it comes: first the clock is read, and the item itself when the next is asked for."""
    now_ns, hold, take_held = tape.now_ns, tape.hold, tape.take_held
    consumer_ns = 0
    try:
        async for item in stream:
            handed_ns = now_ns()
            hold(handed_ns, item)
            yield item
            consumer_ns += now_ns() - handed_ns
            tape.consumer_ns = consumer_ns
            take_held()
    except BaseException as error:
        tape.end(error)
        await aclose(stream)
        raise
    tape.end()


def close(stream: Any) -> None:
    """Close a stream that was left early, if it can be; that it is broken is no news then."""
    with suppress(Exception):
        closing = getattr(stream, "close", None)
        if closing is not None and not inspect.iscoroutinefunction(closing):
            closing()


async def aclose(stream: Any) -> None:
    """Close an async stream that was left early, if it can be; that it is broken is no news then."""
    with suppress(Exception):
        closing = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        closed = closing() if closing is not None else None
        if inspect.isawaitable(closed):
            await closed
