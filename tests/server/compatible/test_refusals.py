"""What is refused, and how each provider's client is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.server.compatible.conftest import CHAT, MESSAGES, RESPONSES, Provider, said_by_user

if TYPE_CHECKING:
    import asyncio

    from chatkit.models import Message
    from chatkit.store import Store

TOKEN = "a-token-that-is-known-to-the-test"  # noqa: S105 - of a server that does not listen
BAD_BODIES = [
    b"", b"{", b"[]", b'"text"', b"\xff", b"{}", b'{"model": 5}', b'{"model": ""}',
    b'{"model": "replay:*", "stream": 1}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize("path", [CHAT, RESPONSES, MESSAGES])
def test_a_body_that_makes_no_sense_is_refused_in_the_providers_shape(
    provider: Provider, path: str, body: bytes
) -> None:
    found = provider.post(path, body, {})
    error = found.json["error"]
    assert (found.status, error["type"]) == (400, "invalid_request_error")
    assert ("param" in error) == (path != MESSAGES)
    assert found.json.get("type") == ("error" if path == MESSAGES else None)


@pytest.mark.parametrize("messages", [[], "Well?", None, [5]])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_the_place_of_what_is_wrong_is_named(provider: Provider, path: str, messages: object) -> None:
    found = provider.post(path, json.dumps({"model": "replay:*", "messages": messages}).encode(), {})
    assert found.status == 400
    assert found.json["error"]["message"].startswith("messages")


@pytest.mark.parametrize("speed", ["nan", "inf", "-1", "fast", "", "0.009", "1001", "1,5", "1_0"])
def test_a_speed_that_makes_no_sense_is_refused(provider: Provider, hello: Message, speed: str) -> None:
    found = provider.ask(CHAT, f"replay:{hello.message_id}", headers={"X-Replay-Speed": speed})
    assert (found.status, found.json["error"]["param"]) == (400, "X-Replay-Speed")


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_the_token_is_taken_where_each_sdk_puts_its_key(
    store: Store, hello: Message, runner: asyncio.Runner, header: str
) -> None:
    provider = Provider(store, runner, TOKEN)
    value = f"Bearer {TOKEN}" if header == "authorization" else TOKEN
    assert provider.ask(CHAT, f"replay:{hello.message_id}", headers={header: value}).status == 200
    assert provider.ask(CHAT, f"replay:{hello.message_id}", headers={header: f"{value}x"}).status == 401


def test_who_has_no_token_is_told_in_the_providers_shape(store: Store, runner: asyncio.Runner) -> None:
    provider = Provider(store, runner, TOKEN)
    assert provider.ask(CHAT, "replay:*").json["error"]["code"] == "invalid_api_key"
    assert provider.ask(MESSAGES, "replay:*").json["error"]["type"] == "authentication_error"


def test_without_a_token_any_key_will_do(provider: Provider, hello: Message) -> None:
    headers = {"authorization": "Bearer sk-anything"}
    assert provider.ask(CHAT, f"replay:{hello.message_id}", headers=headers).status == 200


def test_a_page_of_another_origin_may_not_ask(provider: Provider, hello: Message) -> None:
    found = provider.ask(CHAT, f"replay:{hello.message_id}", headers={"origin": "http://example.org"})
    assert (found.status, found.json["error"]["type"]) == (403, "invalid_request_error")


def test_a_route_that_is_not_there_is_refused_in_the_providers_shape(provider: Provider) -> None:
    found = provider.post("/v1/messages/count_tokens", json.dumps({"messages": said_by_user("Well?")}).encode(), {})
    assert (found.status, found.json["error"]["type"]) == (404, "not_found_error")
    assert provider.post("/v1/embeddings", b"{}", {}).json["error"]["type"] == "invalid_request_error"


def test_the_server_says_that_it_is_up(provider: Provider) -> None:
    assert provider.get("/health").json == {"status": "ok"}
