"""What the pointer looks at in Chromium: words beside it, and marks on the text and on the scrubber."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from chatkit.models import Message, Piece, Response, Usage
from chatkit.player import lane, page
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SENT = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = (100, 110, 120, 130, 140, 150, 1150, 1160, 1200)
"""A stall of a second before the seventh chunk; the end is at 1.2 s."""


def message_of(*times: float, completion_tokens: int | None = None) -> Message:
    pieces = [Piece(to_us(SENT) + round(ms * 1000), f"word{i} ") for i, ms in enumerate(times)]
    usage = None if completion_tokens is None else Usage(completion_tokens=completion_tokens)
    response = Response.from_pieces(pieces, started_at=SENT, model="test", finish_reason="stop", usage=usage)
    return Message.from_response(response, message_id="1a2b3c4d-0000-4000-8000-000000000000")


@pytest.fixture
def race(tab: Page, tmp_path: Path) -> Page:
    path = tmp_path / "race.html"
    lanes = [lane(message_of(*TIMES), name="left"), lane(message_of(300, 500, 700, 900), name="right")]
    path.write_text(page(lanes), encoding="utf-8")
    tab.goto(path.as_uri())
    return tab


def move_to_scrubber(tab: Page, share: float, row: float) -> None:
    box = tab.locator(".ck-scrubber").bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + share * box["width"], box["y"] + row * box["height"])


def move_to_word(tab: Page, lane_number: int, character: int, *, below_px: float = 0) -> None:
    place = tab.evaluate(
        """([lane, at]) => {
        const node = document.querySelectorAll(".ck-text")[lane].querySelector(".ck-block").firstChild;
        const range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + 1);
        const { left, top, width, height } = range.getBoundingClientRect();
        return [left + 0.9 * width, top + height / 2]; }""",
        [lane_number, character],
    )
    tab.mouse.move(place[0], place[1] + below_px)


def marked(tab: Page) -> str:
    text: str = tab.evaluate(
        "[...(CSS.highlights.get('ck-pointed') ?? [])].map((each) =>"
        " each.startContainer.data.slice(each.startOffset, each.endOffset)).join('|')"
    )
    return text


def line_share(tab: Page) -> float:
    """Where on the scrubber the line of what is pointed at stands."""
    share: float = tab.evaluate(
        "() => { const { left, width } = document.querySelector('.ck-scrubber').getBoundingClientRect();"
        " return (document.querySelector('.ck-pointed-at').getBoundingClientRect().left - left) / width; }"
    )
    return share


def test_a_moment_on_the_scrubber_is_named_for_the_lane_of_its_row(race: Page) -> None:
    tip = race.locator(".ck-tip")
    move_to_scrubber(race, 0.5, 0.25)
    assert tip.inner_text() == "left: 600 ms · 6 of 9 chunks · stall of 1.00 s"
    move_to_scrubber(race, 0.4, 0.75)
    assert tip.inner_text() == "right: 480 ms · 1 of 4 chunks · wait of 200 ms"
    assert race.evaluate("document.querySelector('.ck-time:last-child').textContent") == "0.00 / 1.20 s"
    race.mouse.move(5, 5)
    assert not tip.is_visible()
    assert not race.locator(".ck-pointed-at").is_visible()


def test_a_piece_of_text_is_marked_and_shown_where_it_came_on_the_scrubber(race: Page) -> None:
    race.locator(".ck-player").press("End")
    move_to_word(race, 0, 6 * 6 + 4)  # the last letter of word6: its right half belongs to it, not to the next
    assert race.locator(".ck-tip").inner_text() == "chunk 7 of 9 · after 1.00 s · at 1.15 s"
    assert marked(race) == "word6 "
    assert line_share(race) == pytest.approx(1150 / 1200, abs=0.005)
    move_to_word(race, 1, 0)
    assert race.locator(".ck-tip").inner_text() == "chunk 1 of 4 · after 300 ms · at 300 ms"
    assert marked(race) == "word0 "


def test_ground_beside_the_text_names_nothing(race: Page) -> None:
    race.locator(".ck-player").press("End")
    move_to_word(race, 0, 3, below_px=60)
    assert not race.locator(".ck-tip").is_visible()
    assert marked(race) == ""


def test_between_two_lines_of_a_text_there_is_no_ground_that_names_nothing(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    path.write_text(page([lane(message_of(*range(1, 401)))]), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.locator(".ck-player").press("End")
    box = tab.locator(".ck-text").bounding_box()
    assert box is not None
    for below in range(30, 80):  # two lines and more, of 21 px each
        tab.mouse.move(box["x"] + 10, box["y"] + below)
        assert (below, tab.locator(".ck-tip").is_visible()) == (below, True)


def test_what_is_pointed_at_is_not_marked_any_more_when_its_text_goes(race: Page) -> None:
    race.locator(".ck-player").press("End")
    move_to_word(race, 0, 40)
    race.locator(".ck-player").press("Home")
    assert marked(race) == ""


def test_a_tip_stays_inside_of_the_player(race: Page) -> None:
    for share in (0.001, 0.999):
        move_to_scrubber(race, share, 0.25)
        inside = race.evaluate(
            "() => { const [tip, all] = ['.ck-tip', '.ck-player'].map((each) =>"
            " document.querySelector(each).getBoundingClientRect());"
            " return tip.left >= all.left && tip.right <= all.right; }"
        )
        assert inside


def test_in_a_race_each_row_ends_where_its_lane_ends(race: Page) -> None:
    widths = race.locator(".ck-span").evaluate_all("all => all.map((each) => Number(each.getAttribute('width')))")
    assert widths == [400, 300]


def test_a_narrow_player_draws_fewer_bars_of_the_longest_waits(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    path.write_text(page([lane(message_of(*range(1, 1001), 3000))]), encoding="utf-8")
    tab.goto(path.as_uri())
    count = "() => document.querySelector('.ck-bar-0').getAttribute('d').match(/M/g).length"
    tab.set_viewport_size({"width": 900, "height": 600})
    tab.wait_for_function(f"() => ({count})() > 60")
    tab.set_viewport_size({"width": 320, "height": 600})
    tab.wait_for_function(f"() => ({count})() < 40")
    assert tab.locator(".ck-bar-4").count() == 1


def test_skipping_says_how_much_time_it_saves(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    path.write_text(page([lane(message_of(*TIMES))]), encoding="utf-8")
    tab.goto(path.as_uri())
    assert not tab.locator(".ck-skipped").is_visible()
    tab.locator(".ck-player").press("s")
    assert tab.locator(".ck-skipped").inner_text() == "700 ms skipped"  # of the 1,000 ms 300 are left
    tab.locator(".ck-player").press("s")
    assert not tab.locator(".ck-skipped").is_visible()


def test_tokens_a_second_are_said_where_every_token_was_seen(tab: Page, tmp_path: Path) -> None:
    path = tmp_path / "one.html"
    tokens = 22
    path.write_text(page([lane(message_of(*range(100, 1200, 100), completion_tokens=tokens))]), encoding="utf-8")
    tab.goto(path.as_uri())
    tab.locator(".ck-player").press("9")
    # In the last 890 ms, from the first chunk on, 8 chunks came; 11 chunks hold 22 tokens.
    assert (
        tab.locator(".ck-readout").inner_text()
        == f"TTFT 100 ms · 9 of 11 chunks · ≈ {8 / 0.89 * tokens / 11:.0f} tokens/s"
    )
