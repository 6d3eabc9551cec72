"""The lines of README and docs that ask a server do what they say there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatkit import sse
from chatkit.server import Server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from chatkit.models import Message
    from chatkit.store import Store

ROOT = Path(__file__).parents[2]


def block(language: str, word: str) -> str:
    """The one block of the README's section that holds a word."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Over HTTP\n")[1].split("\n## ")[0]
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL) if word in text)
    return str(found)


@pytest.fixture
def server(conversation: tuple[Store, Message, Message]) -> Iterator[Server]:
    with serve(conversation[0]) as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None or os.name == "nt", reason="needs curl and a POSIX shell")
def test_the_line_with_curl_replays(server: Server, conversation: tuple[Store, Message, Message]) -> None:
    line = block("bash", "curl").replace("http://127.0.0.1:8765", server.url).replace("curl ", "curl -s ")
    known = {**os.environ, "TOKEN": server.token, "MESSAGE": conversation[2].message_id}
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, env=known, timeout=60)
    events = sse.decode(done.stdout)
    assert [event.event for event in events] == ["chunk"] * 100 + ["done"]


@pytest.mark.browser
def test_the_lines_with_an_event_source_show_the_response(
    chromium: Browser, server: Server, conversation: tuple[Store, Message, Message]
) -> None:
    lines = block("js", "EventSource").replace("speed=2", "speed=20")
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(server.link)
    shown = tab.evaluate(
        """([lines, messageId]) => new Promise((resolve) => {
          const shown = [];
          const run = Function("messageId", "show", `${lines}; return source;`);
          const source = run(messageId, (delta) => shown.push(delta));
          source.addEventListener("done", () => resolve([shown.join(""), source.readyState]));
        })""",
        [lines, conversation[2].message_id],
    )
    context.close()
    assert shown == [conversation[2].content, 2]
