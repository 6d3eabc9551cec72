"""A random walk over all that the player can be asked to do: what is on the page against what Python says is due."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from chatkit.timing.schedule import Schedule
from tests.web.harness import open_player, prefix, race

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from chatkit.player import Lane

pytestmark = pytest.mark.browser

SKIP_TO_MS = 300
GRACE_MS = 700
SPEEDS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4), Fraction(8))


@dataclass
class Truth:
    """A player on paper, in exact fractions."""

    lanes: Sequence[Lane]
    position: Fraction = Fraction(0)
    speed: Fraction = Fraction(1)
    is_playing: bool = False
    limit: Fraction | None = None
    knots: list[Fraction] = field(init=False)
    known_waits: dict[Fraction | None, list[tuple[Fraction, Fraction, Fraction, Fraction]]] = field(
        default_factory=dict
    )
    known_due: dict[tuple[str, Fraction | None], list[Fraction]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        arrivals = {Fraction(ms) for each in self.lanes for ms in each.arrivals_ms.tolist()}
        end = max(Fraction(each.total_ms) for each in self.lanes)
        self.knots = sorted({Fraction(0), *arrivals, end})

    def waits(self) -> list[tuple[Fraction, Fraction, Fraction, Fraction]]:
        """Each wait: its recorded start and length, its start and length when played."""
        if self.limit not in self.known_waits:
            waits, at = [], Fraction(0)
            for start, end in pairwise(self.knots):
                length = end - start if self.limit is None else min(end - start, self.limit)
                waits.append((start, end - start, at, length))
                at += length
            self.known_waits[self.limit] = waits
        return self.known_waits[self.limit]

    def played(self, moment: Fraction) -> Fraction:
        start, wait, at, length = [each for each in self.waits() if each[0] <= moment][-1]
        return at + min(moment - start, wait) * length / wait

    def recorded(self, position: Fraction) -> Fraction:
        start, wait, at, length = [each for each in self.waits() if each[2] <= position][-1]
        return start + min(position - at, length) * wait / length

    @property
    def duration(self) -> Fraction:
        return self.played(self.knots[-1])

    def due(self, each: Lane) -> list[Fraction]:
        key = (each.name, self.limit)
        if key not in self.known_due:
            at = {start + wait: at + length for start, wait, at, length in self.waits()}
            self.known_due[key] = [at[Fraction(ms)] for ms in each.arrivals_ms.tolist()]
        return self.known_due[key]

    def texts(self) -> list[str]:
        return [prefix(each, bisect_right(self.due(each), self.position)) for each in self.lanes]

    def tick(self, ms: float) -> None:
        if self.is_playing:
            self.seek(self.position + Fraction(ms) * self.speed)
            self.end_if_over()

    def end_if_over(self) -> None:
        self.is_playing = self.is_playing and self.speed != 0 and self.position < self.duration
        if self.speed == 0:
            self.is_playing = False

    def seek(self, position: Fraction) -> None:
        self.position = min(max(position, Fraction(0)), self.duration)
        if self.position == self.duration:
            self.is_playing = False

    def play(self) -> None:
        if self.position == self.duration:
            self.position = Fraction(0)
        self.is_playing = True
        if self.speed == 0:
            self.seek(self.duration)

    def toggle(self) -> None:
        if self.is_playing:
            self.is_playing = False
        else:
            self.play()

    def restart(self) -> None:
        self.position = Fraction(0)
        self.is_playing = False
        self.play()

    def step(self, direction: int) -> None:
        self.is_playing = False
        times = sorted({time for each in self.lanes for time in self.due(each)})
        self.go_to_neighbour(times, self.position, direction, Fraction(0), self.duration)

    def stall(self, direction: int) -> None:
        starts = sorted({self.due(each)[index - 1] for each in self.lanes for index in each.stalls})
        grace = GRACE_MS * self.speed if self.is_playing and direction < 0 else 0
        self.go_to_neighbour(starts, self.position - grace, direction, self.position, self.position)

    def go_to_neighbour(
        self, times: list[Fraction], at: Fraction, direction: int, first: Fraction, last: Fraction
    ) -> None:
        place = bisect_right(times, at) if direction > 0 else bisect_left(times, at) - 1
        if 0 <= place < len(times):
            self.seek(times[place])
        else:
            self.seek(last if direction > 0 else first)

    def change_speed(self, direction: int) -> None:
        if direction > 0:
            self.speed = SPEEDS[-1] if self.speed == 0 else next((s for s in SPEEDS if s > self.speed), SPEEDS[-1])
        else:
            self.speed = (
                SPEEDS[-1] if self.speed == 0 else next((s for s in reversed(SPEEDS) if s < self.speed), SPEEDS[0])
            )

    def choose_speed(self, speed: Fraction) -> None:
        self.speed = speed
        if speed == 0:
            if not self.is_playing:
                self.play()
            self.seek(self.duration)

    def toggle_skip(self) -> None:
        moment = self.recorded(self.position)
        self.limit = Fraction(SKIP_TO_MS) if self.limit is None else None
        self.position = self.played(moment)


KEYS: dict[str, Callable[[Truth], None]] = {
    " ": Truth.toggle, "k": Truth.toggle,
    ".": lambda truth: truth.step(1), ",": lambda truth: truth.step(-1),
    "]": lambda truth: truth.stall(1), "[": lambda truth: truth.stall(-1),
    ">": lambda truth: truth.change_speed(1), "<": lambda truth: truth.change_speed(-1),
    "ArrowRight": lambda truth: truth.seek(truth.position + 1000),
    "ArrowLeft": lambda truth: truth.seek(truth.position - 1000),
    "Shift+ArrowRight": lambda truth: truth.seek(truth.position + truth.duration / 10),
    "Shift+ArrowLeft": lambda truth: truth.seek(truth.position - truth.duration / 10),
    "Home": lambda truth: truth.seek(Fraction(0)), "End": lambda truth: truth.seek(truth.duration),
    "3": lambda truth: truth.seek(truth.duration * 3 / 10), "7": lambda truth: truth.seek(truth.duration * 7 / 10),
    "s": Truth.toggle_skip, "t": lambda _: None, "c": lambda _: None,
}  # fmt: skip


def act(tab: Page, truth: Truth, dice: random.Random) -> str:
    """Do one thing to the player and to the paper, and say what."""
    kind = dice.choice(["key"] * 6 + ["speed", "restart", "python", "seek message"])
    if kind == "key":
        key = dice.choice(list(KEYS))
        tab.keyboard.press(key)
        KEYS[key](truth)
        return f"key {key}"
    if kind == "speed":
        speed = dice.choice([*SPEEDS, Fraction(0)])
        tab.locator(".ck-speed").select_option(f"{float(speed):g}")
        tab.locator(".ck-player").focus()
        truth.choose_speed(speed)
    elif kind == "restart":
        tab.evaluate("fake.message({ command: 'restart' })")
        truth.restart()
    elif kind == "python":
        is_playing = dice.random() < 0.5
        tab.evaluate("value => fake.fromPython('playing', value)", is_playing)
        if is_playing != truth.is_playing:
            truth.toggle()
    else:
        moment = dice.randrange(int(truth.knots[-1]) * 8) / 8
        tab.evaluate("ms => fake.message({ command: 'seek', ms })", moment)
        truth.seek(truth.played(Fraction(moment)))
    return kind


def planned(truth: Truth, speed: Fraction, from_ms: Fraction, elapsed_ms: float) -> list[str]:
    """What is due of each lane some time after a replay went on from a recorded moment, by the schedule in Python."""
    merged = np.sort(np.concatenate([each.arrivals_ms for each in truth.lanes]))
    limit = None if truth.limit is None else float(truth.limit)
    plan = Schedule.of(merged, float(truth.knots[-1]), speed=float(speed), idle_limit_ms=limit, from_ms=float(from_ms))
    n_due = plan.count_at(elapsed_ms)
    newest = merged[n_due - 1] if n_due else -1.0
    return [prefix(each, bisect_right(each.arrivals_ms.tolist(), newest)) for each in truth.lanes]


TICK = """ms => { const before = fake.texts(); fake.tick(ms); return [before, fake.texts(), fake.state.playing]; }"""


@pytest.mark.parametrize(("seed", "has_highlights"), [(1, True), (2, False)])
def test_text_is_the_prefix_that_is_due_after_each_of_500_operations(
    tab: Page, tmp_path: Path, seed: int, has_highlights: bool
) -> None:
    if not has_highlights:
        tab.add_init_script("delete window.Highlight")
    lanes = race(seed)
    open_player(tab, tmp_path, lanes)
    tab.locator(".ck-player").focus()
    truth, dice, done = Truth(lanes), random.Random(seed), []  # noqa: S311 - a test's dice
    for _ in range(500):
        done.append(act(tab, truth, dice))
        ms = dice.choice([0, 16.75, 16.75, 250, 1000])
        before, after, is_playing = tab.evaluate(TICK, ms)
        from_ms, speed = truth.recorded(truth.position), truth.speed if truth.is_playing else Fraction(1)
        assert before == truth.texts() == planned(truth, speed, from_ms, 0), done[-5:]
        elapsed_ms = ms if truth.is_playing else 0
        truth.tick(ms)
        assert after == truth.texts() == planned(truth, speed, from_ms, elapsed_ms), [*done[-5:], ms]
        assert is_playing == truth.is_playing, done[-5:]
