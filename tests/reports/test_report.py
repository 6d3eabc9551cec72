"""The report: one file for somebody with neither notebook nor network."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chatkit as ck
from chatkit.reports.details import comparison
from chatkit.reports.material import read_material

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from chatkit.frames.source import Source

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "store"


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ck.report(SAMPLE, tmp_path_factory.mktemp("report") / "report.html", by="scenario")


def test_the_report_holds_tables_pictures_and_three_players(page_path: Path) -> None:
    page = page_path.read_text(encoding="utf-8")
    first, percentiles, goodput = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert first.count("<tr>") == 1 + 1 + 16  # heading, all, and the 16 scenarios of the recordings
    assert percentiles.count("<tr>") == 1 + 16 * 4  # four figures each
    assert goodput.count("<tr>") == 1 + 16
    assert page.count('src="data:image/png;base64,') == 4  # gaps, arrival, timeline, comparison
    assert "stalled for 2.11 s (2 times" in page  # where the worst one's time went
    assert re.findall(r"<h3>(.*?)</h3>", page) == ["A typical response", "The slowest start", "The worst stall"]
    assert page.count('<iframe sandbox="allow-scripts"') == 3


def test_the_report_loads_nothing(page_path: Path) -> None:
    page = page_path.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)=["'](?!data:)""", page)
    assert "default-src 'none'" in page


def test_a_report_without_text_holds_no_word_of_a_conversation(tmp_path: Path) -> None:
    """Every text of the store of six words or more is looked for, in the page as it stands and unescaped."""
    page = ck.report(SAMPLE, tmp_path / "report.html", text=False).read_text(encoding="utf-8")
    page = html.unescape(page)
    texts = [message.content for context in ck.Store(SAMPLE).contexts() for message in context.messages()]
    openings = {" ".join(text.split()[:6]) for text in texts if len(text.split()) >= 6}
    assert len(openings) > 80
    assert [opening for opening in openings if opening in page] == []
    assert "▮" in page or "\\u25ae" in page


def test_markup_in_a_conversation_stays_text(tmp_path: Path) -> None:
    store = ck.Store.create(tmp_path / "store")
    context = store.create_context(title="<script>alert(1)</script>")
    context.append_message(ck.Message.from_text("<img src=x onerror=alert(1)>"))
    sent = context.metadata.created_at
    assert sent is not None
    pieces = [ck.Piece(int(sent.timestamp() * 1e6) + 1000 * ms, "</script><b>bold</b>") for ms in (5, 9)]
    response = ck.Response.from_pieces(pieces, started_at=sent, model="<i>model</i>", finish_reason="stop")
    context.append_message(ck.Message.from_response(response, metadata={"scenario": "<u>x</u>"}))
    page = ck.report(store, tmp_path / "report.html", by="scenario").read_text(encoding="utf-8")
    for markup in ("<img src=x", "<b>bold", "<i>model", "<u>x", "<script>alert"):
        assert markup not in page


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    written = ck.report(SAMPLE, tmp_path / "reports" / "today" / "store.html")
    assert written.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_store_without_responses_still_has_a_report(tmp_path: Path) -> None:
    store = ck.Store.create(tmp_path / "store")
    page = ck.report(store, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The store holds no streamed response." in page
    assert "<iframe" not in page


@pytest.mark.browser
def test_the_reports_players_play_to_the_last_character_with_the_network_off(page_path: Path, tab: Page) -> None:
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page_path.as_uri())
    store = ck.Store(SAMPLE)
    ids = tab.locator("section p code").all_inner_texts()
    assert len(ids) == 3
    for place, message_id in enumerate(ids):
        tab.locator("iframe").nth(place).scroll_into_view_if_needed()
        frame = tab.frame_locator("iframe").nth(place)
        frame.get_by_label("Speed").select_option("8")
        frame.get_by_role("button", name="Play").click()
        log = frame.get_by_role("log")
        message = store.message(message_id)
        log.filter(has_text=message.content[-12:].strip()).wait_for(timeout=20_000)
        assert log.evaluate("element => element.textContent") == message.content
    assert [url for url in requests if not url.startswith(("file:", "data:", "about:"))] == []


def test_two_stores_are_compared(tmp_path: Path) -> None:
    """The second store holds the same responses, so that every ratio is 1."""
    shutil.copytree(SAMPLE, tmp_path / "other")
    page = ck.report(SAMPLE, tmp_path / "report.html", compare_with=tmp_path / "other").read_text(encoding="utf-8")
    first = re.findall(r"<table.*?</table>", page, re.DOTALL)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>.*?</tr>", first, re.DOTALL)]
    assert [row[:3] for row in rows[1:]] == [["all", "274", "162"], ["store", "137", "162"], ["other", "137", "162"]]
    assert "Compared" in page


@pytest.mark.browser
def test_a_printed_page_cuts_no_table_and_is_light(page_path: Path, tab: Page) -> None:
    tab.set_viewport_size({"width": 680, "height": 960})  # an A4 page between the usual margins
    tab.emulate_media(media="print", color_scheme="dark")
    tab.goto(page_path.as_uri())
    tables = tab.locator("table")
    assert tables.count() == 3
    for place in range(3):
        box = tables.nth(place).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 680
    ground, ink = (
        tab.evaluate(f"() => getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")
    )
    assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert not tab.locator("iframe").first.is_visible()


def test_two_stores_of_one_name_are_told_apart_and_the_first_is_the_baseline(tmp_path: Path) -> None:
    """`new/store` stands before `base/store` because it was given first, whatever the alphabet says."""
    for name in ("new", "base"):
        shutil.copytree(SAMPLE, tmp_path / name / "store")
    page = ck.report(
        tmp_path / "new" / "store", tmp_path / "report.html", compare_with=tmp_path / "base" / "store"
    ).read_text(encoding="utf-8")
    first, *others = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert re.findall(r"<td class=\"key\">(.*?)</td>", first) == ["all", "new/store", "base/store"]
    assert all(table.index("new/store") < table.index("base/store") for table in others)
    assert "How the words arrived: new/store and base/store" in page


def test_a_store_compared_with_itself_is_two_groups(tmp_path: Path) -> None:
    page = ck.report(SAMPLE, tmp_path / "report.html", compare_with=SAMPLE).read_text(encoding="utf-8")
    assert "(1)</td>" in page
    assert "(2)</td>" in page


def test_groups_are_held_against_the_one_with_the_most_contexts() -> None:
    """`idle` has 18 of them, so that busy, the chats and the queue get an interval."""
    found = comparison(read_material(SAMPLE, "scenario"))
    assert found is not None
    assert found["baseline"].unique().tolist() == ["idle"]
    assert set(found.loc[found["difference_low"].notna(), "scenario"]) == {"busy", "chat", "queued"}


@pytest.mark.browser
def test_pictures_keep_a_legible_size_on_a_phone(page_path: Path, tab: Page) -> None:
    tab.set_viewport_size({"width": 400, "height": 800})
    tab.goto(page_path.as_uri())
    widths = tab.evaluate("[...document.querySelectorAll('figure img')].map(image => image.clientWidth)")
    assert len(widths) == 4
    assert min(widths) >= 600
    assert tab.evaluate("document.documentElement.scrollWidth") == 400  # they scroll, not the page


@pytest.mark.parametrize("kind", ["context", "message", "messages", "generator"])
def test_whatever_a_table_is_made_of_has_a_report(tmp_path: Path, kind: str) -> None:
    context = ck.Store(SAMPLE).context("ea326407")
    answer = context.messages()[-1]
    sources: dict[str, Source] = {
        "context": context,
        "message": answer,
        "messages": [answer],
        "generator": iter(context.messages()),
    }
    page = ck.report(sources[kind], tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"message <code>(.*?)</code>", page) == [answer.message_id[:8]]
    assert ("<blockquote>" in page) == (kind == "context")  # a message by itself does not know what it answers


def test_a_context_that_went_on_in_the_second_store_is_found_there(tmp_path: Path) -> None:
    """Both stores hold the context; the slowest answer of all is in the second alone, a stall of five seconds in it."""
    shutil.copytree(SAMPLE, tmp_path / "later")
    context = ck.Store(tmp_path / "later").context("ea326407")
    sent = context.messages()[-1].created_at
    assert sent is not None
    at_us = int(sent.timestamp() * 1e6)
    pieces = [ck.Piece(at_us + 1000 * ms, "slow ") for ms in (9000, 9010, 14_010)]
    slow = ck.Message.from_response(ck.Response.from_pieces(pieces, started_at=sent, model="m", finish_reason="stop"))
    context.append_message(slow)
    page = ck.report(SAMPLE, tmp_path / "report.html", compare_with=tmp_path / "later").read_text(encoding="utf-8")
    assert "first token after 9.00 s" in page
    material = read_material(SAMPLE, compare_with=tmp_path / "later")
    assert material.chunks.loc[material.chunks["message_id"] == slow.message_id, "delta"].tolist() == ["slow "] * 3
    assert not material.chunks.duplicated(["message_id", "sequence"]).any()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1200, 640, 390, 320])
def test_players_are_whole_at_any_width(page_path: Path, tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(page_path.as_uri())
    for place in range(3):
        tab.locator("iframe").nth(place).scroll_into_view_if_needed()
        body = tab.frame_locator("iframe").nth(place).locator("html")
        body.get_by_role("button", name="Play").wait_for()
        assert body.evaluate("element => element.scrollHeight - innerHeight") == 0
