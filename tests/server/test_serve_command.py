"""``chatkit serve``: its link, and what it says when it can't."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import pytest

from chatkit.cli.main import main
from chatkit.server import running

if TYPE_CHECKING:
    from chatkit.models import Message
    from chatkit.store import Store

Conversation = tuple["Store", "Message", "Message"]


@pytest.fixture
def _served_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is not run: only what leads to it."""
    monkeypatch.setattr(running, "run", lambda *_: None)


@pytest.mark.usefixtures("_served_at_once")
def test_the_link_with_the_token_is_printed(conversation: Conversation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(conversation[0].path), "--port", "0"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{conversation[0].path} is served at http://127.0.0.1:")
    assert len(first.partition("/?token=")[2]) >= 32
    assert "Bearer" in second


@pytest.mark.usefixtures("_served_at_once")
def test_two_servers_have_two_tokens(conversation: Conversation, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = set()
    for _ in range(2):
        main(["serve", str(conversation[0].path), "--port", "0"])
        tokens.add(capsys.readouterr().out.splitlines()[0].partition("token=")[2])
    assert len(tokens) == 2


def test_a_port_that_is_taken_is_said_to_be(conversation: Conversation, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", str(conversation[0].path), "--port", port]) == 1
    assert f"can't listen on 127.0.0.1, port {port}" in capsys.readouterr().err


@pytest.mark.usefixtures("_served_at_once")
@pytest.mark.parametrize("port", ["99999", "65536", "-1", str(10**30)])
def test_what_is_no_port_is_said_to_be_none(
    conversation: Conversation, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    """The system's own functions wrap it to one that nobody asked for."""
    assert main(["serve", str(conversation[0].path), "--port", port]) == 1
    assert f"can't listen on 127.0.0.1, port {port}: a port is 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_what_is_no_host_is_said_to_be_none(
    conversation: Conversation, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert main(["serve", str(conversation[0].path), "--host", host, "--port", "0"]) == 1
    assert f"can't listen on {host}, port 0: this is no name of a host" in capsys.readouterr().err


def test_a_host_that_is_not_this_machines_is_said_to_be(
    conversation: Conversation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(conversation[0].path), "--host", "192.0.2.1", "--port", "0"]) == 1
    assert "can't listen on 192.0.2.1" in capsys.readouterr().err


def test_no_token_is_possible_on_loopback_only(conversation: Conversation, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(conversation[0].path), "--host", "0.0.0.0", "--port", "0", "--no-token"]) == 2  # noqa: S104
    assert "without a token" in capsys.readouterr().err


def test_what_is_no_store_is_said_to_be_none(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path)]) == 1
    assert "not a store" in capsys.readouterr().err


def test_without_the_extra_the_pip_line_is_printed(
    conversation: Conversation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("chatkit.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve", str(conversation[0].path)]) == 1
    assert 'pip install "chatkit-lab[server]"' in capsys.readouterr().err
