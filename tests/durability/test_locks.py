"""One writer a context at a time; who waits is told for whom, and a killed one holds nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import StoreBusyError
from chatkit.store.locks import context_lock
from tests.store.trees import CONTEXT_ID, filled, folder_of, text, the_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store import Store

HOLD = """
import sys
from pathlib import Path
from chatkit.store.locks import context_lock
with context_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holds(context: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a context until its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(context)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.stdin is not None:
            process.stdin.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def test_whoever_waits_too_long_is_told_which_process_on_which_machine_holds_the_context(store: Store) -> None:
    with (
        another_process_holds(folder_of(store)) as process,
        pytest.raises(StoreBusyError, match=f"process {process.pid} on {socket.gethostname()} since 20"),
        context_lock(folder_of(store), timeout_s=0.05),
    ):
        pass


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"pid": 1}'])
def test_a_holder_that_did_not_say_who_it_is_makes_no_other_error(store: Store, said: bytes) -> None:
    with another_process_holds(folder_of(store)):
        (store.path / ".locks" / f"{CONTEXT_ID}.holder.json").write_bytes(said)
        with (
            pytest.raises(StoreBusyError, match="it did not say who it is"),
            context_lock(folder_of(store), timeout_s=0.01),
        ):
            pass


def test_the_lock_of_a_killed_process_is_free(store: Store) -> None:
    with another_process_holds(folder_of(store)) as process:
        process.kill()
        process.wait()
        assert the_context(store).append_message(text(6)).position == 6


def test_writers_of_another_context_do_not_wait(store: Store) -> None:
    other = store.create_context()
    with another_process_holds(folder_of(store)), context_lock(other.folder().path, timeout_s=0):
        pass


def test_a_reader_does_not_wait(store: Store) -> None:
    with another_process_holds(folder_of(store)):
        assert len(the_context(store).messages()) == 6


def test_two_threads_wait_for_each_other_too(store: Store) -> None:
    with (
        context_lock(folder_of(store)),
        pytest.raises(StoreBusyError, match=f"process {os.getpid()} "),
        context_lock(folder_of(store), timeout_s=0.01),
    ):
        pass


def test_an_error_of_the_writer_is_its_own_and_frees_the_lock(store: Store) -> None:
    with pytest.raises(TimeoutError, match="mine"), context_lock(folder_of(store)):
        raise TimeoutError("mine")
    with context_lock(folder_of(store), timeout_s=0):
        assert the_context(store).message_ids
