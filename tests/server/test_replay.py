"""A stored response, replayed: which events, when, and what is refused before the first byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from chatkit import sse
from chatkit.models import Message
from chatkit.store import Store
from tests.server.recordings import MISSING, SENT_US, hundred_arrivals_ms, response_of

if TYPE_CHECKING:
    from tests.server.conftest import Asking
    from tests.server.recordings import FakeClock

Conversation = tuple[Store, Message, Message]


def replay_path(message: Message, **query: object) -> str:
    asked = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    return f"/api/messages/{message.message_id}/replay?{asked}"


def added(conversation: Conversation, message: Message) -> Message:
    """Another message of the same context."""
    return conversation[0].context(conversation[1].context_id).append_message(message)


@pytest.mark.parametrize(
    ("speed", "factor"), [(1, 1.0), (2, 0.5), (0.5, 2.0), (8, 0.125), (0.01, 100.0), (1000, 0.001)]
)
def test_every_chunk_is_written_at_its_time_divided_by_the_speed(
    asking: Asking, clock: FakeClock, conversation: Conversation, speed: float, factor: float
) -> None:
    found = asking.timeline(replay_path(conversation[2], speed=speed), clock)
    arrivals_ms = hundred_arrivals_ms()
    due_ms = [arrival * factor for arrival in [*arrivals_ms, arrivals_ms[-1] + 40]]
    assert [when for when, _ in found] == pytest.approx(due_ms, abs=1e-5)


def test_speed_0_writes_everything_at_once_and_in_order(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    found = asking.timeline(replay_path(conversation[2], speed=0), clock)
    assert {when for when, _ in found} == {0.0}
    assert [event.last_event_id for _, event in found] == [str(number) for number in range(1, 102)]


def test_events_say_what_the_specification_says(asking: Asking, conversation: Conversation) -> None:
    message = conversation[2]
    *chunks, done = sse.decode(asking.get(replay_path(message, speed=0)).content)
    assert chunks[1]._replace(data="") == sse.Event("chunk", "", "2")
    second_ms = hundred_arrivals_ms()[1]
    assert json.loads(chunks[1].data) == {
        "message_id": message.message_id,
        "sequence": 2,
        "delta": "word1 ",
        "kind": "text",
        "accumulated_chars": 12,
        "interval_ms": second_ms - 250,
        "offset_ms": second_ms,
    }
    assert (done.event, done.last_event_id) == ("done", "101")
    assert json.loads(done.data) == {
        "message_id": message.message_id,
        "chunks": 100,
        "total_duration_ms": hundred_arrivals_ms()[-1] + 40,
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 7, "completion_tokens": 100, "total_tokens": 107, "cached_tokens": None},
    }


def test_the_wait_before_the_first_chunk_can_be_left_out(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    found = asking.timeline(replay_path(conversation[2], from_="first_chunk"), clock)
    arrivals_ms = hundred_arrivals_ms()
    assert [when for when, _ in found[:100]] == pytest.approx([arrival - 250 for arrival in arrivals_ms])
    assert found[-1][0] == pytest.approx(arrivals_ms[-1] + 40 - 250)


def test_where_the_request_is_not_known_a_replay_begins_with_the_first_chunk(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    message = added(conversation, Message.from_response(response_of([0, 30], 50, is_request_known=False)))
    assert [when for when, _ in asking.timeline(replay_path(message), clock)] == [0, 30, 50]
    refused = asking.get(replay_path(message, from_="request"))
    assert refused.status_code == 409
    assert "from=first_chunk" in refused.json()["detail"]


def test_a_cut_stream_goes_on_after_the_last_event_that_was_seen(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    """As if that chunk had come just now: what follows keeps its distance to it."""
    found = asking.timeline(replay_path(conversation[2], speed=2), clock, last_event_id="40")
    arrivals_ms = hundred_arrivals_ms()
    assert [event.last_event_id for _, event in found] == [str(number) for number in range(41, 102)]
    due_ms = [(arrival - arrivals_ms[39]) / 2 for arrival in [*arrivals_ms[40:], arrivals_ms[-1] + 40]]
    assert [when for when, _ in found] == pytest.approx(due_ms, abs=1e-5)


def test_after_the_last_chunk_only_the_end_is_left(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    found = asking.timeline(replay_path(conversation[2]), clock, last_event_id="100")
    [(when, done)] = found
    assert when == pytest.approx(40)
    assert done.event == "done"


@pytest.mark.parametrize("last_event_id", ["101", "102", "999999999999999"])
def test_who_has_seen_the_end_is_told_to_stop(asking: Asking, conversation: Conversation, last_event_id: str) -> None:
    """Else a browser's EventSource would replay for ever."""
    answer = asking.get(replay_path(conversation[2]), headers={"Last-Event-ID": last_event_id})
    assert (answer.status_code, answer.content) == (204, b"")


def test_nobody_on_the_way_may_keep_or_hold_back_a_stream(asking: Asking, conversation: Conversation) -> None:
    headers = asking.get(replay_path(conversation[2], speed=0)).headers
    assert headers["content-type"].split(";")[0] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"


def test_head_is_answered_without_a_replay(asking: Asking, clock: FakeClock, conversation: Conversation) -> None:
    answer = asking("HEAD", replay_path(conversation[2]))
    assert (answer.status_code, answer.content, clock.now_ms()) == (200, b"", 5_000)
    assert answer.headers["content-type"].split(";")[0] == "text/event-stream"
    assert asking("HEAD", replay_path(conversation[2], speed=-1)).status_code == 422


@pytest.mark.parametrize(
    "speed", ["nan", "inf", "-inf", "-1", "-0.5", "fast", "", "0.009", "1000.1", "1e400", "1,5", "1_0"]
)
def test_a_speed_that_makes_no_sense_is_refused(asking: Asking, conversation: Conversation, speed: str) -> None:
    refused = asking.get(replay_path(conversation[2], speed=speed))
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"][0]["where"] == "query.speed"


@pytest.mark.parametrize("last_event_id", ["-1", "one", "1.5", "1" * 16, "0x1"])
def test_an_event_id_that_was_never_given_is_refused(
    asking: Asking, conversation: Conversation, last_event_id: str
) -> None:
    refused = asking.get(replay_path(conversation[2]), headers={"Last-Event-ID": last_event_id})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["where"] == "header.last-event-id"


def test_an_empty_event_id_is_none(asking: Asking, conversation: Conversation) -> None:
    answer = asking.get(replay_path(conversation[2], speed=0), headers={"Last-Event-ID": ""})
    assert len(sse.decode(answer.content)) == 101


def test_an_unknown_beginning_is_refused(asking: Asking, conversation: Conversation) -> None:
    assert asking.get(replay_path(conversation[2], from_="yesterday")).status_code == 422


def test_a_message_that_is_not_there_is_refused(asking: Asking) -> None:
    assert asking.get(f"/api/messages/{MISSING}/replay").status_code == 404


def test_a_message_that_was_not_streamed_is_refused(asking: Asking, conversation: Conversation) -> None:
    refused = asking.get(replay_path(conversation[1]))
    assert refused.status_code == 409
    assert "'text'" in refused.json()["detail"]


def test_a_response_in_flight_is_refused_until_it_has_ended(asking: Asking, conversation: Conversation) -> None:
    store = Store(conversation[0].path)
    stream = store.open_stream(conversation[1].context_id)
    stream.append("begun")
    path = f"/api/messages/{stream.message_id}/replay?speed=0"
    refused = asking.get(path)
    assert refused.status_code == 409
    assert "in flight" in refused.json()["detail"]
    stream.finalize(finish_reason="stop")
    assert [event.event for event in sse.decode(asking.get(path).content)] == ["chunk", "done"]


def test_a_response_that_ends_while_it_is_looked_up_is_replayed_whole(
    asking: Asking, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Store(conversation[0].path).open_stream(conversation[1].context_id)
    stream.append("begun")

    def ends_just_now(*_: object) -> bool:
        stream.append(" and ended")
        stream.finalize(finish_reason="stop")
        return False

    monkeypatch.setattr("chatkit.server.replay_routes.is_in_flight", ends_just_now)
    *chunks, done = sse.decode(asking.get(f"/api/messages/{stream.message_id}/replay?speed=0").content)
    assert [json.loads(chunk.data)["delta"] for chunk in chunks] == ["begun", " and ended"]
    assert json.loads(done.data)["finish_reason"] == "stop"


def test_a_corrupt_message_is_named_and_the_server_goes_on(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    path = store.context(answer.context_id).folder().message_file(answer.message_id)
    path.write_text('{"schema": 1, "message_id"', encoding="utf-8")
    refused = asking.get(replay_path(answer))
    assert refused.status_code == 500
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["file"] == str(path)
    assert asking.get(f"/api/messages/{question.message_id}").status_code == 200


def test_half_a_character_comes_as_it_was_stored(asking: Asking, conversation: Conversation) -> None:
    message = added(conversation, Message.from_response(response_of([1, 2], 3, deltas=["a\ud83d", "\ude00"])))
    events = sse.decode(asking.get(replay_path(message, speed=0)).content)
    deltas = [json.loads(event.data)["delta"] for event in events[:2]]
    assert deltas == ["a\ud83d", "\ude00"]


def test_a_response_without_chunks_has_an_end_at_its_time(
    asking: Asking, clock: FakeClock, conversation: Conversation
) -> None:
    message = added(conversation, Message.from_response(response_of([], 80)))
    assert [
        (when, event.event, event.last_event_id) for when, event in asking.timeline(replay_path(message), clock)
    ] == [(80, "done", "1")]


def test_line_ends_in_a_chunk_stay_in_the_chunk(asking: Asking, conversation: Conversation) -> None:
    message = added(conversation, Message.from_response(response_of([1], 3, deltas=["a\r\n\nb\u2028"])))
    events = sse.decode(asking.get(replay_path(message, speed=0)).content)
    assert json.loads(events[0].data)["delta"] == "a\r\n\nb\u2028"


def test_a_replay_writes_nothing_into_the_store(asking: Asking, conversation: Conversation) -> None:
    root = conversation[0].path
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    asking.get(replay_path(conversation[2], speed=0))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_recording_has_the_times_that_are_expected(conversation: Conversation) -> None:
    """What all of the above counts from."""
    response = conversation[2].streaming_response
    assert response is not None
    assert response.started_at.timestamp() * 1_000_000 == SENT_US
    assert list(response.arrivals_ms) == hundred_arrivals_ms()
