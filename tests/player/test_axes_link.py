"""The cursor on a chart: it follows the player, and a click moves the player."""

from __future__ import annotations

import io
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.backend_bases import MouseButton, MouseEvent

import chatkit as ck
from chatkit.player import Player
from chatkit.player.axes_link import AxesLink, link
from chatkit.player.picture import TimePicture
from chatkit.web import picture_module

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def test_on_an_interactive_chart_the_cursor_moves_while_it_plays(
    player: Player, ax: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(ax.figure.canvas), "required_interactive_framework", "qt")
    drawn: list[None] = []
    monkeypatch.setattr(ax.figure.canvas, "draw_idle", lambda: drawn.append(None))
    made = link(player, ax)
    assert isinstance(made, AxesLink)
    player.playing = True
    player.position_ms = 500
    assert (cursor_s(made), len(drawn)) == (0.5, 1)
    assert player._followed


def test_a_click_on_the_chart_moves_the_player_and_one_beside_it_does_not(player: Player, ax: Any) -> None:
    AxesLink(player, ax)
    canvas = ax.figure.canvas
    canvas.draw()
    x, y = ax.transData.transform((2.5, 100))
    canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, x, y, MouseButton.LEFT))
    assert player.position_ms == pytest.approx(2500)
    canvas.callbacks.process("button_press_event", MouseEvent("button_press_event", canvas, 1, 1, MouseButton.LEFT))
    assert player.position_ms == pytest.approx(2500)


def test_closed_it_leaves_no_observer_no_cursor_and_hears_no_click(player: Player, ax: Any) -> None:
    lines = len(ax.lines)
    made = AxesLink(player, ax)
    made.close()
    player.position_ms = 700
    assert len(ax.lines) == lines
    assert not player._followed


def test_a_static_chart_is_shown_once_as_a_picture_with_the_place_and_limits_of_its_axes(
    player: Player, ax: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    picture = player.link_axes(ax)
    assert shown == [picture]
    assert isinstance(picture, TimePicture)
    assert not plt.fignum_exists(ax.figure.number)
    width, height = plt.imread(io.BytesIO(picture._png)).shape[1::-1]
    # Where matplotlib itself puts two data points, as shares of the picture.
    left, bottom = ax.transData.transform((0, ax.get_ylim()[0])) / ax.figure.bbox.size
    right, top = ax.transData.transform((4, ax.get_ylim()[1])) / ax.figure.bbox.size
    from_left, from_top, to_right, to_bottom = picture._box
    per_ms = (to_right - from_left) / (picture._to_ms - picture._from_ms)
    assert from_left - picture._from_ms * per_ms == pytest.approx(left)
    assert from_left + (4000 - picture._from_ms) * per_ms == pytest.approx(right)
    assert (from_top, to_bottom) == pytest.approx((1 - top, 1 - bottom))
    assert (width, height) == pytest.approx(ax.figure.get_size_inches() * 192, abs=1)


def test_a_picture_is_a_plain_one_where_no_widget_is_shown_and_says_what_it_shows(player: Player, ax: Any) -> None:
    ax.set(title="A chart", xlabel="seconds", ylabel="gap")
    picture = TimePicture(player, ax)
    data = picture._repr_mimebundle_()
    assert data is not None
    assert b64decode(data[0]["image/png"]).startswith(b"\x89PNG")
    assert data[0]["text/plain"] == repr(picture)
    assert repr(picture) == "TimePicture(A chart: gap over seconds)"


def test_a_chart_whose_axis_is_not_linear_is_refused(player: Player, ax: Any) -> None:
    ax.set_xscale("log")
    with pytest.raises(ValueError, match="log, not linear"):
        player.link_axes(ax)


def test_ids_of_a_link_are_those_of_its_player(player: Player, ax: Any) -> None:
    picture = TimePicture(player, ax)
    assert picture.get_state()["_player"] == f"IPY_MODEL_{player.model_id}"


PAGE = """<!doctype html><body style="margin: 0"><div id="app"></div><script type="module">%(module)s
const handlers = new Set(), saved = [];
const state = { position_ms: 500 };
const player = { get: (name) => state[name], set: (name, value) => { state[name] = value; },
  save_changes: () => saved.push(state.position_ms),
  on: (_, handler) => handlers.add(handler), off: (_, handler) => handlers.delete(handler) };
const png = Uint8Array.from(atob("%(png)s"), (character) => character.charCodeAt(0));
const remove = showPicture({ el: document.getElementById("app"), png, alt: "A chart", widthPx: 400,
  box: { left: 0.25, top: 0.1, right: 0.75, bottom: 0.9 }, fromMs: -1000, toMs: 3000, player });
window.fake = { state, saved, handlers, remove,
  goTo(ms) { state.position_ms = ms; for (const each of handlers) each(); } };
</script>"""


@pytest.mark.browser
def test_in_the_browser_the_cursor_follows_and_a_click_moves_the_player(tab: Page, tmp_path: Path) -> None:
    figure = plt.figure(figsize=(4, 2))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    plt.close(figure)
    source = picture_module().replace("export ", "").replace("default {", "const unused = {")
    path = tmp_path / "picture.html"
    path.write_text(PAGE % {"module": source, "png": b64encode(drawn.getvalue()).decode()}, encoding="utf-8")
    tab.goto(path.as_uri())
    tab.wait_for_function("document.querySelector('img')?.complete")
    cursor = tab.locator(".ck-picture-cursor")

    def cursor_px() -> float:
        place: float = cursor.evaluate("it => it.getBoundingClientRect().left + 1")
        return place

    assert cursor_px() == pytest.approx(100 + 1500 / 4000 * 200, abs=0.1)
    tab.evaluate("fake.goTo(3000)")
    assert cursor_px() == pytest.approx(300, abs=0.1)
    tab.evaluate("fake.goTo(3001)")
    assert not cursor.is_visible()
    tab.mouse.click(150, 100)
    assert tab.evaluate("[fake.state.position_ms, fake.saved.length]") == [0, 1]
    assert cursor_px() == pytest.approx(150, abs=0.1)
    tab.mouse.click(110, 100)  # before the request there is nothing
    assert tab.evaluate("fake.saved") == [0, 0]
    for x, y in ((90, 100), (310, 100), (200, 10), (200, 195)):
        tab.mouse.click(x, y)
    assert tab.evaluate("fake.saved.length") == 2
    tab.evaluate("fake.remove()")
    assert tab.evaluate("[fake.handlers.size, document.querySelectorAll('#app > *').length]") == [0, 0]
