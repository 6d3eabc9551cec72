"""Raw events that were kept: sent byte for byte as they were, to who asks by the API that was recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.compatible.conftest import CHAT, HELLO, MESSAGES
from tests.server.recordings import SENT_US

if TYPE_CHECKING:
    from chatkit.models import Message
    from chatkit.store import Context
    from tests.server.compatible.conftest import Provider

EVENTS = [  # as no synthesis would write them
    (60.5, ": a comment of the provider's"),
    (100.25, 'data:  {"id":"x", "choices":[{"index":0,"delta":{"content":"Grüß"}}]}'),
    (100.25, 'event: odd\nid: 7\ndata: {"choices":[]}'),
    (250.125, "data: [DONE]"),
]


def keep(context: Context, message: Message, *, tail: str = "", **header: Any) -> None:
    """Keep raw events beside a message."""
    told = {
        "capture": 1, "id": message.message_id, "url": CHAT, "request": {}, "status": 200,
        "started_at_unix_ns": SENT_US * 1000, "headers_ns": 40_000_000, "closed_ns": 280_000_000,
    }  # fmt: skip
    lines = [told | header, *({"t_ns": round(ms * 1e6), "event": event} for ms, event in EVENTS)]
    path = context.events_file(message.message_id)
    assert path is not None
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + tail, encoding="utf-8")


def test_they_are_sent_byte_for_byte_at_their_times(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello)
    found = provider.stream(CHAT, hello)
    assert found.body.decode() == "".join(f"{event}\n\n" for _, event in EVENTS)
    assert [at_ms for at_ms, _ in found.writes] == pytest.approx([60.5, 100.25, 250.125])
    assert (found.headers_ms, found.ended_ms) == pytest.approx((40, 280))


def test_at_another_speed_they_are_sent_at_that_speed(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello)
    found = provider.stream(CHAT, hello, 4)
    assert [at_ms for at_ms, _ in found.writes] == pytest.approx([60.5 / 4, 100.25 / 4, 250.125 / 4])


@pytest.mark.parametrize("url", ["/openai/v1/chat/completions", "/v1/chat/completions?api-version=2", f"{CHAT}/"])
def test_the_api_is_told_by_the_end_of_the_path(provider: Provider, context: Context, hello: Message, url: str) -> None:
    keep(context, hello, url=url)
    assert provider.stream(CHAT, hello).body.startswith(b": a comment")


def test_line_ends_are_the_recordings_own(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello, tail=json.dumps({"t_ns": 260_000_000, "event": "event: a\r\ndata: b"}) + "\n")
    assert provider.stream(CHAT, hello).body.endswith(b"data: [DONE]\n\nevent: a\r\ndata: b\r\n\r\n")


def test_another_api_gets_events_of_its_own(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello)
    events = provider.stream(MESSAGES, hello).data
    said = [event["delta"]["text"] for event in events if event["type"] == "content_block_delta"]
    assert said == [text for _, _, text in HELLO]


def test_who_wants_the_whole_gets_what_was_stored(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello)
    assert provider.ask(CHAT, f"replay:{hello.message_id}").json["choices"][0]["message"]["content"] == "Hello, world"


@pytest.mark.parametrize("damage", [{"tail": '{"t_ns": 5'}, {"status": 500}])
def test_what_is_not_a_whole_stream_is_made_of_the_chunks(
    provider: Provider, context: Context, hello: Message, damage: dict[str, Any]
) -> None:
    keep(context, hello, **damage)
    assert not provider.stream(CHAT, hello).body.startswith(b": a comment")


def test_raw_events_that_are_damaged_are_named(provider: Provider, context: Context, hello: Message) -> None:
    keep(context, hello, tail="nonsense\n")
    found = provider.stream(CHAT, hello)
    assert found.status == 500
    assert f"{hello.message_id}.events.jsonl" in found.json["error"]["message"]
