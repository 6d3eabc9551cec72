"""However the block is left, what came is stored, the stream is closed, and the response says how it ended."""

# ruff: noqa: PT012, PT031 - what raises or warns is the block that is recorded

from __future__ import annotations

import asyncio
import gc
import shutil
import time as real_time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import chatkit as ck
from chatkit.capture import record
from chatkit.capture.recorder import Recorder
from chatkit.errors import FormatError, NotFoundError, ReadOnlyError, SlowConsumerWarning, StreamStateError
from chatkit.store.repair import repair_store
from tests.capture.tapes import SENT_NS, FakeTime, kinds, response_of
from tests.store.trees import LEGACY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
both_ways = pytest.mark.parametrize("ahead", [False, True], ids=["tee", "ahead"])


class Wire:
    """A stream that knows whether it was closed; its end can be an error."""

    def __init__(self, *events: Any, error: BaseException | None = None) -> None:
        self.events, self.error = iter(events), error
        self.is_closed = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        for event in self.events:
            return event
        raise self.error or StopIteration

    def close(self) -> None:
        self.is_closed = True


class AsyncWire(Wire):
    """The same, async; after its events it may wait for ever."""

    def __init__(self, *events: Any, waits: bool = False) -> None:
        super().__init__(*events)
        self.waits = waits

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for event in self.events:
            return event
        if self.waits:
            await asyncio.Event().wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.is_closed = True


def state_in(path: Path) -> Any:
    (context,) = ck.Store(path).contexts()
    return context.current_state


def test_a_loop_that_is_left_early_aborts_and_closes_the_stream_at_once(tmp_path: Path) -> None:
    time = FakeTime()
    wire = Wire("a", "b", "c")
    with Recorder(tmp_path, clock=time.clock()) as recorder:
        for text in recorder.tee(wire):
            time.ms += 10
            if text == "b":
                break
        gc.collect()  # where generators are not closed at once
        assert wire.is_closed
        time.ms += 1000  # what the caller does then is no part of the stream
    response = response_of(recorder)
    assert (response.content, response.finish_reason, response.duration_ms) == ("ab", "aborted", 20)
    assert state_in(tmp_path)["failed"]["error_message"] == "aborted"


def test_a_stream_left_after_it_said_how_it_ended_is_complete(tmp_path: Path) -> None:
    with record(tmp_path) as recorder:
        for event in recorder.tee(Wire({"choices": [{"delta": {"content": "a"}}]}, LAST, "never read")):
            if event is LAST:
                break
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "stop")


@both_ways
def test_an_exception_in_the_block_is_kept_and_goes_on(ahead: bool, tmp_path: Path) -> None:
    wire = Wire("a", "b", error=ConnectionError("reset"))
    with pytest.raises(ZeroDivisionError), record(tmp_path) as recorder:
        for _ in recorder.tee(wire, ahead=ahead):
            _ = 1 / 0
    response = response_of(recorder)
    assert response.finish_reason == "error"
    assert response.metadata.error == "ZeroDivisionError('division by zero')"
    assert response.content in {"ab", "a"} if ahead else response.content == "a"
    assert "error" in state_in(tmp_path)["failed"]["error_message"]


@both_ways
def test_an_exception_of_the_stream_reaches_the_loop_and_is_kept(ahead: bool, tmp_path: Path) -> None:
    seen: list[str] = []
    with pytest.raises(ConnectionError, match="reset"), record(tmp_path) as recorder:
        seen.extend(recorder.tee(Wire("a", "b", error=ConnectionError("reset")), ahead=ahead))
    assert seen == ["a", "b"]
    response = response_of(recorder)
    assert (response.content, response.finish_reason) == ("ab", "error")
    assert response.metadata.error == "ConnectionError('reset')"


def test_an_exception_of_the_stream_that_the_caller_catches_is_kept_too(tmp_path: Path) -> None:
    with record(tmp_path) as recorder, pytest.raises(ConnectionError):
        list(recorder.tee(Wire("a", error=ConnectionError("reset"))))
    assert response_of(recorder).metadata.error == "ConnectionError('reset')"


def test_an_exception_after_the_stream_does_not_change_how_it_ended(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), record(tmp_path) as recorder:
        list(recorder.tee(Wire(LAST)))
        _ = 1 / 0
    response = response_of(recorder)
    assert (response.finish_reason, response.status) == ("stop", "complete")
    assert response.metadata.error == "ZeroDivisionError('division by zero')"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_an_interrupt_while_waiting_or_in_the_block_aborts(error: BaseException, tmp_path: Path) -> None:
    with pytest.raises(type(error)), record(tmp_path / "waiting") as recorder:
        list(recorder.tee(Wire("a", error=error)))
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")
    with pytest.raises(type(error)), record(tmp_path / "block") as recorder:
        for _ in recorder.tee(Wire("a", "b")):
            raise error
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")


def test_an_interrupt_while_the_stream_is_closed_stores_what_came(tmp_path: Path) -> None:
    class Interrupted(Wire):
        def close(self) -> None:
            if not self.is_closed:
                self.is_closed = True
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), record(tmp_path) as recorder:
        reader = recorder.tee(Interrupted("a", "b"))
        next(reader)
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")


def test_a_generator_around_the_block_that_is_closed_aborts(tmp_path: Path) -> None:
    recorder = record(tmp_path)
    wire = Wire("a", "b")

    def served() -> Iterator[Any]:
        with recorder:
            yield from recorder.tee(wire)

    answer = served()
    assert next(answer) == "a"
    answer.close()  # type: ignore[attr-defined]
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")
    assert wire.is_closed


def test_a_stream_whose_reader_is_kept_is_closed_when_the_block_ends(tmp_path: Path) -> None:
    wire = Wire("a", "b")
    with record(tmp_path) as recorder:
        reader = recorder.tee(wire)
        next(reader)
    assert wire.is_closed
    assert response_of(recorder).finish_reason == "aborted"
    with pytest.raises(StreamStateError, match="after the end"):
        next(reader)


@both_ways
def test_a_task_that_is_cancelled_aborts_and_closes_the_stream(ahead: bool, tmp_path: Path) -> None:
    recorder = record(tmp_path)
    wire = AsyncWire("a", "b", waits=True)

    async def run() -> None:
        has_read_b = asyncio.Event()

        async def read_all() -> None:
            async with recorder:
                async for text in recorder.tee(wire, ahead=ahead):
                    if text == "b":
                        has_read_b.set()

        task = asyncio.create_task(read_all())
        await has_read_b.wait()
        await asyncio.sleep(0)  # back to where it waits for what never comes
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("ab", "aborted")
    assert wire.is_closed


class SlowToClose(AsyncWire):
    """Its closing takes until it is cancelled."""

    async def aclose(self) -> None:
        self.is_closed = True
        await asyncio.Event().wait()


def test_a_task_that_is_cancelled_again_while_its_stream_is_closed_stores_what_came(tmp_path: Path) -> None:
    recorder, wire, has_read = record(tmp_path), SlowToClose("a"), asyncio.Event()

    async def read_all() -> None:
        async with recorder:
            async for _ in recorder.tee(wire):
                has_read.set()
                await asyncio.Event().wait()

    async def run() -> None:
        task = asyncio.create_task(read_all())
        await has_read.wait()
        while not task.done():  # at each of its waits
            task.cancel()
            await asyncio.sleep(0)
        assert task.cancelled()

    asyncio.run(run())
    assert wire.is_closed
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")


def test_a_scope_that_cancels_each_wait_stores_what_came(tmp_path: Path) -> None:
    recorder, wire = record(tmp_path), SlowToClose("a")

    async def run() -> None:
        with anyio.CancelScope() as scope:
            async with recorder:
                async for _ in recorder.tee(wire):
                    scope.cancel()
                    await anyio.sleep_forever()
        assert scope.cancelled_caught

    anyio.run(run)
    assert wire.is_closed
    assert (response_of(recorder).content, response_of(recorder).finish_reason) == ("a", "aborted")


@both_ways
def test_an_async_loop_that_is_left_early_aborts_and_closes_the_stream(ahead: bool, tmp_path: Path) -> None:
    wire = AsyncWire("a", "b", waits=True)

    async def run() -> Recorder:
        async with record(tmp_path) as recorder:
            async for _ in recorder.tee(wire, ahead=ahead):
                break
        await asyncio.sleep(0)
        return recorder

    recorder = asyncio.run(run())
    assert response_of(recorder).finish_reason == "aborted"
    assert response_of(recorder).content.startswith("a")
    assert wire.is_closed


def test_a_task_cancelled_before_the_block_begins_leaves_an_aborted_response(tmp_path: Path) -> None:
    async def enter() -> None:
        async with record(tmp_path):
            raise AssertionError

    async def run() -> None:
        task = asyncio.create_task(enter())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    (message,) = ck.Store(tmp_path).contexts()[0].messages()
    assert message.streaming_response is not None
    assert message.streaming_response.finish_reason == "aborted"


def test_many_streams_at_once_in_one_context_keep_apart(tmp_path: Path) -> None:
    store = ck.Store.create(tmp_path)
    context_id = store.create_context().context_id

    async def one(number: int) -> Recorder:
        async with record(store, context_id) as recorder:
            async for _ in recorder.tee(AsyncWire(*f"{number}-{number}")):
                await asyncio.sleep(0)
        return recorder

    async def run() -> list[Recorder]:
        return await asyncio.gather(*map(one, range(5)))

    recorders = asyncio.run(run())
    assert [recorder.message.content for recorder in recorders] == ["0-0", "1-1", "2-2", "3-3", "4-4"]
    assert len(store.context(context_id).messages()) == 5


def test_what_is_pushed_is_stamped_when_it_comes(tmp_path: Path) -> None:
    time = FakeTime()
    with Recorder(tmp_path, clock=time.clock(), model="m") as recorder:
        time.ms = 5
        recorder.headers_received()
        time.ms = 12
        recorder.append("Hel")
        time.ms = 14.5
        recorder.append({"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]})
        time.ms = 20
    response = response_of(recorder)
    assert kinds(response) == [(12, "text", "Hel"), (14.5, "text", "lo")]
    assert (response.finish_reason, response.duration_ms, response.metadata.consumer_ms) == ("stop", 20, None)
    assert response.figures["headers_ms"] == 5


def test_time_in_the_loop_body_is_summed_and_warned_of_past_a_tenth(tmp_path: Path) -> None:
    time = FakeTime()
    with (
        pytest.warns(SlowConsumerWarning, match="60 ms of 260 ms"),
        Recorder(tmp_path / "slow", clock=time.clock()) as recorder,
    ):
        for _ in recorder.tee(wait(time, 100)):
            time.ms += 20
    assert response_of(recorder).metadata.consumer_ms == 60
    time = FakeTime()
    with Recorder(tmp_path / "quick", clock=time.clock()) as recorder:
        for _ in recorder.tee(wait(time, 1000)):
            time.ms += 20
    assert response_of(recorder).metadata.consumer_ms == 60


def wait(time: FakeTime, ms: float) -> Iterator[str]:
    """Give three texts, each after a wait."""
    for text in "abc":
        time.ms += ms
        yield text


def test_the_message_can_be_seen_while_it_streams_under_the_id_it_will_have(tmp_path: Path) -> None:
    with record(tmp_path) as recorder:
        store = ck.Store(tmp_path)
        with pytest.raises(StreamStateError, match="when the 'with' block"):
            _ = recorder.message
        assert store.message(recorder.message_id).streaming_response is not None
    assert store.message(recorder.message_id) == recorder.message


def test_what_a_killed_recorder_leaves_counts_from_the_moment_the_request_was_sent(tmp_path: Path) -> None:
    """Not from the moment at which the response was begun on the disk, which the clock of this test is far from."""
    time = FakeTime()
    with Recorder(tmp_path, clock=time.clock()) as recorder:
        time.ms = 40
        recorder.append("Hel")
        begun = next(tmp_path.glob("contexts/*"))
        wait_until(lambda: b"Hel" in next(begun.glob("messages/*.jsonl")).read_bytes())
        left = tmp_path / "left"
        shutil.copytree(begun, left / "contexts" / begun.name)
        assert (recorder.started_at_us, len(recorder.pieces), recorder.is_finished) == (SENT_NS // 1000, 1, False)
    assert recorder.is_finished
    repair_store(left)
    response = ck.Store(left).message(recorder.message_id).streaming_response
    assert response is not None
    assert (response.finish_reason, response.figures["ttft_ms"]) == ("interrupted", 40)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for a thread, 10 s at most."""
    for _ in range(1000):
        if is_so():
            return
        real_time.sleep(0.01)
    raise TimeoutError


def test_a_recorder_records_one_stream_once(tmp_path: Path) -> None:
    recorder = record(tmp_path)
    with pytest.raises(StreamStateError, match="does not run yet"):
        recorder.tee(["a"])
    with recorder:
        list(recorder.tee(["a"]))
        with pytest.raises(StreamStateError, match="one stream"):
            recorder.tee(["b"])
    with pytest.raises(StreamStateError, match="after the end"):
        recorder.append("b")
    with pytest.raises(StreamStateError, match="one response"), recorder:
        pass
    assert recorder.message.content == "a"


def test_what_is_no_stream_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with record(tmp_path) as recorder, pytest.raises(TypeError, match="int is no stream: await a coroutine"):
        recorder.tee(7)  # type: ignore[call-overload]


def test_no_recording_begins_where_none_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FormatError, match="not a store"), record(tmp_path):
        raise AssertionError
    with pytest.raises(NotFoundError), record(tmp_path / "new", "0c0e3f5e-0000-4000-8000-000000000001"):
        raise AssertionError
    with pytest.raises(ReadOnlyError), record(LEGACY / "split"):
        raise AssertionError
