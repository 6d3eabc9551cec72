"""A server in a ``with`` block."""

from __future__ import annotations

import builtins
import logging
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import chatkit as ck
from chatkit.server.context_list import ContextList

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


Setting = tuple[int, list[logging.Handler], bool]
LOGGERS = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")]
UNTOUCHED: list[Setting] = [(logging.NOTSET, [], True)] * len(LOGGERS)


def settings() -> list[Setting]:
    return [(logger.level, [*logger.handlers], logger.propagate) for logger in LOGGERS]


@pytest.fixture
def _fresh_loggers() -> Iterator[None]:
    """As in a process in which no server has run."""
    before = settings()
    put(UNTOUCHED)
    yield
    put(before)


def put(settings: list[Setting]) -> None:
    for logger, (level, handlers, propagates) in zip(LOGGERS, settings, strict=True):
        logger.setLevel(level)
        logger.handlers, logger.propagate = handlers, propagates


@pytest.mark.usefixtures("_fresh_loggers")
def test_how_the_process_logs_is_left_to_it(path: Path) -> None:
    with ck.serve(path):
        assert settings() == UNTOUCHED
    assert settings() == UNTOUCHED


@pytest.mark.usefixtures("_fresh_loggers")
def test_an_error_of_the_server_is_logged_where_the_process_logs(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ContextList, "page", lambda *_: 1 / 0)
    with ck.serve(path) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        assert httpx.get(f"{server.url}/api/contexts", headers=headers).status_code == 500
    assert "ZeroDivisionError: division by zero" in caplog.text


@pytest.mark.usefixtures("_fresh_loggers")
def test_neither_requests_nor_events_nor_start_and_stop_are_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the process logs everything: a line for each event would be seen in its timing."""
    caplog.set_level(1)
    with ck.serve(path) as server:
        httpx.get(f"{server.url}/api/contexts")
    assert {record.name for record in caplog.records if record.name.startswith("uvicorn")} == set()


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
