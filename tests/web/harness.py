"""The player on a page of its own in Chromium, with a clock that the test turns."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatkit.models import Message, Piece, Response
from chatkit.player import Lane, lane
from chatkit.player.document import script_json
from chatkit.timing.stamps import to_us
from chatkit.web import page_module, player_style

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from playwright.sync_api import Page

SENT = datetime(2026, 1, 1, tzinfo=UTC)

HARNESS = """<!doctype html><meta charset="utf-8"><style>%(style)s</style><div id="app"></div>
<script type="module">%(module)s
const data = %(data)s;
const frames = [], handlers = {}, saved = [];
const state = { speed: 1, playing: false, position_ms: 0, chunk: -1, idle_limit_ms: null, autoplay: false };
Object.assign(state, data.state);
let time = 5000.25;
const decoded = data.lanes.map((each) => ({ ...each,
  arrivals_ms: bytesFrom(each.arrivals_ms), chunk_ends: bytesFrom(each.chunk_ends) }));
const unmount = mount({
  el: document.getElementById("app"), lanes: decoded,
  get: (name) => state[name], set: (name, value) => { state[name] = value; },
  save: () => { saved.push({ ...state, at: time }); },
  on: (event, handler) => { handlers[event] = handler; return () => { delete handlers[event]; }; },
  now: () => time, raf: (callback) => frames.push(callback), caf: () => { frames.length = 0; },
});
window.fake = {
  state, saved, handlers, frames, unmount,
  tick(ms) { time += ms; for (const callback of frames.splice(0)) callback(); },
  fromPython(name, value) { state[name] = value; handlers["change:" + name](); },
  message(message) { handlers["msg:custom"](message); },
  texts: () => [...document.querySelectorAll(".ck-text")].map((pane) => pane.textContent),
};
</script>"""


def message_of(*pieces: tuple[float, str] | tuple[float, str, str], end_ms: float | None = None) -> Message:
    """Make a streamed message of ``(ms, delta[, kind])``."""
    sent = to_us(SENT)
    parts = [Piece(sent + round(ms * 1000), *rest) for ms, *rest in pieces]
    end = parts[-1].at_us if end_ms is None else sent + round(end_ms * 1000)
    ended = datetime.fromtimestamp(end / 1e6, tz=UTC)
    response = Response.from_pieces(parts, started_at=SENT, completed_at=ended, model="test", finish_reason="stop")
    return Message.from_response(response, message_id="1a2b3c4d-0000-4000-8000-000000000000")


def open_player(tab: Page, folder: Path, lanes: Sequence[Lane], **state: Any) -> None:
    data = script_json({"lanes": [each.to_json() for each in lanes], "state": state})
    path = folder / "harness.html"
    text = HARNESS % {"style": player_style(), "module": page_module(), "data": data}
    path.write_text(text, encoding="utf-8")
    tab.goto(path.as_uri())
    tab.wait_for_function("window.fake")


def texts(tab: Page) -> list[str]:
    shown: list[str] = tab.evaluate("fake.texts()")
    return shown


def tick(tab: Page, ms: float) -> None:
    tab.evaluate("ms => fake.tick(ms)", ms)


def readouts(tab: Page) -> list[str]:
    return tab.locator(".ck-readout").all_inner_texts()


def prefix(each: Lane, count: int) -> str:
    """Return what the first ``count`` chunks hold, from the raw arrays."""
    units = each.text.encode("utf-16-le")
    return units[: 2 * int(each.chunk_ends[count - 1]) if count else 0].decode("utf-16-le")


def race(seed: int) -> list[Lane]:
    """Make two lanes with bursts, reasoning, stalls, line ends and characters cut in two.

    Times are multiples of 1/8 ms, so that sums of floats are exact and a tie is one on both sides.
    """
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    lanes = []
    for name in ("left", "right"):
        moment = float(dice.randrange(400, 2400)) / 8
        pieces: list[tuple[float, str, str]] = []
        for index in range(120):
            words = dice.choice(["a ", "wort", " 字", "e", "\u0301", "\n", "x" * 300, "\ud83d", "\ude00 ", "שלום "])
            pieces.append((moment, words, dice.choice(["text"] * 6 + ["reasoning"])))
            if index in (40, 41, 90):
                moment += 1500 + dice.randrange(800) / 8
            elif dice.random() < 0.8:
                moment += dice.randrange(1, 400) / 8
        lanes.append(lane(message_of(*pieces, end_ms=moment + 250), name=name))
    return lanes
