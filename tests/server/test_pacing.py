"""When chunks are due: by absolute deadlines, never before, and in portions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from chatkit.server.pacing import paced, wait_until
from tests.server.recordings import FakeClock

if TYPE_CHECKING:
    from collections.abc import Sequence


def portions(
    due_ms: Sequence[float], clock: FakeClock, *, late_ms: float = 0.0, first: int = 0
) -> list[tuple[float, int, int]]:
    """When, counted from the beginning, which chunks were said to be due, to someone who takes a while for each."""
    began_ms = clock.now_ms()

    async def collect() -> list[tuple[float, int, int]]:
        found = []
        async for due in paced(due_ms, clock, began_ms, first=first):
            found.append((clock.now_ms() - began_ms, due.first, due.past))
            clock.time_ms += late_ms
        return found

    return asyncio.run(collect())


def test_each_chunk_is_due_at_its_time(clock: FakeClock) -> None:
    assert portions([10, 25, 25, 60], clock) == [(10, 0, 1), (25, 1, 3), (60, 3, 4)]


def test_a_timer_that_fires_early_is_not_trusted() -> None:
    found = portions([10.0, 11.5, 60.0], FakeClock(early_ms=1.4))
    assert [(first, past) for _, first, past in found] == [(0, 1), (1, 2), (2, 3)]
    assert all(when >= due for (when, *_), due in zip(found, [10.0, 11.5, 60.0], strict=True))


def test_a_late_write_does_not_make_later_ones_late(clock: FakeClock) -> None:
    assert portions([10, 20, 100, 200], clock, late_ms=30) == [(10, 0, 1), (40, 1, 2), (100, 2, 3), (200, 3, 4)]


def test_what_is_due_together_comes_in_portions_with_a_turn_for_others_between(clock: FakeClock) -> None:
    assert [(first, past) for _, first, past in portions([0.0] * 150, clock)] == [(0, 64), (64, 128), (128, 150)]
    assert clock.n_turns == 2
    assert clock.time_ms == 5_000


def test_it_begins_where_it_is_told(clock: FakeClock) -> None:
    assert portions([10, 20, 30], clock, first=2) == [(30, 2, 3)]


def test_nothing_is_due_of_nothing(clock: FakeClock) -> None:
    assert portions([], clock) == []


@pytest.mark.parametrize("early_ms", [0.0, 1.4])
def test_waiting_ends_at_the_deadline_and_not_before(early_ms: float) -> None:
    clock = FakeClock(early_ms)
    asyncio.run(wait_until(70, clock, clock.now_ms()))
    assert 5_070 <= clock.now_ms() < 5_071
