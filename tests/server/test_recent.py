"""Messages that were read lately: kept while their files stay the same, and no longer."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import NotFoundError
from chatkit.models import Message
from chatkit.server import recent as recent_module
from chatkit.server.recent import Recent
from tests.server.recordings import MISSING, response_of

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store import Context, Store

Conversation = tuple["Store", Message, Message]
HOUR_S = 3600


def aged(context: Context, message: Message, by_s: float = HOUR_S) -> Path:
    """Let a message's file be older than the coarsest clock of a file system."""
    path = context.message_file(message.message_id)
    then_s = time.time() - by_s
    os.utime(path, (then_s, then_s))
    return path


def test_a_message_that_has_not_changed_is_not_read_again(conversation: Conversation) -> None:
    store, _, answer = conversation
    aged(store.context(answer.context_id), answer)
    recent = Recent(store)
    reading = recent.read(answer.message_id)
    assert reading.message == answer
    assert recent.known(answer.message_id) is reading
    assert recent.read(answer.message_id) is reading


@pytest.mark.parametrize("by_s", [HOUR_S - 60, 0])
def test_a_message_that_has_changed_is_read_again(conversation: Conversation, by_s: float) -> None:
    store, _, answer = conversation
    context = store.context(answer.context_id)
    path = aged(context, answer)
    recent = Recent(store)
    recent.read(answer.message_id)
    path.write_text(path.read_text(encoding="utf-8").replace("word1 ", "WORD1 "), encoding="utf-8")
    aged(context, answer, by_s)
    assert recent.known(answer.message_id) is None
    changed = recent.read(answer.message_id).message.streaming_response
    assert changed is not None
    assert changed.chunks[1].delta == "WORD1 "


def test_what_was_written_just_now_is_not_kept(conversation: Conversation) -> None:
    store, _, answer = conversation
    aged(store.context(answer.context_id), answer, by_s=0)
    recent = Recent(store)
    recent.read(answer.message_id)
    assert recent.known(answer.message_id) is None


def test_a_response_in_flight_is_not_kept(conversation: Conversation) -> None:
    store, _, answer = conversation
    message_id = store.begin_streaming_llm_response(answer.context_id)
    recent = Recent(store)
    assert recent.read(message_id).mark is None
    assert recent.known(message_id) is None
    store.abort_streaming_response(message_id)


def test_a_message_that_is_gone_is_not_found(conversation: Conversation) -> None:
    store, _, answer = conversation
    path = aged(store.context(answer.context_id), answer)
    recent = Recent(store)
    recent.read(answer.message_id)
    path.unlink()
    with pytest.raises(NotFoundError):
        recent.read(answer.message_id)
    with pytest.raises(NotFoundError):
        recent.read(MISSING)


def test_the_longest_unused_go_first_and_the_latest_stays(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _, first = conversation  # 100 chunks
    context = store.context(first.context_id)
    second, third = context.append_messages(
        [Message.from_response(response_of([1.0] * n_chunks, 9)) for n_chunks in (90, 250)]
    )
    recent = Recent(store)
    monkeypatch.setattr(recent_module, "_MOST_CHUNKS", 200)
    for message in (first, second):
        aged(context, message)
        recent.read(message.message_id)
    assert recent.known(first.message_id) is not None
    aged(context, third)
    recent.read(third.message_id)
    assert [recent.known(message.message_id) is None for message in (first, second, third)] == [True, True, False]


def test_what_is_made_of_a_message_is_made_once(conversation: Conversation) -> None:
    store, _, answer = conversation
    reading = Recent(store).read(answer.message_id)
    made = [reading.make("key", object) for _ in range(2)]
    assert made[0] is made[1]
    assert reading.make("other", lambda: "else") == "else"
