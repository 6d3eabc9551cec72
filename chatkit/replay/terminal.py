"""A response typed out as it arrived, in a terminal."""

from __future__ import annotations

import math
import sys
import time
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from chatkit.models.response import TEXT
from chatkit.replay.harmless import Characters, harmless
from chatkit.replay.screen import screen_for
from chatkit.replay.status import end_line, is_stalled, status_line
from chatkit.timing import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatkit.models import Message, Response
    from chatkit.replay.screen import Screen

_STATUS_MS = 100.0
"""The status line changes this often."""


def play(
    message: Message,
    speed: float = 1,
    *,
    idle_limit_ms: float | None = None,
    out: TextIO | None = None,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Type a response out as it arrived.

    In a terminal a line under the text says how long is being waited, and what ended a stall is red. Anywhere
    else the text comes alone, with its timing. Ctrl-C ends it and leaves the terminal as it was.

    Args:
        message: a streamed response; one of another type is printed at once.
        speed: 2 is twice as fast, 0 prints at once.
        idle_limit_ms: to what every longer wait is shortened; None keeps them.
        out: where to; ``sys.stdout`` by default.
        now_s: the clock, in seconds.
        sleep: waits for some seconds.

    Raises:
        TypeError: this is no message.
        ValueError: speed or idle limit make no sense.

    >>> from datetime import UTC, datetime, timedelta
    >>> from chatkit.models import Message, Piece, Response
    >>> sent = datetime(2026, 1, 1, tzinfo=UTC)
    >>> pieces = [Piece(1767225600_100000, "Hello "), Piece(1767225600_130000, "world")]
    >>> play(Message.from_response(Response.from_pieces(pieces, started_at=sent)), speed=8)
    Hello world
    """
    if not hasattr(message, "streaming_response"):
        raise TypeError(f"not a message: {type(message).__name__}; store.message(id) reads one")
    screen = screen_for(out or sys.stdout)
    response = message.streaming_response
    if response is None:
        screen.write(harmless(message.content))
        screen.close()
        return
    schedule = Schedule.of(response.arrivals_ms, response.duration_ms, speed=speed, idle_limit_ms=idle_limit_ms)
    last_words = None
    try:
        _type_out(response, schedule, screen, now_s, sleep)
        last_words = harmless(end_line(response))
    finally:  # on Ctrl-C too
        screen.close(last_words)


def _type_out(
    response: Response,
    schedule: Schedule,
    screen: Screen,
    now_s: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Write each chunk at its moment, counted from the beginning: a late one does not make the next ones late."""
    texts = _texts(response)
    began_s = now_s()
    shown = 0
    while True:
        elapsed_ms = (now_s() - began_s) * 1000
        count = schedule.count_at(elapsed_ms)
        for ended_stall, together in groupby(range(shown, count), lambda index: is_stalled(response, index)):
            screen.write("".join(texts[index] for index in together), ended_stall=ended_stall)
        shown = count
        if elapsed_ms >= schedule.end_ms:
            screen.write(texts[-1])
            return
        screen.say(
            status_line(response, count, schedule.position_ms(elapsed_ms)), is_stalled=is_stalled(response, count)
        )
        until_ms = _next_moment_ms(schedule, count, elapsed_ms)
        sleep(max(0.0, began_s + until_ms / 1000 - now_s()))


def _texts(response: Response) -> list[str]:
    """Return what each chunk adds, and last what is left over. Only answer text is shown, as in the player."""
    characters = Characters()
    deltas = [chunk.delta if chunk.kind == TEXT else "" for chunk in response.shown]
    return [*(harmless(characters.of(delta)) for delta in deltas), harmless(characters.rest())]


def _next_moment_ms(schedule: Schedule, count: int, elapsed_ms: float) -> float:
    """Return when there is something to do next: a chunk, the end, or a new status."""
    due_ms = float(schedule.due_ms[count]) if count < len(schedule.due_ms) else schedule.end_ms
    return min(due_ms, (math.floor(elapsed_ms / _STATUS_MS) + 1) * _STATUS_MS)
