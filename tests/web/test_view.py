"""The player in Chromium, with a clock that the test turns: what is on the page against the raw arrays."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.models import Message, Piece, Response
from chatkit.player import Lane, lane, page
from chatkit.player.document import script_json
from chatkit.timing.stamps import to_us
from chatkit.web import page_module, player_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SENT = datetime(2026, 1, 1, tzinfo=UTC)
SKIP_TO_MS = 300
GRACE_MS = 700
SPEEDS = (Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4), Fraction(8))

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


@pytest.mark.parametrize(("seed", "has_highlights"), [(1, True), (2, True), (3, False)])
def test_text_is_the_true_prefix_after_each_of_many_operations(
    tab: Page, tmp_path: Path, seed: int, has_highlights: bool
) -> None:
    if not has_highlights:
        tab.add_init_script("delete window.Highlight")
    lanes = race(seed)
    open_player(tab, tmp_path, lanes)
    tab.locator(".ck-player").focus()
    truth, dice, done = Truth(lanes), random.Random(seed), []  # noqa: S311 - a test's dice
    for _ in range(300):
        done.append(act(tab, truth, dice))
        assert texts(tab) == truth.texts(), done[-5:]
        ms = dice.choice([0, 16.75, 16.75, 250, 1000])
        tick(tab, ms)
        truth.tick(ms)
        assert texts(tab) == truth.texts(), [*done[-5:], ms]
        assert tab.evaluate("fake.state.playing") == truth.is_playing, done[-5:]


def test_dragging_the_scrubber_seeks_and_playing_goes_on_after_it(tab: Page, tmp_path: Path) -> None:
    words = lane(message_of(*[(100.0 * i, f"{i} ") for i in range(1, 11)]))
    open_player(tab, tmp_path, [words])
    box = tab.locator(".ck-scrubber").bounding_box()
    assert box is not None
    tab.locator(".ck-play").click()
    tab.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 5)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + 5)
    tick(tab, 300)
    assert texts(tab) == ["1 2 3 4 5 "]
    tab.mouse.move(box["x"] - 50, box["y"] + 5)
    assert texts(tab) == [""]
    tab.mouse.up()
    tick(tab, 150)
    assert texts(tab) == ["1 "]


def test_a_click_on_text_goes_to_the_chunk_it_came_with(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((100, "first "), (400, "second "), (900, "third")))])
    tab.keyboard.press("Tab")
    tab.keyboard.press("End")
    place = tab.evaluate("""() => { const node = document.querySelector(".ck-block").firstChild;
        const range = document.createRange(); range.setStart(node, 8); range.setEnd(node, 9);
        const { left, top, width, height } = range.getBoundingClientRect();
        return [left + width / 4, top + height / 2]; }""")
    tab.mouse.move(*place)
    assert tab.locator(".ck-tip").inner_text() == "chunk 2 of 3 · after 300 ms · at 400 ms"
    tab.mouse.click(*place)
    assert texts(tab) == ["first second "]
    assert tab.evaluate("fake.state.position_ms") == 400


HOSTILE = [
    '<img src=x onerror="window.hacked = 1">',
    "</script><script>window.hacked = 1</script>",
    "<!-- <script>",
    "a\u2028b\u2029c",
    "שלום \u202eevil\u202c עולם ",
    "e\u0301\u0301",
    "\u0301",
    "👩\u200d👩\u200d👧",
    "\ud83d",
    "\ude00",
    "\ud83d lone",
    "\x00\x07\r\n\t",
    "&lt;b&gt;",
]


def test_hostile_text_is_shown_as_text_and_nothing_runs(tab: Page, tmp_path: Path) -> None:
    message = message_of(*[(10.0 * i, delta) for i, delta in enumerate(HOSTILE, start=1)])
    hostile = lane(message, name="<b onclick=1>name</b>")
    path = tmp_path / "hostile.html"
    path.write_text(page([hostile], title="</title><script>window.hacked = 1</script>"), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.locator(".ck-player").press("End")
    shown = tab.locator(".ck-text").evaluate("pane => pane.textContent")
    assert shown == "".join(HOSTILE).replace("\ud83d\ude00", "😀").replace("\ud83d", "\ufffd")
    assert tab.locator(".ck-name").inner_text() == "<b onclick=1>name</b>"
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".ck-player img, .ck-player script, .ck-player b").count() == 0


def test_twenty_thousand_line_ends_are_shown_in_few_blocks(tab: Page, tmp_path: Path) -> None:
    lines = lane(message_of(*[(1.0 * i, "\n" * 100) for i in range(1, 201)]))
    open_player(tab, tmp_path, [lines])
    tab.locator(".ck-player").press("5")
    assert texts(tab) == ["\n" * 10_000]
    tab.locator(".ck-player").press("End")
    assert texts(tab) == ["\n" * 20_000]
    assert tab.locator(".ck-block").count() < 100


def test_blocks_stay_short_however_often_the_text_is_rewound(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of(*[(1.0 * i, "0123456789\n") for i in range(1, 201)]))])
    sizes = "() => [...document.querySelectorAll('.ck-block')].map((block) => block.textContent.length)"
    tab.locator(".ck-player").press("End")
    fresh = tab.evaluate(sizes)
    for _ in range(200):
        tab.keyboard.press(",")
        tab.evaluate("fake.message({ command: 'seek', ms: fake.state.position_ms + 1 })")
        tab.keyboard.press(",")
    for key in "9876543210":
        tab.keyboard.press(key)
    tab.keyboard.press("End")
    assert tab.evaluate(sizes) == fresh
    assert max(fresh) < 256 + 11


def test_a_text_that_was_written_before_it_could_be_seen_is_scrolled_to_its_end(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of(*[(1.0 * i, "line\n") for i in range(1, 101)]))])
    two_frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    tab.evaluate("document.getElementById('app').style.display = 'none'")
    tab.evaluate(two_frames)  # else it was hidden in no frame at all
    tab.evaluate("fake.message({ command: 'seek', ms: 100 })")
    tab.evaluate("document.getElementById('app').style.display = ''")
    left = (
        "() => { const p = document.querySelector('.ck-text'); return p.scrollHeight - p.clientHeight - p.scrollTop; }"
    )
    tab.evaluate(two_frames)
    assert tab.evaluate(left) == pytest.approx(0, abs=1)


def test_a_reader_who_scrolled_up_is_left_there_while_text_arrives(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of(*[(1.0 * i, "line\n") for i in range(1, 201)]))])
    tab.evaluate("fake.message({ command: 'play' })")
    tick(tab, 100)
    tab.evaluate("""() => new Promise((done) => { const pane = document.querySelector(".ck-text");
        pane.addEventListener("scroll", done); pane.scrollTop = 40; })""")
    tick(tab, 50)
    assert tab.locator(".ck-text").evaluate("pane => pane.scrollTop") == 40
    tab.keyboard.press("Tab")
    tab.evaluate("fake.message({ command: 'restart' })")
    tick(tab, 100)
    assert tab.locator(".ck-text").evaluate("pane => pane.scrollTop") > 1000


def test_lines_look_the_same_whether_they_share_a_block_or_not(tab: Page, tmp_path: Path) -> None:
    text = "\n".join(["short", "", "x" * 300, "", "", "y" * 20, "z" * 260, "end"])
    open_player(tab, tmp_path, [lane(message_of(*[(1.0 * i, c) for i, c in enumerate(text, 1)]))])
    tab.locator(".ck-player").press("End")
    heights = tab.evaluate("""text => {
        const pane = document.querySelector(".ck-text"), plain = pane.cloneNode(false);
        const block = document.createElement("div"); block.className = "ck-block"; block.textContent = text;
        plain.append(block); pane.after(plain);
        for (const each of [pane, plain]) { each.style.contain = "none"; each.style.height = "auto"; }
        return [pane.offsetHeight, plain.offsetHeight];
    }""", text)  # fmt: skip
    assert tab.locator(".ck-block").count() > 3
    assert heights[0] == heights[1]


LONG_LINES = {
    "words": "".join(f"word{i} " for i in range(1500)),
    "no place to break": "x" * 9000,
    "ideographs": "長い文章は続く。" * 900,
    "from right to left": "שלום עולם and some English 123 " * 300,
    "emoji": "👩😀 " * 1500,
}


@pytest.mark.parametrize("words", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_line_goes_on_in_another_block_and_looks_the_same(tab: Page, tmp_path: Path, words: str) -> None:
    pieces = [words[at : at + 7] for at in range(0, len(words), 7)]
    open_player(tab, tmp_path, [lane(message_of(*[(10.0 * i, piece) for i, piece in enumerate(pieces, 1)]))])
    tab.evaluate("fake.message({ command: 'play' })")
    for _ in range(len(pieces) // 4 + 2):
        tab.evaluate("fake.tick(40)")
    blocks = "() => [...document.querySelectorAll('.ck-block')].map((block) => block.textContent.length)"
    assert texts(tab) == [words]
    assert max(tab.evaluate(blocks)) < 1024 + 600
    # The same text in one block, and where each line of it begins.
    compare = """() => {
        const pane = document.querySelector(".ck-text"), plain = pane.cloneNode(false);
        const block = document.createElement("div"); block.className = "ck-block"; block.textContent = pane.textContent;
        plain.append(block); pane.after(plain);
        for (const each of [pane, plain]) { each.style.contain = "none"; each.style.height = "auto"; }
        const heights = [pane.offsetHeight, plain.offsetHeight];
        plain.remove();
        for (const each of [pane]) { each.style.contain = ""; each.style.height = ""; }
        return heights;
    }"""
    first, second = tab.evaluate(compare)
    assert first == second
    # In another width lines are wrapped elsewhere.
    tab.set_viewport_size({"width": 620, "height": 600})
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert texts(tab) == [words]
    first, second = tab.evaluate(compare)
    assert first == second
    tab.locator(".ck-player").press("5")
    tab.locator(".ck-player").press("End")
    assert texts(tab) == [words]
    assert tab.evaluate("() => [...CSS.highlights.values()].every((all) => [...all].every((range) =>"
        "range.endOffset <= range.endContainer.length && range.startContainer.isConnected))")  # fmt: skip


def test_a_stall_is_drawn_where_python_says_and_counts_up(tab: Page, tmp_path: Path) -> None:
    times = [100, 110, 120, 130, 140, 150, 1150, 1160, 1200]
    open_player(tab, tmp_path, [lane(message_of(*[(ms, "w ") for ms in times], end_ms=1500))])
    bands = tab.locator(".ck-band")
    assert bands.count() == 1
    x, width = (float(bands.get_attribute(name) or "nan") for name in ("x", "width"))
    assert (x, x + width) == pytest.approx((150 / 1500 * 400, 1150 / 1500 * 400))
    assert readouts(tab) == ["9 chunks · 1.50 s"]
    tab.locator(".ck-play").click()
    tick(tab, 64)
    tick(tab, 0)
    assert texts(tab) == [""]
    tab.locator(".ck-play").click()
    assert readouts(tab) == ["waiting for the first chunk 64 ms"]
    tab.locator(".ck-play").click()
    tick(tab, 898)
    assert readouts(tab) == ["TTFT 100 ms · 6 of 9 chunks · waiting 812 ms"]
    tick(tab, 2000)
    assert readouts(tab) == ["1.50 s · TTFT 100 ms · 9 chunks"]
    assert "Replay ended" in tab.locator("[role=status]").inner_text()


def test_readouts_change_ten_times_a_second_and_a_follower_is_sent_no_more(tab: Page, tmp_path: Path) -> None:
    words = lane(message_of(*[(10.0 * i, "w ") for i in range(1, 500)]))
    open_player(tab, tmp_path, [words], _followed=True)
    tab.evaluate("fake.message({ command: 'play' })")
    before = tab.evaluate("fake.saved.length")
    for _ in range(125):
        tick(tab, 16)
    sent = tab.evaluate("fake.saved.map((state) => [state.at, state.position_ms])")[before:]
    assert 15 <= len(sent) <= 20  # two seconds
    assert min(later[0] - earlier[0] for earlier, later in pairwise(sent)) >= 100


def test_without_a_follower_nothing_is_sent_while_it_plays(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of(*[(10.0 * i, "w ") for i in range(1, 500)]))])
    tab.evaluate("fake.message({ command: 'play' })")
    before = tab.evaluate("fake.saved.length")
    for _ in range(60):
        tick(tab, 16)
    assert tab.evaluate("fake.saved.length") == before
    tab.evaluate("fake.message({ command: 'pause' })")
    last = tab.evaluate("fake.saved.at(-1)")
    assert (last["playing"], last["position_ms"], last["chunk"]) == (False, 960, 95)


def test_python_moves_the_player_by_position_chunk_speed_and_idle_limit(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((100, "a"), (200, "b"), (1200, "c")))])
    tab.evaluate("fake.fromPython('position_ms', 200)")
    assert texts(tab) == ["ab"]
    tab.evaluate("fake.fromPython('chunk', 0)")
    assert texts(tab) == ["a"]
    tab.evaluate("fake.fromPython('chunk', -1)")
    assert texts(tab) == [""]
    tab.evaluate("fake.fromPython('speed', 2)")
    assert tab.locator(".ck-speed").input_value() == "2"
    tab.evaluate("fake.fromPython('idle_limit_ms', 50)")
    tab.evaluate("fake.message({ command: 'play' })")
    tick(tab, 75)
    assert texts(tab) == ["abc"]
    tab.evaluate("fake.fromPython('speed', 0)")
    assert tab.evaluate("fake.state.playing") is False


def test_autoplay_starts_and_a_stored_position_is_kept(tab: Page, tmp_path: Path) -> None:
    words = [lane(message_of((100, "a"), (200, "b")))]
    open_player(tab, tmp_path, words, autoplay=True)
    tick(tab, 150)
    assert texts(tab) == ["a"]
    open_player(tab, tmp_path, words, autoplay=True, position_ms=200)
    tick(tab, 50)
    assert texts(tab) == ["ab"]
    assert tab.evaluate("fake.frames.length") == 0


def test_with_reduced_motion_autoplay_shows_the_whole_text_at_once(tab: Page, tmp_path: Path) -> None:
    tab.emulate_media(reduced_motion="reduce")
    open_player(tab, tmp_path, [lane(message_of((100, "a"), (200, "b")))], autoplay=True)
    assert texts(tab) == ["ab"]
    assert tab.evaluate("fake.state.playing") is False


def test_keys_with_modifiers_and_those_of_a_focused_button_are_left_alone(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((100, "a"), (200, "b")))])
    tab.evaluate("window.unclaimed = []")
    tab.evaluate("addEventListener('keydown', (event) => unclaimed.push([event.key, event.defaultPrevented]))")
    tab.locator(".ck-player").focus()
    for key in ("Control+s", "Alt+ArrowRight", "Meta+k", "x", "."):
        tab.keyboard.press(key)
    claimed = [key for key, is_prevented in tab.evaluate("unclaimed") if is_prevented]
    heard = [key for key, _ in tab.evaluate("unclaimed")]
    assert claimed == []
    assert {"s", "ArrowRight", "k", "x"} <= set(heard)
    assert "." not in heard
    assert texts(tab) == ["a"]
    tab.get_by_role("button", name="Next chunk (.)").focus()
    tab.keyboard.press(" ")
    assert texts(tab) == ["ab"]
    assert tab.evaluate("fake.state.playing") is False


def test_it_is_named_and_announced_for_those_who_do_not_see_it(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((100, "Hel"), (350, "lo")), name="gemma")])
    root = tab.get_by_role("group", name="Replay of gemma")
    assert root.get_attribute("data-lm-suppress-shortcuts") == "true"
    assert tab.get_by_role("toolbar", name="Replay").count() == 1
    log = tab.get_by_role("log", name="Text of gemma")
    assert log.get_attribute("aria-live") == "off"
    root.press("End")
    root.press(",")
    slider = tab.get_by_role("slider", name="Position")
    assert slider.get_attribute("aria-valuetext") == "0.10 / 0.35 s"
    assert tab.get_by_role("status").inner_text() == "gemma: Hel (chunk 1 of 2 · after 100 ms · at 100 ms)"
    tint = tab.get_by_role("button", name="tint")
    assert tint.get_attribute("aria-pressed") == "true"
    tint.click()
    assert tint.get_attribute("aria-pressed") == "false"
    assert all(
        name for name in tab.locator("button").evaluate_all("all => all.map((b) => b.ariaLabel || b.textContent)")
    )


def test_taken_away_it_leaves_no_frame_listener_mark_or_element(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((500, "a"), (900, "b")))])
    tab.evaluate("fake.message({ command: 'play' })")
    tick(tab, 600)
    marked = "() => [...CSS.highlights.values()].reduce((sum, each) => sum + each.size, 0)"
    assert tab.evaluate(marked) == 1
    tab.evaluate("fake.unmount()")
    assert tab.evaluate(marked) == 0
    assert tab.evaluate("[fake.frames.length, Object.keys(fake.handlers).length]") == [0, 0]
    assert tab.locator("#app > *").count() == 0


LIVE = """<!doctype html><meta charset="utf-8"><style>%(style)s</style><div id="app"></div>
<script type="module">%(module)s
const handlers = {}, timers = new Set();
const empty = new Uint8Array(0);
const bytes = (Type, values) => new Uint8Array(Type.from(values).buffer);
const state = { _live: true, _lanes: [{ name: "live", text: "", arrivals_ms: empty, chunk_ends: empty }], _tail: {},
  speed: 1, playing: false, position_ms: 0, chunk: -1, idle_limit_ms: null, autoplay: false };
let time = 700;
const unmount = show({ el: document.getElementById("app"), get: (name) => state[name],
  set: (name, value) => { state[name] = value; }, save: () => {},
  on: (event, handler) => {
    (handlers[event] ??= new Set()).add(handler); return () => handlers[event].delete(handler); },
  now: () => time, every: (callback) => { timers.add(callback); return callback; },
  stop: (timer) => timers.delete(timer) });
const sentLane = (text, times, ends) => ({ name: "live", text, arrivals_ms: bytes(Float64Array, times),
  chunk_ends: bytes(Uint32Array, ends) });
const change = (name, value) => { state[name] = value; for (const each of handlers[`change:${name}`] ?? []) each(); };
window.live = { timers, state, unmount,
  tail(text, times, ends, elapsed_ms) {
    change("_tail", { ...sentLane(text, times, ends), elapsed_ms, stall_after_ms: 250 }); },
  whole(text, times, ends) {
    state._lanes = [sentLane(text, times, ends)];
    change("_tail", { elapsed_ms: times.at(-1), stall_after_ms: 250 }); },
  wait(ms) { time += ms; for (const each of timers) each(); },
  end(lane) {
    const arrivals_ms = bytesFrom(lane.arrivals_ms), chunk_ends = bytesFrom(lane.chunk_ends);
    state._lanes = [{ ...lane, arrivals_ms, chunk_ends }];
    Object.assign(state, { _tail: {}, position_ms: lane.total_ms }); change("_live", false); },
};
</script>"""


def test_a_live_response_is_shown_as_it_arrives_and_replayed_when_it_has_ended(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "live.html"
    path.write_text(LIVE % {"style": player_style(), "module": page_module()}, encoding="utf-8")
    tab.goto(path.as_uri())
    tab.wait_for_function("window.live")
    tab.evaluate("live.tail('', [], [], 40)")
    tab.evaluate("live.wait(60)")
    assert readouts(tab) == ["waiting for the first chunk 100 ms"]
    tab.evaluate("live.tail('Hel', [110], [3], 110)")
    assert tab.locator(".ck-text").inner_text() == "Hel"
    tab.evaluate("live.tail('Hello', [110, 120], [3, 5], 120)")
    assert readouts(tab) == ["TTFT 110 ms · 2 chunks"]
    tab.evaluate("live.wait(400)")
    assert readouts(tab) == ["TTFT 110 ms · 2 chunks · waiting 400 ms"]
    assert tab.locator(".ck-lane").get_attribute("data-phase") == "stalled"
    tab.evaluate("live.whole('Hello wor', [110, 120, 600], [3, 5, 9])")
    tab.evaluate("live.tail('ld', [610], [11], 610)")
    assert tab.locator(".ck-text").evaluate("pane => pane.textContent") == "Hello world"
    ended = lane(message_of((110, "Hel"), (120, "lo"), (600, " wor"), (610, "ld")), name="ended")
    tab.evaluate("lane => live.end(lane)", ended.to_json())
    assert tab.evaluate("live.timers.size") == 0
    assert readouts(tab) == ["610 ms · TTFT 110 ms · 4 chunks"]
    tab.locator(".ck-player").press("Home")
    assert tab.locator(".ck-text").evaluate("pane => pane.textContent") == ""
    tab.evaluate("live.unmount()")
    assert tab.locator("#app > *").count() == 0


def test_a_page_of_its_own_replays_offline_to_the_last_character(tab: Page, tmp_path: Path) -> None:
    requested: list[str] = []
    tab.on("request", lambda request: requested.append(request.url))
    lanes = race(4)
    path = tmp_path / "one.html"
    path.write_text(page(lanes, title="Replay", speed=8), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.locator(".ck-play").click()
    tab.locator(".ck-playing").wait_for(state="detached")
    assert tab.locator(".ck-text").evaluate_all("all => all.map((each) => each.textContent)") == [
        each.text for each in lanes
    ]
    assert requested == [path.as_uri()]


def test_a_page_replays_inside_a_sandbox_that_allows_scripts_only(tab: Page, tmp_path: Path) -> None:
    inner = page([lane(message_of((100, "in the "), (200, "sandbox")))], speed=0)
    outer = tmp_path / "outer.html"
    make = "const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';"
    show = f"frame.srcdoc = {script_json(inner)}; document.body.append(frame);"
    outer.write_text(f"<!doctype html><body><script>{make}{show}</script>", encoding="utf-8")
    tab.goto(outer.as_uri())
    inside = tab.frame_locator("iframe")
    inside.locator(".ck-play").click()
    assert inside.locator(".ck-text").evaluate("pane => pane.textContent") == "in the sandbox"


def test_without_scripts_a_page_shows_the_text(tmp_path: Path, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False, offline=True)
    path = tmp_path / "one.html"
    path.write_text(page([lane(message_of((1, "1 < 2"), (2, " & 3")))]), encoding="utf-8")
    tab = context.new_page()
    tab.goto(path.as_uri())
    assert tab.locator("pre").inner_text() == "1 < 2 & 3"
    context.close()
