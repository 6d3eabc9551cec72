"""A request that begins with what was said before goes on with that context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.proxy.test_recording import settle, stream
from tests.server.proxy.upstreams import Exchange, asking, proxied, says

if TYPE_CHECKING:
    from pathlib import Path


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
