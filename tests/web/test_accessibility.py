"""The player for those who do not see it well or use no pointer: axe-core in every state, and the keyboard alone."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.models import Message, Piece, Response, Usage
from chatkit.player import lane, page
from chatkit.timing.stamps import to_us
from chatkit.web import page_module, player_style

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SENT = to_us(datetime(2026, 1, 1, tzinfo=UTC))
LAB_THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
THEMES = {
    "light": "",
    "dark": "",
    "theme-light-extension": "true",
    "theme-dark-extension": "false",
    "theme-dark-high-contrast-extension": "false",
}
"""The page's own colours, and those of JupyterLab's themes with what it says of their kind."""

BURST = tuple(60_000.0 + 20 * i for i in range(8))
STALLED = (*BURST, BURST[-1] + 60_000, BURST[-1] + 60_150, BURST[-1] + 60_450, BURST[-1] + 61_600)
"""Waits of every level. The first chunk and the one after the stall are not reached while a test looks."""


def message_of(times: tuple[float, ...], model: str) -> Message:
    pieces = [Piece(SENT + round(ms * 1000), f"word{i} ") for i, ms in enumerate(times)]
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    response = Response.from_pieces(
        pieces, started_at=sent, model=model, finish_reason="stop", usage=Usage(completion_tokens=len(pieces))
    )
    return Message.from_response(response, message_id="1a2b3c4d-0000-4000-8000-000000000000")


STALL = lane(message_of(STALLED, "gemma"))
SMOOTH = lane(message_of(BURST, "qwen"))


def press(*keys: str) -> Callable[[Page], None]:
    def act(tab: Page) -> None:
        tab.locator(".ck-player").focus()
        for key in keys:
            tab.keyboard.press(key)

    return act


def hover_text(tab: Page) -> None:
    press("End")(tab)
    box = tab.locator(".ck-block").first.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 20, box["y"] + 8)
    tab.locator(".ck-tip:visible").wait_for()


STATES: dict[str, Callable[[Page], None]] = {
    "ready": lambda _: None,
    "waiting for the first chunk": press(" "),
    "stepped": press(".", "."),
    "in a stall": press("]", " "),
    "ended": press("End", "c"),
    "skipping stalls, help open": press("s", "?"),
    "pointed at": hover_text,
}


def dress(tab: Page, theme: str) -> None:
    """Put the page into a theme of its own, or of JupyterLab."""
    if not THEMES[theme]:
        tab.emulate_media(color_scheme="light" if theme == "light" else "dark")
        return
    sheet = LAB_THEMES / theme / "index.css"
    if not sheet.is_file():
        pytest.skip(f"JupyterLab is not installed here: no {sheet}")
    tab.evaluate("kind => { document.body.dataset.jpThemeLight = kind; }", THEMES[theme])
    # Outside of the page's own policy: as JupyterLab has it, in the document.
    tab.evaluate(
        "css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [sheet]; }",
        sheet.read_text(encoding="utf-8"),
    )
    tab.evaluate("document.body.style.background = 'var(--jp-layout-color0)'")


def violations(tab: Page) -> list[str]:
    """Run axe-core and return what it finds, with the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found: list[dict[str, Any]] = axe.run(tab).response["violations"]
    return [f"{each['id']}: {node['html'][:120]} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_any_state(tab: Page, tmp_path: Path, theme: str) -> None:
    path = tmp_path / "player.html"
    path.write_text(page([STALL, SMOOTH], title="Replay"), encoding="utf-8")
    for name, reach in STATES.items():
        tab.mouse.move(0, 0)
        tab.goto(path.as_uri())
        dress(tab, theme)
        reach(tab)
        assert (name, violations(tab)) == (name, [])


LIVE = """<!doctype html><html lang="en"><title>live</title><style>:root { color-scheme: light dark }%(style)s</style>
<main><h1>live</h1><div id="app"></div></main><script type="module">%(module)s
const bytes = (Type, values) => new Uint8Array(Type.from(values).buffer);
const whole = { name: "live", text: "so far", arrivals_ms: bytes(Float64Array, [120, 700]),
  chunk_ends: bytes(Uint32Array, [3, 6]) };
const state = { _live: true, _lanes: [whole], _tail: { elapsed_ms: 720, stall_after_ms: 250 } };
show({ el: document.getElementById("app"), get: (name) => state[name], set: () => {}, save: () => {},
  on: () => () => {}, now: () => window.time ?? 0 });
</script></html>"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_live_response_that_streams_or_stalls(tab: Page, tmp_path: Path, theme: str) -> None:
    path = tmp_path / "live.html"
    path.write_text(LIVE % {"style": player_style(), "module": page_module()}, encoding="utf-8")
    tab.goto(path.as_uri())
    dress(tab, theme)
    assert violations(tab) == []
    tab.evaluate("window.time = 5000")
    tab.locator(".ck-lane[data-phase=stalled]").wait_for()
    assert violations(tab) == []


def focused(tab: Page) -> str:
    """Name what has the focus, and check that it shows."""
    name: str = tab.evaluate("""() => { const at = document.activeElement;
        const shows = [at, at.parentElement].some((each) => getComputedStyle(each).outlineStyle === "solid");
        const name = at.ariaLabel || at.getAttribute("aria-label") || at.textContent;
        return (shows ? "" : "unseen: ") + name; }""")
    return name


def test_each_control_is_reached_in_order_by_tab_and_its_focus_shows(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "player.html"
    path.write_text(page([STALL]), encoding="utf-8")
    tab.goto(path.as_uri())
    order = []
    for _ in range(14):
        tab.keyboard.press("Tab")
        order.append(focused(tab))
    assert order == [
        "Replay of gemma 1a2b3c4d", "Text of gemma 1a2b3c4d", "Position", "Restart", "Previous stall ([)",
        "Previous chunk (,)", "Play (space)", "Next chunk (.)", "Next stall (])", "Speed", "skip stalls",
        "chunks", "tint", "Keys (?)",
    ]  # fmt: skip


def test_the_keyboard_alone_does_everything(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "player.html"
    path.write_text(page([STALL]), encoding="utf-8")
    tab.goto(path.as_uri())
    time, text = tab.locator(".ck-time").last, tab.locator(".ck-text")
    pressed = tab.locator("button[aria-pressed=true]")

    def after(*keys: str) -> str:
        for key in keys:
            tab.keyboard.press(key)
        return time.inner_text().split(" / ")[0]

    tab.keyboard.press("Tab")
    assert after("]") == "60.14"  # the last chunk before the stall came at 60,140 ms
    assert after(".", ",", "ArrowRight", "ArrowRight") == "62.14"
    assert after("ArrowLeft", "[") == "60.14"
    assert after("Home", "Shift+ArrowRight") == "12.17"  # a tenth of 121,740 ms
    assert after("5") == "60.87"
    assert after("End") == "121.74"
    assert text.inner_text().split() == [f"word{i}" for i in range(len(STALLED))]
    assert after("Shift+ArrowLeft", "0") == "0.00"
    tab.keyboard.press(">")
    assert tab.locator(".ck-speed").input_value() == "2"
    for key in ("<", "<", "s", "c", "t", "?"):
        tab.keyboard.press(key)
    assert tab.locator(".ck-speed").input_value() == "0.5"
    assert pressed.all_inner_texts() == ["skip stalls", "chunks", "?"]
    assert tab.locator(".ck-help").is_visible()
    for key, label in ((" ", "Pause (space)"), ("k", "Play (space)")):
        tab.keyboard.press(key)
        tab.get_by_role("button", name=label).wait_for()
    # The buttons by tab and enter, the speed by arrows.
    tab.locator(".ck-toggle").nth(2).focus()
    tab.keyboard.press("Enter")
    assert pressed.all_inner_texts() == ["skip stalls", "chunks", "tint", "?"]
    tab.locator(".ck-speed").focus()
    tab.keyboard.press("End")
    assert tab.locator(".ck-speed").input_value() == "0"
    assert time.inner_text() == "121.74 / 121.74 s"


def test_a_long_text_is_scrolled_by_keys(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "player.html"
    path.write_text(page([lane(message_of(tuple(range(1, 500)), "gemma"))]), encoding="utf-8")
    tab.set_viewport_size({"width": 360, "height": 700})
    tab.goto(path.as_uri())
    press("End", "Tab", "PageUp")(tab)
    tab.wait_for_function(
        "() => { const pane = document.querySelector('.ck-text');"
        " return pane.scrollTop < pane.scrollHeight - pane.clientHeight - 50; }"
    )
