"""What waits for a client has so much room and no more, and comes out in order."""

from __future__ import annotations

import asyncio

import pytest

from chatkit.formats.raw_events import EventTexts
from chatkit.server.proxy.backlog import Backlog


def test_a_full_backlog_makes_its_filler_wait_and_loses_nothing() -> None:
    async def run() -> tuple[list[bytes], bool, int]:
        backlog = Backlog(10)
        most = 0

        async def fill() -> None:
            nonlocal most
            for number in range(20):
                await backlog.put(b"%04d" % number)
                most = max(most, sum(map(len, backlog._pieces)))
            backlog.close()

        filling = asyncio.create_task(fill())
        await asyncio.sleep(0)
        found = [piece async for piece in backlog]
        await filling
        return found, backlog.has_waited, most

    found, has_waited, most = asyncio.run(run())
    assert b"".join(found) == b"".join(b"%04d" % number for number in range(20))
    assert (has_waited, most) == (True, 8)


def test_what_broke_the_stream_is_raised_after_all_that_came() -> None:
    found: list[bytes] = []

    async def run() -> None:
        backlog = Backlog(100)
        await backlog.put(b"one")
        await backlog.put(b"two")
        backlog.close(ConnectionError("gone"))
        async for piece in backlog:
            found.append(piece)  # noqa: PERF401 - a comprehension would lose what came before the error

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(run())
    assert found == [b"onetwo"]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n"])
def test_events_are_told_apart_wherever_the_stream_is_cut(end: bytes) -> None:
    line_end = end[: len(end) // 2] if end != b"\n\r\n" else b"\n"
    parts = [b"event: a" + line_end + b"data: 1", ": é\N{WAVING HAND SIGN}".encode(), b"data: 3"]
    whole = b"".join(part + end for part in parts) + b"data: cut"
    expected = [part.decode() for part in parts]
    for cut in range(len(whole) + 1):
        texts = EventTexts()
        found = [*texts.feed(whole[:cut]), *texts.feed(whole[cut:])]
        assert [text.strip("\r\n") for text in found] == expected
        assert texts.rest().strip("\r\n") == "data: cut"
    texts = EventTexts()
    byte_by_byte = [text for byte in whole for text in texts.feed(bytes([byte]))]
    assert [text.strip("\r\n") for text in byte_by_byte] == expected
