"""An answer too long to be kept in memory is recorded whole, and takes no more memory than what waits to be sent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from chatkit.server.proxy import recording
from chatkit.store import Store
from tests.server.proxy.upstreams import (
    CHAT,
    Exchange,
    Upstream,
    asking,
    chat,
    proxied,
    response_of,
    responses_in,
    says,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS, _N_EVENTS = "word " * 4_000, 3_000


def test_it_is_recorded_whole_and_its_conversation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MOST_CHARS", 20)
    texts = ["Tides are bulges ", "of water.\n", "\ud83d", "\ude00", " They follow the Moon."]
    with proxied(tmp_path / "store", says(*texts)) as through:
        first = asking(("user", "Explain tides."))
        httpx.post(through.url + CHAT, json=first)
        (message,) = through.responses()
        assert message.content == "Tides are bulges of water.\n😀 They follow the Moon."
        assert [chunk.delta for chunk in response_of(message).chunks] == texts
        assert response_of(message).status == "complete"
        httpx.post(
            through.url + CHAT,
            json=asking(("user", "Explain tides."), ("assistant", message.content), ("user", "Why?")),
        )
        through.responses(2)
        [context] = through.store.contexts()
    assert [one.content for one in context.messages()] == ["Explain tides.", message.content, "Why?", message.content]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        for _ in range(_N_EVENTS):
            exchange.send(chat(_WORDS))
            time.sleep(0.001)  # so that the recorder is not behind: what waits for it is in memory, too
        exchange.send(chat("", "stop") + b"data: [DONE]\n\n")
        exchange.end()

    serving = Upstream(answer)
    yield serving
    serving.close()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a part of a run")
def test_sixty_megabytes_take_a_part_of_that_memory(tmp_path: Path, upstream: Upstream) -> None:
    """As text alone it would be those, and thrice as many while its file is put together."""
    place = tmp_path / "store"
    command = [sys.executable, "-m", "chatkit", "proxy", "--upstream", upstream.url, "--store", str(place)]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            url = running.stdout.readline().split()[0]
            Path(f"/proc/{running.pid}/clear_refs").write_text("5", encoding="ascii")
            before = memory(running.pid, "VmRSS")
            with httpx.stream("POST", url + CHAT, json=asking(("user", "Go.")), timeout=60) as got:
                assert sum(map(len, got.iter_raw())) > len(_WORDS) * _N_EVENTS
            for _ in range(600):
                if not list(place.rglob("*.journal.jsonl")):
                    break
                time.sleep(0.1)
            grown = memory(running.pid, "VmHWM") - before
        finally:
            running.terminate()
    (message,) = responses_in(Store(place))
    assert len(message.content) == len(_WORDS) * _N_EVENTS
    assert grown < 35_000_000


def memory(pid: int, what: str) -> int:
    """Return the bytes that a process holds, or held at most."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024
