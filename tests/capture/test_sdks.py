"""The providers' own clients against a server on this machine: what is recorded is what the client read."""

# ruff: noqa: PT031 - what raises or warns is the block that is recorded

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest

from chatkit.capture import record
from chatkit.errors import SlowConsumerWarning
from tests.capture.sdks import APIS, Api, Heard, asked, asked_async
from tests.capture.server import serving

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import Message

every_api = pytest.mark.parametrize("api", APIS.values(), ids=APIS)
both_ways = pytest.mark.parametrize("ahead", [False, True], ids=["tee", "ahead"])
CHAT = APIS["chat"]
EVENTS = 12


def check(message: Message, heard: Heard, final: str | None) -> None:
    response = message.streaming_response
    assert response is not None
    assert [chunk.delta for chunk in response.chunks] == heard.texts
    assert response.content == "".join(heard.texts)
    assert final in {None, response.content}
    assert response.usage is not None
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (heard.n_prompt, heard.n_completion)
    assert response.status == "complete"
    assert response.metadata.headers_at is not None


@every_api
@both_ways
def test_a_client_reads_what_is_recorded(api: Api, ahead: bool, tmp_path: Path) -> None:
    heard = Heard()
    with serving(api.events) as url, record(tmp_path, request=api.request) as recorder, asked(api, url) as stream:
        for event in recorder.tee(stream, ahead=ahead):
            api.hear(heard, event)
        final = api.final(stream) if api.final else None
    check(recorder.message, heard, final)
    assert recorder.n_unknown_events == 0


@every_api
@both_ways
def test_an_async_client_reads_what_is_recorded(api: Api, ahead: bool, tmp_path: Path) -> None:
    heard = Heard()

    async def run(url: str) -> tuple[Message, str | None]:
        async with record(tmp_path, request=api.request) as recorder, asked_async(api, url) as stream:
            async for event in recorder.tee(stream, ahead=ahead):
                api.hear(heard, event)
            final = api.final(stream) if api.final else None
        return recorder.message, final

    with serving(api.events) as url:
        message, final = asyncio.run(run(url))
    check(message, heard, final)


def test_events_are_handed_on_as_the_very_same_objects(tmp_path: Path) -> None:
    came: list[Any] = []
    with serving(CHAT.events) as url, record(tmp_path) as recorder, asked(CHAT, url) as stream:
        kept = list(recorder.tee(came.append(event) or event for event in stream))  # type: ignore[func-returns-value]
    assert all(handed is event for handed, event in zip(kept, came, strict=True))
    assert len(kept) == len(CHAT.events) - 1  # the client keeps [DONE] to itself


def test_chunks_are_stamped_when_they_come(tmp_path: Path) -> None:
    read_ms: list[float] = []
    with serving(CHAT.events[:EVENTS], gap_s=0.01) as url, record(tmp_path) as recorder:
        entered = time.perf_counter()
        with asked(CHAT, url) as stream:
            for event in recorder.tee(stream):
                now_ms = (time.perf_counter() - entered) * 1000
                read_ms += [now_ms] * bool(event.choices[0].delta.content)
    assert recorder.message.streaming_response is not None
    recorded_ms = recorder.message.streaming_response.arrivals_ms
    assert np.median(np.abs(np.array(read_ms) - recorded_ms)) < 2


def test_the_wait_for_headers_is_part_of_the_wait_for_the_first_chunk(tmp_path: Path) -> None:
    with serving(CHAT.events[:EVENTS], headers_after_s=0.3) as url, record(tmp_path) as recorder:
        entered = time.perf_counter()
        with asked(CHAT, url) as stream:
            for number, _ in enumerate(recorder.tee(stream)):
                if number == 0:
                    first_ms = (time.perf_counter() - entered) * 1000
    assert recorder.message.streaming_response is not None
    figures = recorder.message.streaming_response.figures
    assert figures["ttft_ms"] >= 300
    assert abs(figures["ttft_ms"] - first_ms) < 100
    assert 300 <= figures["headers_ms"] <= figures["ttft_ms"]


def test_a_slow_loop_body_is_told_apart_from_a_slow_model(tmp_path: Path) -> None:
    with (
        pytest.warns(SlowConsumerWarning, match=r"held it up for \d+ ms of .* ahead=True"),
        serving(CHAT.events[:EVENTS]) as url,
        record(tmp_path) as recorder,
        asked(CHAT, url) as stream,
    ):
        for _ in recorder.tee(stream):
            time.sleep(0.02)
    assert recorder.message.streaming_response is not None
    assert (recorder.message.streaming_response.metadata.consumer_ms or 0) >= EVENTS * 20


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_read_ahead_the_gaps_are_the_servers_however_slow_the_loop_body_is(kind: str, tmp_path: Path) -> None:
    async def run(url: str) -> Message:
        async with record(tmp_path) as recorder, asked_async(CHAT, url) as stream:
            async for _ in recorder.tee(stream, ahead=True):
                await asyncio.sleep(0.04)
        return recorder.message

    with serving(CHAT.events[:EVENTS], gap_s=0.01) as url:
        if kind == "async":
            message = asyncio.run(run(url))
        else:
            with record(tmp_path) as recorder, asked(CHAT, url) as stream:
                for _ in recorder.tee(stream, ahead=True):
                    time.sleep(0.04)
            message = recorder.message
    assert message.streaming_response is not None
    assert 5 < np.median(np.diff(message.streaming_response.arrivals_ms)) < 25
    assert message.streaming_response.metadata.consumer_ms == 0


def test_a_client_that_meets_an_error_in_mid_stream_leaves_a_response_that_says_so(tmp_path: Path) -> None:
    broken = b'data: {"error": {"message": "out of memory", "code": 500}}\n\n'
    with (
        serving([*CHAT.events[:5], broken]) as url,
        pytest.raises(openai.APIError),
        record(tmp_path) as recorder,
        asked(CHAT, url) as stream,
    ):
        list(recorder.tee(stream))
    response = recorder.message.streaming_response
    assert response is not None
    assert response.finish_reason == "error"
    assert "out of memory" in response.metadata.error
    assert len(response.chunks) == 4


def test_a_server_that_can_not_be_reached_leaves_a_response_without_chunks(tmp_path: Path) -> None:
    with serving([]) as url:
        pass
    with (
        pytest.raises(openai.APIConnectionError),
        record(tmp_path, request=CHAT.request) as recorder,
        asked(CHAT, url),
    ):
        pass
    response = recorder.message.streaming_response
    assert response is not None
    assert (response.finish_reason, response.chunks) == ("error", ())
    assert "APIConnectionError" in response.metadata.error
