"""The player in Chromium, with a clock that the test turns: what is on the page against the raw arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.player import lane, page
from chatkit.player.document import script_json
from chatkit.web import page_module, player_style
from tests.web.harness import message_of, open_player, race, readouts, texts, tick

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


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


def test_a_wait_is_said_to_be_over_in_the_frame_that_shows_what_was_waited_for(tab: Page, tmp_path: Path) -> None:
    times = [100, 110, 120, 130, 140, 150, 1150, 1160]
    open_player(tab, tmp_path, [lane(message_of(*[(ms, "w ") for ms in times], end_ms=1200))])
    phase = "document.querySelector('.ck-lane').dataset.phase"
    tab.evaluate("fake.message({ command: 'play' })")
    tick(tab, 90)
    assert tab.evaluate(phase) == "first"
    tick(tab, 15)  # 105 ms: the read-outs were brought up to date 15 ms ago
    assert (texts(tab), tab.evaluate(phase)) == (["w "], "streaming")
    for ms in (100, 100, 100, 740):  # to 1145 ms
        tick(tab, ms)
    assert tab.evaluate(phase) == "stalled"
    tick(tab, 10)
    assert (tab.evaluate(phase), readouts(tab)) == ("streaming", ["TTFT 100 ms · 7 of 8 chunks · 1.0 chunks/s"])


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
    tab.evaluate("live.wait(60)")
    assert readouts(tab) == ["not sent yet"]
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
