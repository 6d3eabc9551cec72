"""``chatkit proxy`` as it is started: it says where it is, and what was under way when it is stopped is kept."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from chatkit.cli.main import main
from chatkit.store import Store
from tests.server.proxy.upstreams import CHAT, Exchange, Upstream, asking, chat, response_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a process can end by itself")
def test_a_proxy_that_is_stopped_in_mid_stream_keeps_what_came(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(chat("Half "))
        exchange.wait_for_close()

    upstream = Upstream(answer)
    place = tmp_path / "store"
    command = [sys.executable, "-m", "chatkit", "proxy", "--upstream", upstream.url, "--store", str(place)]
    options = ["--port", "0", "--label", "scenario=idle", "--label", "concurrency=1"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            said = re.match(r"(http://127\.0\.0\.1:\d+) stands for (\S+):", running.stdout.readline())
            assert said is not None
            assert said[2] == upstream.url
            with httpx.stream("POST", said[1] + CHAT, json=asking(("user", "Go."))) as got:
                assert next(got.iter_raw()) == chat("Half ")
                running.send_signal(signal.SIGTERM)
                _, errors = running.communicate(timeout=10)
        finally:
            running.kill()
            upstream.close()
    assert errors == ""
    _, message = Store(place).contexts()[0].messages()
    assert (message.content, response_of(message).finish_reason) == ("Half ", "aborted")
    assert (message.metadata["scenario"], message.metadata["concurrency"]) == ("idle", 1)
    assert not list(place.rglob("*.journal.jsonl"))


def test_a_wrong_upstream_and_a_wrong_label_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "store")
    assert main(["proxy", "--upstream", "here", "--store", store, "--port", "0"]) == 2
    assert "--upstream here: no base URL" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["proxy", "--upstream", "http://x", "--store", store, "--label", "idle"])
    assert "'idle' is no KEY=VALUE" in capsys.readouterr().err
