"""A request that begins with what was said before goes on with that context."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx

from chatkit.server.proxy import conversations
from tests.server.proxy.test_recording import settle, stream
from tests.server.proxy.upstreams import CHAT, Exchange, asking, chat, proxied, says

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST, SAID, SECOND = ("user", "One?"), ("assistant", "Answer"), ("user", "Two?")


def answer(exchange: Exchange) -> None:
    """Say how often the user has spoken; with outer white space, which clients strip."""
    says(" Answer ", str(exchange.body.count(b'"user"')), "\n")(exchange)


def test_the_turns_of_a_conversation_share_a_context_and_others_have_their_own(tmp_path: Path) -> None:
    first, second = ("user", "One?"), ("user", "Two?")
    said = ("assistant", "Answer 1")
    with proxied(tmp_path / "store", answer) as through:
        for said_so_far in ([first], [first, said, second], [("user", "Else?")], [first, said, ("user", "Other?")]):
            stream(through.url, asking(*said_so_far))
            settle(through)
        contexts = through.store.contexts()
    roles = [[message.role for message in context.messages()] for context in contexts]
    assert roles == [["user", "assistant", "user", "assistant", "user", "assistant"], ["user", "assistant"]]
    assert [message.content for message in contexts[0].messages()][:4] == ["One?", " Answer 1\n", "Two?", " Answer 2\n"]


def test_a_new_proxy_on_the_same_store_knows_its_conversations(tmp_path: Path) -> None:
    first, said = ("user", "One?"), ("assistant", "Answer 1")
    with proxied(tmp_path / "store", answer) as through:
        stream(through.url, asking(("system", "Be brief."), first))
        settle(through)
    with proxied(tmp_path / "store", answer) as through:
        stream(through.url, asking(("system", "Be brief."), first, said, ("user", "Two?")))
        settle(through)
        stream(through.url, asking(("system", "Be long."), first, said, ("user", "Two?")))
        settle(through)
        assert sorted(len(context.message_ids) for context in through.store.contexts()) == [4, 4]
        assert len(through.store.contexts()) == 2


def test_a_context_that_was_deleted_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", answer) as through:
        stream(through.url, asking(("user", "One?")))
        settle(through)
        through.store.contexts()[0].delete()
        stream(through.url, asking(("user", "One?"), ("assistant", "Answer 1"), ("user", "Two?")))
        settle(through)
        (context,) = through.store.contexts()
        assert [message.role for message in context.messages()] == ["user", "assistant", "user", "assistant"]


def test_who_asks_on_while_the_answer_is_still_open_goes_on_with_its_context(tmp_path: Path) -> None:
    asked_on = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(chat("Answer", "stop") + b"data: [DONE]\n\n")
        if b"Two?" in exchange.body:
            time.sleep(0.1)  # the recording of this answer has begun
            asked_on.set()
        asked_on.wait(10)
        exchange.end()

    with (
        proxied(tmp_path / "store", answer) as through,
        httpx.stream("POST", through.url + CHAT, json=asking(FIRST)) as open_answer,
    ):
        next(open_answer.iter_raw())
        stream(through.url, asking(FIRST, SAID, SECOND))
        settle(through)
        (context,) = through.store.contexts()
        assert [message.role for message in context.messages()] == ["user", "assistant", "user", "assistant"]


def test_an_answer_that_stays_open_holds_up_no_other_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_LONGEST_WAIT_S", 0.05)
    is_over = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(chat("Answer", "stop") + b"data: [DONE]\n\n")
        if b"Two?" not in exchange.body:
            is_over.wait(10)
        exchange.end()

    with (
        proxied(tmp_path / "store", answer) as through,
        httpx.stream("POST", through.url + CHAT, json=asking(FIRST)) as open_answer,
    ):
        next(open_answer.iter_raw())
        stream(through.url, asking(FIRST, ("assistant", "Of another run."), SECOND))
        through.proxy._recordings[-1].join()
        assert sorted(len(context.message_ids) for context in through.store.contexts()) == [2, 4]
        is_over.set()
