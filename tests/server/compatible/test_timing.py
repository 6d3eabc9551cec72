"""When everything is sent: as it came, from the headers to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatkit.models import Message
from tests.server.compatible.conftest import CHAT, HELLO, MESSAGES, RESPONSES, answer

if TYPE_CHECKING:
    from chatkit.store import Context
    from tests.server.compatible.conftest import Provider

ARRIVALS_MS = [100.0, 125.5, 250.0]
EVENTS_MS = {
    CHAT: [60.0, *ARRIVALS_MS, 290.0, 300.0],  # role, deltas, finish reason, [DONE]
    RESPONSES: [60.0, 60.0, 100.0, 100.0, *ARRIVALS_MS, 290.0, 290.0, 290.0, 290.0],
    MESSAGES: [60.0, 100.0, *ARRIVALS_MS, 290.0, 290.0, 300.0],
}


@pytest.mark.parametrize("speed", [1, 2, 0.5, 1000])
@pytest.mark.parametrize("path", EVENTS_MS)
def test_every_event_is_sent_at_its_recorded_time_divided_by_the_speed(
    provider: Provider, hello: Message, path: str, speed: float
) -> None:
    found = provider.stream(path, hello, speed)
    assert [at_ms for at_ms, _ in found.events] == pytest.approx([ms / speed for ms in EVENTS_MS[path]], abs=1e-5)
    assert found.headers_ms == pytest.approx(50 / speed, abs=1e-5)
    assert found.ended_ms == pytest.approx(300 / speed, abs=1e-5)


@pytest.mark.parametrize("path", EVENTS_MS)
def test_speed_0_sends_everything_at_once(provider: Provider, hello: Message, path: str) -> None:
    found = provider.stream(path, hello, 0)
    assert {at_ms for at_ms, _ in found.events} == {0.0} == {found.headers_ms, found.ended_ms}
    assert len(found.events) == len(EVENTS_MS[path])


@pytest.mark.parametrize("path", EVENTS_MS)
def test_who_wants_the_whole_answer_gets_it_when_the_recorded_one_had_ended(
    provider: Provider, hello: Message, path: str
) -> None:
    found = provider.ask(path, f"replay:{hello.message_id}", headers={"X-Replay-Speed": "2"})
    assert found.headers_ms == pytest.approx(150)
    assert found.headers["content-type"] == "application/json"


def test_without_the_moment_of_the_request_it_begins_with_the_first_chunk(provider: Provider, context: Context) -> None:
    unknown = {"started_at_is": "first_chunk", "headers_at": None, "first_event_at": None, "finished_at": None}
    response = answer((0.0, "text", "a"), (40.0, "text", "b"), ended_ms=70, metadata=unknown)
    message = context.append_message(Message.from_response(response))
    assert [at_ms for at_ms, _ in provider.stream(CHAT, message).events] == pytest.approx([0, 0, 40, 70, 70])


def test_chunks_whose_times_go_back_are_sent_in_order(provider: Provider, context: Context) -> None:
    response = answer((100.0, "text", "a"), (80.0, "text", "b"), (120.0, "text", "c"))
    message = context.append_message(Message.from_response(response))
    found = provider.stream(CHAT, message)
    assert [at_ms for at_ms, _ in found.events] == pytest.approx([60, 100, 100, 120, 290, 300])
    assert [event["choices"][0]["delta"].get("content") for event in found.data[1:4]] == ["a", "b", "c"]


@pytest.mark.parametrize("path", EVENTS_MS)
def test_no_event_has_an_id_and_there_are_no_pings(provider: Provider, hello: Message, path: str) -> None:
    lines = provider.stream(path, hello).body.split(b"\n")
    assert {line.partition(b":")[0] for line in lines} <= {b"data", b"event", b""}
    assert len(HELLO) == 3
