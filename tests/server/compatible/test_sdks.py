"""The providers' own clients, against a real server: text, usage, reason and times are the recording's."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import anthropic
import openai
import pytest

import chatkit as ck
from chatkit.server import Server, serve
from tests.server.compatible.conftest import answer, said_by_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chatkit.models import Message

WORDS = ("Leaves ", "change ", "because ", "the ", "days ", "grow ", "short.")
TEXT = "".join(WORDS)
USAGE = (30, 9)


class Said(NamedTuple):
    """What a client has made of an answer."""

    text: str
    reason: str | None
    usage: tuple[int | None, int | None] | None


@pytest.fixture(scope="module")
def message(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Message]:
    """A store with an answer of seven words, 30 ms apart from 100 ms on, finished after 290 ms, ended after 300 ms."""
    path = tmp_path_factory.mktemp("served") / "store"
    pieces = [(100.0 + 30 * place, "text", word) for place, word in enumerate(WORDS)]
    context = ck.Store.create(path).create_context(title="Leaves")
    return path, context.append_message(ck.Message.from_response(answer(*pieces)))


@pytest.fixture(scope="module")
def server(message: tuple[Path, Message]) -> Iterator[Server]:
    with serve(message[0]) as server:
        yield server


@pytest.fixture(scope="module")
def openai_client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def anthropic_client(server: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key=server.token, max_retries=0) as client:
        yield client


def chat_stream(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    text, reason, usage = "", None, None
    options: Any = {"include_usage": True}
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options=options):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        reason = chunk.choices[0].finish_reason or reason if chunk.choices else reason
        usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens) if chunk.usage else usage
    return Said(text, reason, usage)


def chat_helper(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        return _of_chat(stream.get_final_completion())


def chat_plain(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    return _of_chat(client.chat.completions.create(**asked))


def _of_chat(done: Any) -> Said:
    usage = (done.usage.prompt_tokens, done.usage.completion_tokens)
    return Said(done.choices[0].message.content, done.choices[0].finish_reason, usage)


def responses_stream(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    text, last = "", None
    for event in client.responses.create(**_as_input(asked), stream=True):
        text += event.delta if event.type == "response.output_text.delta" else ""
        last = event
    return _of_responses(getattr(last, "response", None))._replace(text=text)


def responses_helper(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    with client.responses.stream(**_as_input(asked)) as stream:
        return _of_responses(stream.get_final_response())


def responses_plain(client: openai.OpenAI, asked: dict[str, Any]) -> Said:
    return _of_responses(client.responses.create(**_as_input(asked)))


def _of_responses(done: Any) -> Said:
    return Said(done.output_text, done.status, (done.usage.input_tokens, done.usage.output_tokens))


def _as_input(asked: dict[str, Any]) -> dict[str, Any]:
    return {"input" if name == "messages" else name: value for name, value in asked.items()}


def messages_stream(client: anthropic.Anthropic, asked: dict[str, Any]) -> Said:
    text, reason, n_in, n_out = "", None, 0, 0
    for event in client.messages.create(**asked, max_tokens=99, stream=True):
        if event.type == "message_start":
            n_in = event.message.usage.input_tokens + (event.message.usage.cache_read_input_tokens or 0)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
        elif event.type == "message_delta":
            reason, n_out = event.delta.stop_reason, event.usage.output_tokens
    return Said(text, reason, (n_in, n_out))


def messages_helper(client: anthropic.Anthropic, asked: dict[str, Any]) -> Said:
    with client.messages.stream(**asked, max_tokens=99) as stream:
        return _of_messages(stream.get_final_message())


def messages_plain(client: anthropic.Anthropic, asked: dict[str, Any]) -> Said:
    return _of_messages(client.messages.create(**asked, max_tokens=99))


def _of_messages(done: Any) -> Said:
    n_in = done.usage.input_tokens + done.usage.cache_read_input_tokens
    return Said(done.content[0].text, done.stop_reason, (n_in, done.usage.output_tokens))


WAYS: list[tuple[Callable[[Any, dict[str, Any]], Said], str, str]] = [
    (chat_stream, "openai_client", "stop"),
    (chat_helper, "openai_client", "stop"),
    (chat_plain, "openai_client", "stop"),
    (responses_stream, "openai_client", "completed"),
    (responses_helper, "openai_client", "completed"),
    (responses_plain, "openai_client", "completed"),
    (messages_stream, "anthropic_client", "end_turn"),
    (messages_helper, "anthropic_client", "end_turn"),
    (messages_plain, "anthropic_client", "end_turn"),
]


@pytest.mark.parametrize(("way", "client", "reason"), WAYS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_client_hears_the_recorded_text_reason_and_usage_after_the_recorded_time(
    request: pytest.FixtureRequest, message: tuple[Path, Message], way: Any, client: str, reason: str
) -> None:
    asked = {"model": f"replay:{message[1].message_id}", "messages": said_by_user("Why do leaves change colour?")}
    began_s = time.monotonic()
    assert way(request.getfixturevalue(client), asked) == Said(TEXT, reason, USAGE)
    assert 0.29 <= time.monotonic() - began_s < 10  # never early; how late depends on the machine


async def _async_chat(server: Server, asked: dict[str, Any]) -> str:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=server.token, max_retries=0) as client:
        stream = await client.chat.completions.create(**asked, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])


def test_the_async_client_hears_the_same(server: Server, message: tuple[Path, Message]) -> None:
    asked = {"model": f"replay:{message[1].message_id}", "messages": said_by_user("Why?")}
    assert asyncio.run(_async_chat(server, asked)) == TEXT


def test_what_is_recorded_of_a_replay_has_the_figures_of_the_original(
    openai_client: openai.OpenAI, message: tuple[Path, Message], tmp_path: Path
) -> None:
    asked: Any = {
        "model": f"replay:{message[1].message_id}", "messages": said_by_user("Why?"), "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    with ck.record(tmp_path / "again", request=asked) as recorder:
        for _ in recorder.tee(openai_client.chat.completions.create(**asked)):
            pass
    old, new = message[1].streaming_response, recorder.message.streaming_response
    assert old is not None
    assert new is not None
    assert [chunk.delta for chunk in new.shown] == list(WORDS)
    assert (new.model, new.finish_reason, new.usage) == (old.model, old.finish_reason, old.usage)
    late_ms = new.arrivals_ms - old.arrivals_ms
    assert late_ms.min() >= 0
    assert late_ms.max() < 1000  # a loaded machine; benchmarks/replay.py measures it
    assert new.figures["tail_ms"] == pytest.approx(old.figures["tail_ms"], abs=1000)


@pytest.mark.parametrize(
    ("client", "kind"), [("openai_client", openai.NotFoundError), ("anthropic_client", anthropic.NotFoundError)]
)
def test_a_model_that_is_not_there_is_each_clients_own_error(
    request: pytest.FixtureRequest, client: str, kind: type[Exception]
) -> None:
    way = chat_plain if client == "openai_client" else messages_plain
    with pytest.raises(kind, match="is not served here"):
        way(request.getfixturevalue(client), {"model": "gpt-4", "messages": said_by_user("Why?")})


def test_both_clients_list_the_models(openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic) -> None:
    names = [model.id for model in openai_client.models.list()]
    assert names[0] == "replay:*"
    assert len(names) == 3
    assert [model.id for model in anthropic_client.models.list()] == names
    assert openai_client.models.retrieve(names[1]).id == names[1] == anthropic_client.models.retrieve(names[1]).id


def test_a_wrong_token_is_each_clients_own_error(server: Server) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="no token"),
    ):
        client.models.list()
    with (
        anthropic.Anthropic(base_url=server.url, api_key="wrong", max_retries=0) as other,
        pytest.raises(anthropic.AuthenticationError, match="no token"),
    ):
        other.models.list()
