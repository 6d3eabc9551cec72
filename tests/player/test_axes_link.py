"""The cursor on a chart: it follows the player, and a click moves the player."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.backend_bases import MouseButton, MouseEvent

import chatkit as ck
from chatkit.player import Player, axes_link
from chatkit.player.axes_link import AxesLink, link

STORE = ck.Store(Path(__file__).parents[2] / "data" / "store")
STALLED = STORE.message("badfc5a8")


@pytest.fixture
def player() -> Player:
    return Player(STALLED)


@pytest.fixture
def ax() -> Any:
    return ck.plot_gaps(ck.chunks_df(STALLED))


def cursor_s(made: AxesLink) -> float:
    left, right = np.asarray(made.cursor.get_xdata(), dtype=np.float64)
    assert left == right
    return float(left)


def test_on_a_static_chart_the_cursor_waits_for_the_player_to_rest(player: Player, ax: Any) -> None:
    redrawn: list[float] = []
    made = AxesLink(player, ax, lambda: redrawn.append(cursor_s(made)))
    player.playing = True
    player.position_ms = 500
    assert redrawn == []
    with player.hold_trait_notifications():  # as the browser sends it: all at once
        player.position_ms = 1500
        player.playing = False
    assert redrawn == [1.5]
    player.position_ms = 2000  # a seek while it rests
    assert redrawn == [1.5, 2.0]


def test_on_an_interactive_chart_the_cursor_moves_while_it_plays(
    player: Player, ax: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(ax.figure.canvas), "required_interactive_framework", "qt")
    drawn: list[None] = []
    monkeypatch.setattr(ax.figure.canvas, "draw_idle", lambda: drawn.append(None))
    made = link(player, ax)
    player.playing = True
    player.position_ms = 500
    assert (cursor_s(made), len(drawn)) == (0.5, 2)
    assert player._followed


def test_a_click_on_the_chart_moves_the_player_and_one_beside_it_does_not(player: Player, ax: Any) -> None:
    AxesLink(player, ax, lambda: None)
    canvas = ax.figure.canvas
    canvas.draw()
    x, y = ax.transData.transform((2.5, 100))
    canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, x, y, MouseButton.LEFT))
    assert player.position_ms == pytest.approx(2500)
    canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, 1, 1, MouseButton.LEFT))
    assert player.position_ms == pytest.approx(2500)


def test_closed_it_leaves_no_observer_no_cursor_and_hears_no_click(player: Player, ax: Any) -> None:
    lines = len(ax.lines)
    made = AxesLink(player, ax, lambda: pytest.fail("drawn after its end"))
    made.close()
    player.position_ms = 700
    assert len(ax.lines) == lines
    assert not player._followed


def test_a_static_chart_is_shown_once_and_then_updated_in_its_place(
    player: Player, ax: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Handle:
        def display(self, figure: Any) -> None:
            assert figure is ax.figure
            done.append("display")

        def update(self, figure: Any) -> None:
            assert figure is ax.figure
            done.append("update")

    monkeypatch.setattr(axes_link, "DisplayHandle", Handle)
    player.link_axes(ax)
    assert not plt.fignum_exists(ax.figure.number)
    player.seek(1000)
    assert done == ["display", "update"]
