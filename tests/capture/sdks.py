"""The providers' own clients, and what each of them makes of a stream, by its typed events and its own helpers."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, NamedTuple

import anthropic
import openai

from tests.capture.server import events_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

QUESTION = [{"role": "user", "content": "Explain why leaves change colour."}]


@dataclass
class Heard:
    """What a client has read.

    Attributes:
        texts: every piece of answer text that is not empty.
        n_prompt: tokens of the whole input.
        n_completion: tokens of the whole output.
    """

    texts: list[str] = field(default_factory=list)
    n_prompt: int | None = None
    n_completion: int | None = None

    def add(self, text: str | None) -> None:
        if text:
            self.texts.append(text)


class Api(NamedTuple):
    """One way to ask a provider for a stream.

    Attributes:
        events: what a server sends, as it was captured.
        sdk: the module with the clients.
        send: asks; takes a client, sync or async, and the request.
        hear: reads one event.
        final: the text that the client has put together itself; None where it does not.
        request: what is asked.
    """

    events: list[bytes]
    sdk: Any
    send: Callable[[Any, dict[str, Any]], Any]
    hear: Callable[[Heard, Any], None]
    final: Callable[[Any], Any] | None
    request: dict[str, Any]


def _hear_chat(heard: Heard, chunk: Any) -> None:
    if chunk.choices:
        heard.add(chunk.choices[0].delta.content)
    if chunk.usage:
        heard.n_prompt, heard.n_completion = chunk.usage.prompt_tokens, chunk.usage.completion_tokens


def _hear_chat_helper(heard: Heard, event: Any) -> None:
    if event.type == "chunk":
        _hear_chat(heard, event.chunk)


def _hear_responses(heard: Heard, event: Any) -> None:
    if event.type == "response.output_text.delta":
        heard.add(event.delta)
    if event.type in {"response.completed", "response.incomplete"} and event.response.usage:
        usage = event.response.usage
        heard.n_prompt, heard.n_completion = usage.input_tokens, usage.output_tokens


def _hear_messages(heard: Heard, event: Any) -> None:
    if event.type == "message_start":
        usage = event.message.usage
        heard.n_prompt = usage.input_tokens + (usage.cache_read_input_tokens or 0)
    elif event.type == "content_block_delta" and event.delta.type == "text_delta":
        heard.add(event.delta.text)
    elif event.type == "message_delta":
        heard.n_completion = event.usage.output_tokens


def _completed(event: bytes) -> bytes:
    """Add the indices that the captured server leaves out, and which the client's helper can't do without."""
    head, _, data = event.strip().rpartition(b"data: ")
    content = {"sequence_number": 0, "output_index": 0, "content_index": 0, **json.loads(data)}
    return head + b"data: " + json.dumps(content).encode() + b"\n\n"


_CHAT = {"model": "gemma-3-270m-q4", "messages": QUESTION, "max_tokens": 60, "stream_options": {"include_usage": True}}
_RESPONSES = {"model": "gemma-3-270m-q4", "input": QUESTION, "max_output_tokens": 60}
_MESSAGES = {"model": "gemma-3-270m-q4", "messages": QUESTION, "max_tokens": 60}

_CHAT_EVENTS, _MESSAGES_EVENTS = events_of("chat-ctx00-t0"), events_of("anthropic-00")
_RESPONSES_EVENTS = events_of("responses-08")

APIS = {
    "chat": Api(
        _CHAT_EVENTS, openai, lambda client, request: client.chat.completions.create(**request, stream=True),
        _hear_chat, None, _CHAT,
    ),
    "chat helper": Api(
        _CHAT_EVENTS, openai, lambda client, request: client.chat.completions.stream(**request),
        _hear_chat_helper, lambda stream: stream.current_completion_snapshot.choices[0].message.content, _CHAT,
    ),
    "responses": Api(
        _RESPONSES_EVENTS, openai, lambda client, request: client.responses.create(**request, stream=True),
        _hear_responses, None, _RESPONSES,
    ),
    "responses helper": Api(
        [_completed(event) for event in _RESPONSES_EVENTS], openai,
        lambda client, request: client.responses.stream(**request),
        _hear_responses, None, _RESPONSES,
    ),
    "messages": Api(
        _MESSAGES_EVENTS, anthropic, lambda client, request: client.messages.create(**request, stream=True),
        _hear_messages, None, _MESSAGES,
    ),
    "messages helper": Api(
        _MESSAGES_EVENTS, anthropic, lambda client, request: client.messages.stream(**request),
        _hear_messages, lambda stream: stream.current_message_snapshot.content[0].text, _MESSAGES,
    ),
}  # fmt: skip


@contextmanager
def asked(api: Api, url: str) -> Iterator[Any]:
    """Ask, and give the stream."""
    with _client(api, url) as client, api.send(client, api.request) as stream:
        yield stream


@asynccontextmanager
async def asked_async(api: Api, url: str) -> AsyncIterator[Any]:
    """Ask, and give the async stream."""
    async with _client(api, url, "Async") as client:
        sent = api.send(client, api.request)
        async with await sent if isawaitable(sent) else sent as stream:
            yield stream


def _client(api: Api, url: str, kind: str = "") -> Any:
    if api.sdk is openai:
        return getattr(openai, f"{kind}OpenAI")(base_url=f"{url}/v1", api_key="any", max_retries=0)
    return getattr(anthropic, f"{kind}Anthropic")(base_url=url, api_key="any", max_retries=0)
