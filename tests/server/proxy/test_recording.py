"""What passes as a stream is recorded as its client saw it, however slow the client is and however it ends."""

from __future__ import annotations

import errno
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit import sse
from chatkit.capture.assembly import Assembly
from chatkit.formats import raw_events
from chatkit.formats.raw_events import RawEvents
from chatkit.formats.recording import Recording
from tests.server.proxy.upstreams import CHAT, Exchange, Through, asking, chat, proxied, response_of, says

if TYPE_CHECKING:
    from pathlib import Path

DISK_FULL = OSError(errno.ENOSPC, "No space left on device")


def stream(url: str, body: dict[str, Any], **headers: str) -> bytes:
    with httpx.stream("POST", url + CHAT, json=body, headers=headers) as got:
        return b"".join(got.iter_raw())


def test_the_stored_response_is_what_the_client_saw(tmp_path: Path) -> None:
    texts = ["Tides ", "are ", "", "bulges\r\n", "\N{WATER WAVE}"]
    with proxied(tmp_path / "store", says(*texts, pause_s=0.01), labels={"scenario": "idle"}) as through:
        before = time.time()
        seen = stream(through.url, asking(("user", "Explain tides.")))
        after = time.time()
        assert seen == b"".join(map(chat, texts)) + chat("", "stop") + b"data: [DONE]\n\n"
        (message,) = through.responses()
    response = response_of(message)
    assert [chunk.delta for chunk in response.chunks] == [text for text in texts if text]
    assert (response.finish_reason, response.status, response.model) == ("stop", "complete", "m")
    assert (message.metadata["scenario"], message.metadata["api"]) == ("idle", "openai.chat.completions")
    assert message.metadata["request"] == {"model": "m", "stream": True}
    assert before <= response.started_at.timestamp() <= response.chunks[0].timestamp.timestamp() <= after
    assert response.metadata.headers_at is not None
    assert response.figures["gap_p50_ms"] >= 9  # 10 ms between its pieces, and one of 20 where one was empty
    user, _ = through.store.contexts()[0].messages()
    assert (user.role, user.content) == ("user", "Explain tides.")


def test_the_raw_events_beside_it_are_a_recording_of_the_same(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", says("One", " two", pause_s=0.005)) as through:
        seen = stream(through.url, asking(("user", "Count.")), **{"X-Secret": "sk-1234", "User-Agent": "mine/1"})
        (message,) = through.responses()
        through_file = through.store.context_of(message.message_id)
        assert through_file is not None
        path = through_file.folder().events_file(message.message_id)
    recording = Recording(path)
    assert "".join(f"{event.event}\n\n" for event in recording.events).encode() == seen
    assert recording.responses()[0].chunks == response_of(message).chunks
    assert recording.ended_us is not None
    assert (recording.header.url, recording.header.status) == (CHAT, 200)
    assert recording.header.request == asking(("user", "Count."))
    assert b'"user-agent": "mine/1"' in path.read_bytes()


def test_a_model_that_is_no_text_counts_as_not_told(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", says("Hello")) as through:
        stream(through.url, {**asking(("user", "Hi.")), "model": 5})
        (message,) = through.responses()
        (context,) = through.store.contexts()
    assert (message.content, response_of(message).model) == ("Hello", "m")  # "m" is what the answer says of itself
    assert context.metadata.config.model_id is None
    assert message.metadata["request"] == {"model": 5, "stream": True}


def test_no_key_and_no_cookie_is_ever_stored(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", says("Hello")) as through:
        secret = {
            "Authorization": "Bearer SECRET-1",
            "X-Api-Key": "SECRET-2",
            "Cookie": "c=SECRET-3",
            "X-New": "SECRET-4",
        }
        with httpx.stream(
            "POST", through.url + CHAT + "?key=SECRET-5", json=asking(("user", "Hi.")), headers=secret
        ) as got:
            got.read()
        through.responses()
    files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert all(b"SECRET" not in path.read_bytes() for path in files)


def test_a_slow_client_does_not_stretch_the_recorded_times(tmp_path: Path) -> None:
    texts = [f"word {n} " * 400 for n in range(30)]
    with proxied(tmp_path / "store", says(*texts, pause_s=0.005)) as through:
        with httpx.stream("POST", through.url + CHAT, json=asking(("user", "Go."))) as got:
            time.sleep(1.5)
            assert b"".join(got.iter_raw()).count(b"data:") == 32
        (message,) = through.responses()
    response = response_of(message)
    assert response.content == "".join(texts)
    assert response.figures["streaming_ms"] < 1000
    assert "backpressured" not in response.metadata.to_dict()


def test_an_upstream_that_is_held_up_is_said_to_be(tmp_path: Path) -> None:
    """Past the room for what waits, the upstream waits too, and the client still gets every byte."""
    texts = ["x" * 50_000] * 200  # 10 MB: more than all sockets on the way hold

    with proxied(tmp_path / "store", says(*texts), most_waiting_bytes=200_000) as through:
        with httpx.stream("POST", through.url + CHAT, json=asking(("user", "Go."))) as got:
            time.sleep(0.7)
            assert sum(map(len, got.iter_raw())) > 10_000_000
        (message,) = through.responses()
    assert message.content == "".join(texts)
    assert response_of(message).metadata.to_dict()["backpressured"] is True


def test_an_upstream_that_dies_cuts_the_client_off_and_keeps_what_came(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(chat("So far "))
        time.sleep(0.05)
        exchange.send(chat("so good"))
        time.sleep(0.05)
        exchange.connection.shutdown(socket.SHUT_RDWR)

    with proxied(tmp_path / "store", answer) as through:
        with httpx.stream("POST", through.url + CHAT, json=asking(("user", "Go."))) as got:
            pieces = got.iter_raw()
            seen = next(pieces) + next(pieces)
            with pytest.raises(httpx.RemoteProtocolError):
                next(pieces)
        assert seen == chat("So far ") + chat("so good")
        (message,) = through.responses()
    response = response_of(message)
    assert (response.content, response.finish_reason) == ("So far so good", "error")
    assert "RemoteProtocolError" in str(response.metadata.error)


def test_a_client_that_leaves_ends_the_upstream_and_the_recording(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(chat("Once "))
        exchange.wait_for_close()

    with proxied(tmp_path / "store", answer) as through:
        with httpx.stream("POST", through.url + CHAT, json=asking(("user", "Go."))) as got:
            next(got.iter_raw())
        (message,) = through.responses()
        assert through.upstream.exchanges[0].is_closed_by_peer.wait(5)
    assert (message.content, response_of(message).finish_reason) == ("Once ", "aborted")


def test_a_client_that_leaves_before_anything_came_is_kept_too(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", Exchange.wait_for_close) as through:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(through.url + CHAT, json=asking(("user", "Too slow.")), timeout=0.2)
        (message,) = through.responses()
        assert through.upstream.exchanges[0].is_closed_by_peer.wait(5)
    response = response_of(message)
    assert (response.chunks, response.finish_reason, response.metadata.headers_at) == ((), "aborted", None)
    assert (response.duration_ms or 0) > 100


def test_many_streams_at_once_keep_apart(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        name = exchange.headers["x-name"]
        says(*(f"{name}-{n} " for n in range(10)), pause_s=0.01)(exchange)

    with proxied(tmp_path / "store", answer) as through:

        def ask(number: int) -> bytes:
            return stream(through.url, asking(("user", f"Number {number}.")), **{"X-Name": f"s{number}"})

        with ThreadPoolExecutor(50) as clients:
            seen = list(clients.map(ask, range(50)))
        messages = through.responses(50)
    whole = [b"".join(chat(f"s{number}-{n} ") for n in range(10)) for number in range(50)]
    assert seen == [one + chat("", "stop") + b"data: [DONE]\n\n" for one in whole]
    assert {message.content for message in messages} == {
        "".join(f"s{number}-{n} " for n in range(10)) for number in range(50)
    }


def test_a_store_that_refuses_spoils_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with proxied(tmp_path / "store", says("Hello")) as through:
        (tmp_path / "store" / "contexts").rmdir()
        (tmp_path / "store" / "contexts").write_text("in the way")
        assert stream(through.url, asking(("user", "Hi."))).startswith(chat("Hello"))
        settle(through)
    assert "was not recorded" in caplog.text


def test_raw_events_that_the_disk_refuses_cost_the_message_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are given up, the file with them: its half would be replayed as the whole. The disk takes more later."""
    written = RawEvents.append
    moments: list[int] = []

    def append(raw: RawEvents, t_ns: int, event: str) -> None:
        moments.append(t_ns)
        if len(moments) == 2:
            raise DISK_FULL
        written(raw, t_ns, event)

    monkeypatch.setattr(RawEvents, "append", append)
    with proxied(tmp_path / "store", says("One", " two", " three")) as through:
        stream(through.url, asking(("user", "Count.")))
        (message,) = through.responses()
        settle(through)
    response = response_of(message)
    assert (response.content, response.finish_reason, response.metadata.error) == ("One two three", "stop", None)
    assert list(tmp_path.rglob("*.events.jsonl")) == []
    assert len(moments) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"the raw events of message {message.message_id} are not kept: [Errno 28] No space left on device"
    ]


def hold_whole_without_raw_events(folder: Path) -> None:
    """An answer that passes is stored whole, and of its raw events nothing is left."""
    with proxied(folder / "store", says("Hello")) as through:
        stream(through.url, asking(("user", "Hi.")))
        (message,) = through.responses()
        settle(through)
    assert (message.content, response_of(message).finish_reason) == ("Hello", "stop")
    assert list(folder.rglob("*.events.jsonl")) == []


def test_a_disk_that_refuses_the_end_of_raw_events_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = RawEvents.close

    def close(raw: RawEvents, **known: Any) -> None:
        closed(raw, **known)
        raise DISK_FULL

    monkeypatch.setattr(RawEvents, "close", close)
    hold_whole_without_raw_events(tmp_path)


def test_a_disk_that_refuses_the_head_of_raw_events_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise DISK_FULL

    monkeypatch.setattr(raw_events, "_padded", refuse)
    hold_whole_without_raw_events(tmp_path)


def test_an_event_nested_too_deep_costs_none_after_it(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        too_deep = b'data: {"choices": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n\n"
        exchange.send(chat("One") + too_deep + chat(" three", "stop"))
        exchange.end()

    with proxied(tmp_path / "store", answer) as through:
        stream(through.url, asking(("user", "Count.")))
        (message,) = through.responses()
    assert (message.content, response_of(message).finish_reason) == ("One three", "stop")


def test_an_event_that_can_not_be_taken_in_costs_none_after_it_and_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken = Assembly.take

    def take(assembly: Assembly, at_us: int, event: Any) -> Any:
        deltas = taken(assembly, at_us, event)
        if any(delta.text == " two" for delta in deltas):
            raise ZeroDivisionError("odd")
        return deltas

    monkeypatch.setattr(Assembly, "take", take)
    with proxied(tmp_path / "store", says("One", " two", " two", " three")) as through:
        stream(through.url, asking(("user", "Count.")))
        (message,) = through.responses()
        settle(through)
    response = response_of(message)
    assert (response.content, response.finish_reason) == ("One three", "stop")
    assert response.metadata.error == "events that could not be recorded: 2; the first: ZeroDivisionError('odd')"
    assert [record.getMessage() for record in caplog.records] == [
        f"an event of the answer to {CHAT} could not be recorded"
    ]


def test_an_answer_that_can_be_recorded_in_part_only_does_not_look_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor are its raw events, which would be replayed as the whole."""

    def feed(*_: object) -> list[sse.Event]:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(sse.Decoder, "feed", feed)
    with proxied(tmp_path / "store", says("One", " two", " three")) as through:
        stream(through.url, asking(("user", "Count.")))
        (message,) = through.responses()
        settle(through)
    response = response_of(message)
    assert (response.content, response.finish_reason, response.status) == ("", "error", "error")
    assert response.metadata.error == "ZeroDivisionError('odd')"
    assert list(tmp_path.rglob("*.events.jsonl")) == []
    assert "was recorded in part only" in caplog.text


def settle(through: Through) -> None:
    for recording in through.proxy._recordings:
        recording.join()
