"""``ck.explore``: what is listed, what a choice shows, and that ten thousand messages are no burden."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets
import numpy as np
import pandas as pd
import pytest

import chatkit as ck
from chatkit.errors import CorruptFileWarning
from chatkit.models import Message, Piece, Response
from chatkit.player.catalogue import Catalogue, Wanted
from chatkit.player.explorer import Explorer, explore
from chatkit.player.pager import PAGE, Pager
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
SENT = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "data" / "store"
SMOOTH, STALLED = (100, 110, 120, 130, 140, 150), (100, 110, 120, 130, 140, 2140)


def add_answer(context: ck.Context, times: tuple[int, ...], model: str, **labels: Any) -> None:
    pieces = [Piece(to_us(SENT) + ms * 1000, "w ") for ms in times]
    response = Response.from_pieces(pieces, started_at=SENT, model=model, finish_reason="stop")
    context.append_message(Message.from_text(f"ask {model}"))
    context.append_message(Message.from_response(response, metadata=labels))


@pytest.fixture
def store(tmp_path: Path) -> ck.Store:
    made = ck.Store.create(tmp_path / "store")
    first = made.create_context(title="First\nof  all", created_at=SENT)
    add_answer(first, SMOOTH, "gemma", scenario="idle", run=1)
    add_answer(first, STALLED, "qwen", scenario="busy", run=2)
    second = made.create_context(title="<b>Second</b> " + "long " * 30, created_at=SENT.replace(hour=1))
    add_answer(second, SMOOTH, "gemma", scenario="busy", run=3)
    return made


def beside(work: Callable[[], T]) -> T:
    """Run in another thread: a browser that other tests left open has an event loop in this one."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(work).result()


def opened(store: ck.Store, **how: Any) -> Explorer:
    return beside(lambda: explore(store, **how))


def lines(pager: Pager[Any]) -> list[str]:
    return [line for line, _ in pager._select.options]


def test_it_lists_contexts_and_the_first_ones_messages_and_plays_the_first_response(store: ck.Store) -> None:
    browser = opened(store)
    assert lines(browser._contexts) == [
        "First of all · 2026-01-01 00:00",
        "<b>Second</b> " + ("long " * 30)[:45] + "… · 2026-01-01 01:00",
    ]
    assert lines(browser._messages) == [
        "  user: ask gemma", "▸ 150 ms, TTFT 100 ms: w w w w w w",
        "  user: ask qwen", "▸ 2.14 s, TTFT 100 ms, 1 stall: w w w w w w",
    ]  # fmt: skip
    assert browser.message is not None
    assert browser.message.content == "w w w w w w "
    assert repr(browser.player).startswith(f"Player(message {browser.message.message_id[:8]}: 6 chunks, 150 ms")
    assert [type(shown).__name__ for shown in browser._stage.children] == ["Player", "TimePicture"]
    assert repr(browser) == "Explorer(2 contexts)"


def test_a_choice_of_model_label_or_stalls_narrows_the_contexts_and_goes_to_a_response_that_matches(
    store: ck.Store,
) -> None:
    browser = opened(store)
    browser._stalls.value = True
    assert len(lines(browser._contexts)) == 1
    assert [line[:1] for line in lines(browser._messages)] == [" ", " ", " ", "▸"]
    assert browser.message is not None
    assert browser.message.metadata["run"] == 2
    browser._stalls.value = False
    assert browser._label.value == "scenario"
    assert browser._value.options == ("any", "busy", "idle")
    browser._value.value = "busy"
    assert len(lines(browser._contexts)) == 2
    browser._model.value = "gemma"
    assert lines(browser._contexts)[0].startswith("<b>Second")
    assert browser.message.metadata["run"] == 3
    browser._model.value = "qwen"
    browser._stalls.value = True
    assert browser.message.metadata["run"] == 2
    browser._label.value = "run"
    assert browser._value.options == ("any", 1, 2, 3)
    assert browser.wanted == Wanted(model="qwen", has_stalls=True)


def test_where_nothing_matches_nothing_is_shown(store: ck.Store) -> None:
    browser = opened(store, labels=["scenario"])
    browser._value.value = "idle"
    browser._stalls.value = True
    assert (browser.context, browser.message, browser.player) == (None, None, None)
    assert browser._stage.children == ()
    assert browser._contexts._where.value == "none"
    browser._stalls.value = False
    assert browser.message is not None


def test_a_message_that_was_not_streamed_is_shown_as_text(store: ck.Store) -> None:
    browser = opened(store)
    browser._messages._select.index = 0
    (text,) = browser._stage.children
    assert (type(text), text.value, text.disabled) == (ipywidgets.Textarea, "ask gemma", True)


def test_the_chart_is_tied_to_the_player(store: ck.Store) -> None:
    browser = opened(store)
    picture = browser._stage.children[1]
    assert picture._player is browser.player
    assert picture._to_ms >= 150


def test_another_choice_closes_what_was_shown(store: ck.Store) -> None:
    browser = opened(store)
    player, picture = browser._stage.children
    browser._messages._select.index = 3
    assert browser.player is not player
    assert (player.comm, picture.comm) == (None, None)
    assert not player._followed


def test_a_pager_turns_pages_and_writes_lines_of_one_page_only() -> None:
    written: list[int] = []
    chosen: list[int | None] = []

    def line_of(number: int) -> str:
        written.append(number)
        return f"no. {number}"

    pager: Pager[int] = Pager("numbers", line_of, chosen.append)
    pager.offer(range(250))
    assert pager._where.value == "1 to 100 of 250 numbers"
    assert (pager._back.disabled, pager._on.disabled) == (True, False)
    pager._on.click()
    pager._on.click()
    assert lines(pager) == [f"no. {number}" for number in range(200, 250)]
    assert (pager._back.disabled, pager._on.disabled) == (False, True)
    pager._select.index = 3
    assert chosen == [0, 100, 200, 203]
    assert len(written) == 250
    pager.offer(range(150), at=120, is_meant=lambda number: number % 50 == 30)
    assert (pager._start, pager._select.index, chosen[-1]) == (PAGE, 30, 130)
    pager.offer(range(150), is_meant=lambda number: number > 1000)
    assert (pager._start, pager._select.index, chosen[-1]) == (0, 0, 0)


def test_of_a_long_conversation_only_the_page_that_is_shown_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ck.Store.create(tmp_path / "long").create_context()
    for index in range(130):
        made.append_message(Message.from_text(f"question {index}"))
        if index == 125:
            add_answer(made, SMOOTH, "gemma")
    read: list[tuple[int | None, int | None]] = []
    whole = ck.Context.messages

    def messages(context: ck.Context, start: int | None = None, stop: int | None = None) -> list[Message]:
        read.append((start, stop))
        return whole(context, start, stop)

    monkeypatch.setattr(ck.Context, "messages", messages)
    browser = opened(ck.Store(tmp_path / "long"))
    of_labels = (0, 20)
    assert read == [(0, 100), of_labels]
    assert browser.message is not None
    assert browser.message.content == "question 0"
    browser._model.value = "gemma"
    assert read[2:] == [(100, 132)]
    assert browser._messages._where.value == "101 to 132 of 132 messages"
    assert lines(browser._messages)[browser._messages._select.index].startswith("▸ 150 ms")
    browser._messages._back.click()
    assert read[3:] == [(0, 100)]


def test_a_message_that_can_not_be_read_is_missing_from_its_page_and_the_right_one_is_shown(store: ck.Store) -> None:
    context = store.contexts()[0]
    context.message_file(context.message_ids[0]).write_text("{", encoding="utf-8")
    with pytest.warns(CorruptFileWarning, match="1 file with problems"):
        browser = opened(ck.Store(store.path))
    assert [line[:1] for line in lines(browser._messages)] == ["▸", " ", "▸"]
    browser._messages._select.index = 2
    assert browser.message is not None
    assert browser.message.message_id == context.message_ids[3]


def test_ten_thousand_responses_are_filtered_from_the_table_alone() -> None:
    n = 10_000
    responses = pd.DataFrame(
        {
            "message_id": [f"m{i}" for i in range(n)],
            "context_id": [f"c{i // 2}" for i in range(n)],
            "model": np.where(np.arange(n) % 2, "gemma", "qwen"),
            "n_stalls": pd.array(np.where(np.arange(n) % 100 == 0, 1, 0), dtype="Int64"),
        }
    )

    class Untouched(SimpleNamespace):
        @property
        def message_ids(self) -> list[str]:
            read.append(self.context_id)
            return []

        def messages(self, start: int, stop: int) -> list[Message]:
            raise AssertionError(f"messages {start} to {stop} were read")

    read: list[str] = []
    contexts = tuple(
        Untouched(context_id=f"c{i}", title=f"Title {i}", metadata=SimpleNamespace(created_at=None))
        for i in range(n // 2)
    )
    catalogue = Catalogue(contexts, responses, ())  # type: ignore[arg-type] # stands for contexts, without files
    browser = Explorer(contexts)  # type: ignore[arg-type] # likewise
    browser.take(catalogue)
    assert read == ["c0"]
    assert len(lines(browser._contexts)) == PAGE
    browser._stalls.value = True
    assert browser._contexts._where.value == "1 to 100 of 100 contexts"
    browser._model.value = "gemma"  # stalls are those of qwen
    assert browser._contexts._where.value == "none"


def test_the_sample_stores_labels_can_be_chosen_by() -> None:
    sample = ck.Store(SAMPLE)
    catalogue = Catalogue.of(sample, tuple(sample.contexts()))
    assert "scenario" in catalogue.labels
    assert "recording_id" not in catalogue.labels
    with_stalls = catalogue.contexts_with(Wanted(has_stalls=True))
    assert 0 < len(with_stalls) < len(catalogue.contexts)


def test_in_a_notebook_one_can_browse_while_the_responses_are_read_and_the_choice_stays(store: ck.Store) -> None:
    async def cell() -> Explorer:
        browser = explore(store)
        assert browser.catalogue is None
        assert browser._filters.children == (browser._said,)
        browser._contexts._select.index = 1
        player = browser.player
        is_read = asyncio.Event()
        browser._filters.observe(lambda _: is_read.set(), "children")
        await is_read.wait()
        assert browser.player is player
        return browser

    browser = beside(lambda: asyncio.run(asyncio.wait_for(cell(), timeout=30)))
    assert browser._contexts._select.index == 1
    assert browser._model.options == ("any", "gemma", "qwen")
    browser._stalls.value = True
    assert browser._contexts._where.value == "1 to 1 of 1 contexts"


def test_a_table_that_can_not_be_read_is_said_and_one_can_browse_on(
    store: ck.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Catalogue, "of", fail)

    async def cell() -> Explorer:
        browser = explore(store)
        is_said = asyncio.Event()
        browser._said.observe(lambda _: is_said.set(), "value")
        await is_said.wait()
        return browser

    browser = beside(lambda: asyncio.run(asyncio.wait_for(cell(), timeout=30)))
    assert browser._said.value == "the responses can't be filtered: the disk is gone"
    assert browser.player is not None
