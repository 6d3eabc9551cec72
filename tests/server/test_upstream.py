"""With an upstream, what a user posts is answered, and the answer recorded as it comes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx
import pytest

from chatkit.models import Message
from chatkit.server import serve
from chatkit.server.access import Access
from chatkit.server.app import create_app
from chatkit.server.live_context import LiveContext
from chatkit.server.upstream import Upstream
from chatkit.store import Store
from tests.server.conftest import TOKEN
from tests.server.recordings import response_of, stored
from tests.server.test_live import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.conftest import Asking

Conversation = tuple[Store, Message, Message]


def events(*texts: str, finish_reason: str | None = "stop") -> list[bytes]:
    """An answer of OpenAI's chat API, an item each piece."""
    choices: list[dict[str, object]] = [
        {"index": 0, "delta": {"content": text}, "finish_reason": None} for text in texts
    ]
    choices += [{"index": 0, "delta": {}, "finish_reason": finish_reason}] * bool(finish_reason)
    return [f"data: {json.dumps({'model': 'm-1', 'choices': [choice]})}\n\n".encode() for choice in choices]


class Stream(httpx.AsyncByteStream):
    """A body in pieces, which may break off, or wait for ever."""

    def __init__(self, pieces: list[bytes], ending: type[Exception] | None = None, *, waits: bool = False) -> None:
        self._pieces, self._ending, self._waits = pieces, ending, waits
        self.is_waiting = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._waits:
            self.is_waiting.set()
            await asyncio.sleep(3600)
        if self._ending:
            raise self._ending("the connection broke")


class Provider:
    """Answers requests in turn, and keeps them."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answers.pop(0)

    def asked(self, place: int = 0) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.requests[place].content)
        return content


def answered(asking: Asking, store: Store, upstream: Upstream, context_id: str, *contents: str) -> list[Message]:
    """Post what a user says, and return what the context holds when it was answered."""
    asking.app = create_app(store, access=Access("127.0.0.1", 8765, TOKEN), upstream=upstream)
    for content in contents:
        made = asking.post(f"/api/contexts/{context_id}/messages", json={"content": content})
        assert made.status_code == 201
    asking.runner.run(_all_answered(upstream))
    return Store(store.path).context(context_id).messages()


async def _all_answered(upstream: Upstream) -> None:
    await asyncio.gather(*upstream._answering)
    await upstream.aclose()


def fake(provider: Provider, **known: str) -> Upstream:
    return Upstream("http://model.example/v1/", transport=httpx.MockTransport(provider), **known)


def test_a_users_message_is_answered_and_the_answer_is_stored(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    provider = Provider(httpx.Response(200, stream=Stream(events("Hel", "lo"))))
    found = answered(asking, store, fake(provider, model="m"), str(question.context_id), "And now?")
    assert [(message.role, message.content) for message in found[2:]] == [("user", "And now?"), ("assistant", "Hello")]
    response = found[3].streaming_response
    assert response is not None
    assert (response.finish_reason, len(response.chunks), response.model) == ("stop", 2, "m-1")
    assert provider.asked() == {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Well?"},
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": "And now?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_context_says_what_is_asked_for(asking: Asking, conversation: Conversation) -> None:
    provider = Provider(httpx.Response(200, stream=Stream(events("Yes"))))
    upstream = fake(provider)
    asking.app = create_app(conversation[0], access=Access("127.0.0.1", 8765, TOKEN), upstream=upstream)
    new = {"model": "m", "parameters": {"max_tokens": 9, "stream": False}, "system_prompt": "Be brief."}
    context_id = asking.post("/api/contexts", json=new).json()["context_id"]
    answered(asking, conversation[0], upstream, context_id, "Well?")
    assert provider.asked() == {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Well?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_key_is_sent_and_never_stored(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    provider = Provider(httpx.Response(200, stream=Stream(events("Yes"))))
    answered(asking, store, fake(provider, key="a-secret-key"), str(question.context_id), "Well?")
    assert provider.requests[0].headers["authorization"] == "Bearer a-secret-key"
    assert not any(b"a-secret-key" in path.read_bytes() for path in store.path.rglob("*") if path.is_file())


def test_what_is_not_a_users_starts_nothing(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    provider = Provider()
    upstream = fake(provider)
    asking.app = create_app(store, access=Access("127.0.0.1", 8765, TOKEN), upstream=upstream)
    for role in ("assistant", "system", "tool"):
        asking.post(f"/api/contexts/{question.context_id}/messages", json={"content": "x", "role": role})
    asking.runner.run(_all_answered(upstream))
    assert provider.requests == []


def test_answers_of_one_context_come_one_after_the_other(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    provider = Provider(*(httpx.Response(200, stream=Stream(events("Answer"))) for _ in range(2)))
    found = answered(asking, store, fake(provider), str(question.context_id), "One", "Two")
    roles = [message.role for message in found[2:]]
    assert roles.count("assistant") in {1, 2}
    assert roles[-1] == "assistant"
    assert [message.content for message in found if message.role == "user"] == ["Well?", "One", "Two"]


@pytest.mark.parametrize(
    ("answer", "content", "told_error"),
    [
        (httpx.Response(503, text="busy, sorry"), "", "answered 503: busy, sorry"),
        (httpx.Response(200, stream=Stream(events("Hal", finish_reason=None), httpx.ReadError)), "Hal", "broke"),
    ],
)
def test_an_upstream_that_fails_leaves_what_came_and_why(
    asking: Asking,
    conversation: Conversation,
    caplog: pytest.LogCaptureFixture,
    answer: httpx.Response,
    content: str,
    told_error: str,
) -> None:
    store, question, _ = conversation
    found = answered(asking, store, fake(Provider(answer)), str(question.context_id), "And now?")
    response = found[-1].streaming_response
    assert response is not None
    assert (response.content, response.finish_reason) == (content, "error")
    assert told_error in str(response.metadata.error)
    assert told_error in caplog.text
    assert "failed" in Store(store.path).context(question.context_id).current_state


def test_a_server_that_stops_aborts_the_answer_and_keeps_what_came(asking: Asking, conversation: Conversation) -> None:
    store, question, _ = conversation
    stream = Stream(events("Half", finish_reason=None), waits=True)
    upstream = fake(Provider(httpx.Response(200, stream=stream)))
    asking.app = create_app(store, access=Access("127.0.0.1", 8765, TOKEN), upstream=upstream)
    asking.post(f"/api/contexts/{question.context_id}/messages", json={"content": "And now?"})

    async def stop_in_the_middle() -> None:
        await asyncio.wait_for(stream.is_waiting.wait(), 10)
        async with asking.app.router.lifespan_context(asking.app):
            pass

    asking.runner.run(stop_in_the_middle())
    last = Store(store.path).context(question.context_id).messages()[-1].streaming_response
    assert last is not None
    assert (last.content, last.finish_reason) == ("Half", "aborted")


def test_a_replayed_recording_can_be_the_upstream(asking: Asking, conversation: Conversation, tmp_path: Path) -> None:
    """A real server and a real connection: who listens hears the answer as it comes."""
    recorded, _, answer = stored(tmp_path / "recorded", response_of([20, 40, 60, 80], 100, deltas=list("abcd")))
    store, question, _ = conversation
    context_id = str(question.context_id)
    live = LiveContext(store, context_id)
    live.begin()
    with serve(recorded) as server:
        upstream = Upstream(f"{server.url}/v1", model=f"replay:{answer.message_id}", key=server.token)
        found = answered(asking, store, upstream, context_id, "Spell it.")
    assert found[-1].content == "abcd"
    response = found[-1].streaming_response
    assert response is not None
    assert response.figures["ttft_ms"] >= 20
    heard = told(live.look())
    assert [each[1] for each in heard if len(each) == 2] == list("abcd")
    assert heard[-1][:2] == ("completed", found[-1].message_id)
