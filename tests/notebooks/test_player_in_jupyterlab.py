"""The player's life in a real JupyterLab: its keys, two views, a closed output, a dead kernel, a notebook reopened."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.notebooks.lab import Lab, open_notebook, run, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

WORDS = [f"word{i} " for i in range(40)]
MAKE_PLAYER = f"""
from datetime import UTC, datetime
import chatkit as ck
from chatkit.models import Message, Piece, Response
from chatkit.timing.stamps import to_us
sent = datetime(2026, 1, 1, tzinfo=UTC)
pieces = [Piece(to_us(sent) + 50_000 * i, word) for i, word in enumerate({WORDS!r}, 1)]
player = ck.Player(Message.from_response(Response.from_pieces(pieces, started_at=sent, finish_reason="stop")))
"""
COUNT_TIMERS = """
const asked = { frames: new Set(), timers: new Set() };
const isOurs = () => new Error().stack.includes("blob:");
for (const [begin, end, kind] of [
  ["requestAnimationFrame", "cancelAnimationFrame", "frames"],
  ["setInterval", "clearInterval", "timers"],
  ["setTimeout", "clearTimeout", "timers"],
]) {
  const [original, cancel] = [window[begin], window[end]];
  window[begin] = (callback, ...more) => {
    const ours = isOurs();
    const handle = original.call(window, (...given) => {
      if (begin !== "setInterval") asked[kind].delete(handle);
      callback(...given);
    }, ...more);
    if (ours) asked[kind].add(handle);
    return handle;
  };
  window[end] = (handle) => { asked[kind].delete(handle); cancel.call(window, handle); };
}
window.asked = () => [asked.frames.size, asked.timers.size];
"""
"""Counts the frames and timers that modules from a blob, as widgets' are, have asked for and not yet got."""

HAS_KERNEL = "() => Boolean(jupyterapp.shell.currentWidget.sessionContext.session?.kernel)"
SECONDS_15 = 15_000


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: Lab) -> Iterator[Page]:
    """Open a notebook with a player."""
    write_notebook(lab.folder / "player.ipynb", [""] * 3)
    page = open_notebook(chromium, lab, "player.ipynb", script=COUNT_TIMERS)
    yield page
    page.close()


def show_player(page: Page) -> Locator:
    run(page, f"{MAKE_PLAYER}player")
    player = page.locator(".ck-player")
    player.wait_for(timeout=60_000)
    return player


def text_of(player: Locator) -> str:
    text: str = player.locator(".ck-text").evaluate("pane => pane.textContent")
    return text


def cells_of(page: Page) -> list[Any]:
    cells: list[Any] = page.evaluate("""() => jupyterapp.shell.currentWidget.content.widgets.map(
        ({ model, prompt }) => [model.id, model.type, model.sharedModel.getSource(), prompt])""")
    return cells


def test_with_the_player_focused_keys_are_the_players_and_not_jupyterlabs(notebook: Page) -> None:
    player = show_player(notebook)
    before = cells_of(notebook)
    player.focus()
    for key in ("x", "d", "d", "a", "b", "m", "y", "r", "z", "Shift+M", "Enter", "Shift+Enter", "Delete", "Escape"):
        notebook.keyboard.press(key)
    player.focus()
    notebook.keyboard.press(".")
    notebook.keyboard.press(".")
    assert text_of(player) == "word0 word1 "
    notebook.keyboard.press("k")
    player.and_(notebook.locator(".ck-playing")).wait_for()
    notebook.keyboard.press(" ")
    notebook.locator(".ck-playing").wait_for(state="detached")
    notebook.keyboard.press("End")
    assert text_of(player) == "".join(WORDS)
    assert cells_of(notebook) == before
    # Where no player is focused they are JupyterLab's.
    notebook.locator(".jp-InputPrompt").nth(1).click()
    notebook.keyboard.press("b")
    assert len(cells_of(notebook)) == len(before) + 1


def test_two_views_of_one_player_stay_in_step(notebook: Page) -> None:
    first = show_player(notebook)
    run(notebook, "player", cell=1)
    views = notebook.locator(".ck-player")
    views.nth(1).wait_for()
    second = views.nth(1)
    first = views.nth(0)
    first.press("5")
    assert text_of(first) == text_of(second) == "".join(WORDS[:20])
    second.get_by_label("Speed").select_option("0.25")
    assert first.get_by_label("Speed").input_value() == "0.25"
    first.press("k")
    apart = notebook.evaluate("""() => new Promise((done) => {
        const panes = [...document.querySelectorAll(".ck-text")], apart = [];
        const look = () => {
          apart.push(Math.abs(panes[0].textContent.length - panes[1].textContent.length));
          if (apart.length < 60) requestAnimationFrame(look); else done(apart);
        };
        requestAnimationFrame(look); })""")
    assert max(apart) <= len(WORDS[20])
    second.press("k")
    notebook.locator(".ck-playing").wait_for(state="detached")
    assert text_of(first) == text_of(second)
    assert len("".join(WORDS[:20])) < len(text_of(first)) < len("".join(WORDS))
    run(notebook, "", cell=1)


def test_a_closed_output_leaves_no_timer_and_no_frame_behind(notebook: Page) -> None:
    player = show_player(notebook)
    player.get_by_label("Speed").select_option("0.25")
    player.press("k")
    notebook.wait_for_function("() => window.asked()[0] === 1")
    run(notebook, "")
    player.wait_for(state="detached")
    assert notebook.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.asked()), 300)))"
    ) == [0, 0]
    assert notebook.evaluate("() => [...CSS.highlights.values()].reduce((sum, each) => sum + each.size, 0)") == 0


@pytest.fixture(scope="module")
def saved(chromium: Browser, lab: Lab) -> Iterator[Page]:
    """Save a notebook with a player and an embedded one, and shut its kernel down; it is still open."""
    write_notebook(lab.folder / "saved.ipynb", [""] * 2)
    page = open_notebook(chromium, lab, "saved.ipynb")
    show_player(page)
    run(page, "player.embed()", cell=1)
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    assert page.evaluate(HAS_KERNEL) is False
    yield page
    page.close()


def plays_to_its_end(player: Locator) -> bool:
    player.get_by_label("Speed").select_option("4")
    player.get_by_role("button", name="Play").click()
    player.get_by_role("log").filter(has_text=WORDS[-1].strip()).wait_for(timeout=SECONDS_15)
    return text_of(player) == "".join(WORDS)


def test_the_kernel_shut_down_the_open_notebooks_player_still_plays(saved: Page) -> None:
    player = saved.locator(".ck-player")
    assert plays_to_its_end(player)
    player.press(",")
    assert text_of(player) == "".join(WORDS[:-1])


@pytest.mark.usefixtures("saved")
def test_a_saved_notebook_opens_again_and_its_player_plays_though_no_cell_has_run(chromium: Browser, lab: Lab) -> None:
    # Its kernel is new and knows no player. Without any, jupyterlab_widgets 3.0 shows no widget at all.
    page = open_notebook(chromium, lab, "saved.ipynb")
    player = page.locator(".ck-player")
    player.wait_for(timeout=60_000)
    assert player.locator("xpath=ancestor::*[contains(@class, 'jupyter-widgets-disconnected')]").count() == 1
    assert plays_to_its_end(player)
    page.close()


@pytest.mark.usefixtures("saved")
def test_a_notebook_exported_by_nbconvert_replays_offline(chromium: Browser, lab: Lab) -> None:
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(lab.folder / "saved.ipynb")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    path = lab.folder / "saved.html"
    context = chromium.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.frame != page.main_frame else None)
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    assert plays_to_its_end(page.frame_locator("iframe").locator(".ck-player"))
    assert asked == []
    context.close()
