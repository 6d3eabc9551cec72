"""A server in a ``with`` block."""

from __future__ import annotations

import builtins
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import chatkit as ck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ck.Store.create(tmp_path / "store").path


def test_it_serves_who_knows_the_token_and_is_gone_after_the_block(path: Path) -> None:
    with ck.serve(path) as server:
        assert httpx.get(f"{server.url}/api/contexts").status_code == 401
        headers = {"Authorization": f"Bearer {server.token}"}
        assert httpx.get(f"{server.url}/api/contexts", headers=headers).status_code == 200
        assert httpx.get(server.link).status_code == 303
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_each_server_has_a_token_of_its_own(path: Path) -> None:
    store = ck.Store(path)
    with ck.serve(store) as one, ck.serve(store) as other:
        assert one.url != other.url
        assert one.token != other.token


def test_an_error_in_the_block_ends_the_server_too(path: Path) -> None:
    switch_s = sys.getswitchinterval()
    with pytest.raises(KeyError), ck.serve(path) as server:
        raise KeyError
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    assert sys.getswitchinterval() == pytest.approx(switch_s)


@pytest.fixture
def _usual_interval() -> Iterator[None]:
    """Python's own, in whole µs, as it is kept."""
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(0.004)
    yield
    sys.setswitchinterval(switch_s)


@pytest.mark.usefixtures("_usual_interval")
def test_threads_give_way_often_until_the_last_of_several_servers_is_gone(path: Path) -> None:
    one, other = ck.serve(path), ck.serve(path)
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert sys.getswitchinterval() == pytest.approx(0.0005)
    other.__exit__(None, None, None)
    assert sys.getswitchinterval() == pytest.approx(0.004)


@pytest.mark.usefixtures("_usual_interval")
def test_a_thread_that_can_not_be_started_leaves_the_process_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"), ck.serve(path):
        pass
    assert sys.getswitchinterval() == pytest.approx(0.004)


def test_a_port_that_is_taken_is_named(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=str(port)), ck.serve(path, port=port):
            pass


def test_a_path_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ck.FormatError), ck.serve(tmp_path):
        pass


def test_without_the_extra_the_pip_line_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("chatkit.server.a"):
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ck.MissingExtraError, match=r'pip install "chatkit-lab\[server\]"'), ck.serve(path):
        pass
