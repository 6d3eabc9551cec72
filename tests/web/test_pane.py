"""The text of a lane on the page: as text whatever it says, in blocks that stay quick, scrolled and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatkit.player import lane, page
from tests.web.harness import message_of, open_player, texts, tick

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

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


def test_a_megabyte_of_markup_in_one_line_is_text_whether_played_or_leapt_to(tab: Page, tmp_path: Path) -> None:
    piece = "".join(part for part in HOSTILE if part.isprintable()) * 10
    pieces = [piece] * (1_000_000 // len(piece) + 1)
    open_player(tab, tmp_path, [lane(message_of(*[(10.0 * i, each) for i, each in enumerate(pieces, 1)]))])
    tab.locator(".ck-player").press("End")
    finish(tab)
    assert texts(tab) == ["".join(pieces)]
    tab.locator(".ck-player").press("9")
    tab.evaluate("fake.message({ command: 'play' })")
    tab.evaluate("() => { for (let i = 0; i < 100; i++) fake.tick(16); }")
    tab.evaluate("fake.message({ command: 'pause' })")
    n_shown = tab.evaluate("fake.state.chunk") + 1
    assert len(pieces) * 0.9 < n_shown <= len(pieces)
    assert texts(tab) == ["".join(pieces[:n_shown])]
    assert tab.evaluate("window.hacked") is None
    assert tab.locator(".ck-player img, .ck-player script, .ck-player b").count() == 0


AT_ONCE = 65_536


def finish(tab: Page) -> int:
    """Let frames come until no more is asked for; return how many there were."""
    count: int = tab.evaluate(
        "() => { let n = 0; while (fake.frames.length && n < 1000) { fake.tick(16); n++; } return n; }"
    )
    return count


def test_a_chunk_of_a_megabyte_comes_onto_the_page_part_by_part_so_that_no_frame_takes_long(
    tab: Page, tmp_path: Path
) -> None:
    words = "".join(f"{i:06} " for i in range(150_000))
    open_player(tab, tmp_path, [lane(message_of((10, "first "), (20, words), (30, "last")))])
    tab.locator(".ck-player").press("c")
    tab.locator(".ck-player").press("End")
    whole = f"first {words}last"
    assert texts(tab) == [whole[:AT_ONCE]]
    tick(tab, 16)
    assert texts(tab) == [whole[: 2 * AT_ONCE]]
    move_over_text(tab)
    assert tab.evaluate("[...(CSS.highlights.get('ck-odd') ?? [])].length") == 0  # chunk 2 is not whole yet
    tab.locator(".ck-player").press("Home")
    assert finish(tab) == 1  # it was asked for before
    assert texts(tab) == [""]
    tab.locator(".ck-player").press("End")
    assert finish(tab) == len(whole) // AT_ONCE
    assert texts(tab) == [whole]
    assert tab.evaluate("[...(CSS.highlights.get('ck-odd') ?? [])].length") == 1


def move_over_text(tab: Page) -> None:
    box = tab.locator(".ck-text").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 60, box["y"] + 40)
    tab.locator(".ck-tip:visible").wait_for()


def test_of_a_very_long_chunk_only_the_beginning_is_read_aloud(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of((10, "😀" * 500), (20, "b" * 200)))])
    said = tab.locator(".ck-announcement")
    tab.locator(".ck-player").press(".")
    assert said.inner_text() == f"test 1a2b3c4d: {'😀' * 200}… (chunk 1 of 2 · after 10 ms · at 10 ms)"
    tab.locator(".ck-player").press(".")
    assert said.inner_text() == f"test 1a2b3c4d: {'b' * 200} (chunk 2 of 2 · after 10 ms · at 20 ms)"


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


# Heights of the pane's whole text, and of the same text in one block.
HEIGHTS = """() => {
    const pane = document.querySelector(".ck-text"), plain = pane.cloneNode(false);
    const block = document.createElement("div"); block.className = "ck-block"; block.textContent = pane.textContent;
    plain.append(block); pane.after(plain);
    for (const each of [pane, plain]) { each.style.contain = "none"; each.style.height = "auto"; }
    const heights = [pane.offsetHeight, plain.offsetHeight];
    plain.remove();
    pane.style.contain = ""; pane.style.height = "";
    return heights;
}"""
BLOCKS = "() => [...document.querySelectorAll('.ck-block')].map((block) => block.textContent.length)"
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.parametrize("words", LONG_LINES.values(), ids=LONG_LINES)
def test_a_long_line_goes_on_in_another_block_and_looks_the_same(tab: Page, tmp_path: Path, words: str) -> None:
    pieces = [words[at : at + 7] for at in range(0, len(words), 7)]
    open_player(tab, tmp_path, [lane(message_of(*[(10.0 * i, piece) for i, piece in enumerate(pieces, 1)]))])
    tab.evaluate("fake.message({ command: 'play' })")
    tab.evaluate("count => { for (let i = 0; i < count; i++) fake.tick(40); }", len(pieces) // 4 + 2)
    assert texts(tab) == [words]
    assert max(tab.evaluate(BLOCKS)) < 1024 + 600
    first, second = tab.evaluate(HEIGHTS)
    assert first == second
    # In another width lines are wrapped elsewhere.
    tab.set_viewport_size({"width": 620, "height": 600})
    tab.evaluate(TWO_FRAMES)
    assert texts(tab) == [words]
    first, second = tab.evaluate(HEIGHTS)
    assert first == second
    tab.locator(".ck-player").press("5")
    tab.locator(".ck-player").press("End")
    assert texts(tab) == [words]
    assert tab.evaluate("() => [...CSS.highlights.values()].every((all) => [...all].every((range) =>"
        "range.endOffset <= range.endContainer.length && range.startContainer.isConnected))")  # fmt: skip


@pytest.mark.parametrize("is_hidden", [False, True], ids=["seen", "not yet seen"])
def test_a_leap_into_a_long_line_leaves_blocks_that_are_quick_to_go_on_with(
    tab: Page, tmp_path: Path, is_hidden: bool
) -> None:
    """A block that is laid out while text arrives is short, wherever the replay began, and lines break as in one."""
    words = "".join(f"word{i} " for i in range(12_000))
    pieces = [words[at : at + 30] for at in range(0, len(words), 30)]
    open_player(tab, tmp_path, [lane(message_of(*[(10.0 * i, piece) for i, piece in enumerate(pieces, 1)]))])
    tab.evaluate("display => { app.style.display = display; }", "none" if is_hidden else "")
    tab.evaluate(TWO_FRAMES)
    tab.evaluate("fake.message({ command: 'seek', ms: 30000 })")
    tab.evaluate("app.style.display = ''")
    tab.evaluate(TWO_FRAMES)
    n_blocks = len(tab.evaluate(BLOCKS))
    assert n_blocks < 40
    assert max(tab.evaluate(BLOCKS)) < 16_384 + 600
    tab.evaluate("fake.message({ command: 'play' })")
    tab.evaluate("() => { for (let i = 0; i < 200; i++) fake.tick(16); }")
    assert texts(tab) == [words[: 30 * 3320]]
    assert max(tab.evaluate(BLOCKS)[n_blocks:]) < 1024 + 600
    first, second = tab.evaluate(HEIGHTS)
    assert first == second


def marked(tab: Page) -> list[int]:
    """Which words are marked as odd chunks."""
    found: list[int] = tab.evaluate("""() => [...CSS.highlights.get("ck-odd")].map((range) =>
        Number(range.startContainer.data.slice(range.startOffset, range.endOffset))).sort((a, b) => a - b)""")
    return found


def test_what_can_be_seen_is_marked_wherever_it_is_scrolled_to_and_not_much_more(tab: Page, tmp_path: Path) -> None:
    open_player(tab, tmp_path, [lane(message_of(*[(1.0 * i, f"{i:05}\n") for i in range(1, 5001)]))])
    tab.locator(".ck-player").press("c")
    tab.locator(".ck-player").press("End")
    seen = 12  # lines: the pane is 12 em high
    assert set(range(5000 - seen, 5000 + 1, 2)) <= set(marked(tab))
    assert len(marked(tab)) < 500
    for share in (0.5, 0.1, 0):
        top = tab.evaluate("""share => new Promise((done) => { const pane = document.querySelector(".ck-text");
            pane.addEventListener("scroll", () => requestAnimationFrame(() => done(pane.scrollTop)), { once: true });
            pane.scrollTop = share * pane.scrollHeight; })""", share)  # fmt: skip
        first = int(top / 21) + 1  # a line is 21 px high
        assert {index for index in range(first, first + seen - 4) if index % 2 == 0} <= set(marked(tab))
        assert len(marked(tab)) < 500
    tab.locator(".ck-player").press("c")
    assert marked(tab) == []
