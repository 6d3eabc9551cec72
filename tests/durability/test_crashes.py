"""Whatever point a crash or a full disk hits, nothing stored is lost, and repair finishes what was half-done."""

from __future__ import annotations

import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from chatkit.errors import CorruptFileError
from chatkit.store import Store
from chatkit.store.journal import JournalWarning
from tests.durability.faults import BROKEN, DONE, KILLED, NO_SPACE, REFUSED, WRONG, Fault, hold_clear, in_child
from tests.durability.promises import hold_after
from tests.store.trees import CONTEXT_ID, filled, message_id, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chatkit.models import Message

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="stops a process at each call: needs fork")
DELTAS = ["Chlor", "oplasts", " 🍂", " fade"]
STREAM_ID, OTHER_CONTEXT = message_id(6), CONTEXT_ID.replace("0c0e3f5e", "1c0e3f5e")
AT_MOST = 200
"""More calls than any job makes."""


def record(store: Store) -> Message:
    stream = store.open_stream(CONTEXT_ID, message_id=STREAM_ID, model="m", durability="chunk")
    for delta in DELTAS:
        stream.append(delta)
    stream.note(server_timings={"n": 1})
    return stream.finalize(finish_reason="stop")


def append(store: Store) -> Message:
    return store.context(CONTEXT_ID).append_message(text(7))


def create(store: Store) -> None:
    store.create_context(context_id=OTHER_CONTEXT, title="Later")


JOBS = {"record": record, "append": append, "create": create}


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("pattern") / "store").path


@pytest.fixture
def copies(pattern: Path, tmp_path: Path) -> Iterator[Path]:
    """A fresh copy of the store for each try."""

    def copy() -> Iterator[Path]:
        for number in range(1, AT_MOST):
            shutil.copytree(pattern, tmp_path / str(number))
            yield tmp_path / str(number)

    return copy()


def stopped(job: Callable[[Store], object], root: Path, fault: Fault) -> int:
    """Do the job on a disk that stops the process."""

    def do() -> int:
        store = Store(root)
        fault.install()
        job(store)
        return DONE

    return in_child(do)


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
@pytest.mark.parametrize("name", JOBS)
def test_a_process_may_die_at_every_call_that_changes_the_disk(name: str, torn: bool, copies: Iterator[Path]) -> None:
    before = None
    for at_call, root in enumerate(copies, start=1):
        before = before or Store(root).context(CONTEXT_ID).messages()
        ended = stopped(JOBS[name], root, Fault(at_call, torn=torn))
        hold_after(root, finished=before, cut={STREAM_ID: DELTAS})
        if ended == DONE:
            break
        assert ended == KILLED
    assert 8 < at_call < AT_MOST - 1


def test_with_durability_chunk_every_chunk_whose_append_returned_survives(copies: Iterator[Path]) -> None:
    for at_call, root in enumerate(copies, start=1):
        told = root.parent / f"{root.name}.told"

        def record_and_tell(store: Store, told: Path = told) -> None:
            stream = store.open_stream(CONTEXT_ID, message_id=STREAM_ID, durability="chunk")
            for number, delta in enumerate(DELTAS, start=1):
                stream.append(delta)
                told.write_text(str(number), encoding="utf-8")
            os._exit(DONE)

        ended = stopped(record_and_tell, root, Fault(at_call))
        n_told = int(told.read_text(encoding="utf-8")) if told.exists() else 0
        store = hold_after(root, cut={STREAM_ID: DELTAS})
        if n_told:
            response = store.message(STREAM_ID).streaming_response
            assert response is not None
            assert len(response.chunks) >= n_told
            assert store.context(CONTEXT_ID).current_state != "awaiting_llm_response"
        if ended == DONE:
            break
    assert n_told == len(DELTAS)


def attempt(store: Store, number: int, fault: Fault, job: Callable[[Store], object]) -> bool:
    """Do a job on a disk that refuses once; whether it was refused, clearly."""
    fault.install()
    try:
        job(store)
    except OSError as error:
        hold_clear(error, number)
        return True
    finally:
        fault.remove()
    return False


@pytest.mark.parametrize(("number", "torn"), [(NO_SPACE, True), (BROKEN, False)], ids=["ENOSPC, torn", "EIO"])
def test_after_a_refusal_by_the_disk_an_append_or_a_creation_can_be_made_again(
    number: int, torn: bool, copies: Iterator[Path]
) -> None:
    for at_call, root in enumerate(copies, start=1):
        before = Store(root).context(CONTEXT_ID).messages()

        def do(root: Path = root, at_call: int = at_call) -> int:
            refused = False
            for job in (append, create):
                store = Store(root)
                if attempt(store, number, Fault(at_call, error=number, torn=torn), job):
                    refused = True
                    assert not list(root.rglob(".chatkit-tmp-*"))
                    try:
                        job(store)
                    except (FileExistsError, CorruptFileError):
                        continue  # the very last step was refused: it is there
            return REFUSED if refused else DONE

        ended = in_child(do)
        assert ended != WRONG
        store = hold_after(root, finished=before)
        assert store.message(message_id(7)).content == "said"
        assert store.context(OTHER_CONTEXT).title == "Later"
        if ended == DONE:
            break
    assert 8 < at_call < AT_MOST - 1


@pytest.mark.filterwarnings("ignore::chatkit.store.journal.JournalWarning")
@pytest.mark.parametrize(("number", "torn"), [(NO_SPACE, True), (BROKEN, False)], ids=["ENOSPC, torn", "EIO"])
def test_after_a_refusal_by_the_disk_nothing_of_a_stream_is_lost(
    number: int, torn: bool, copies: Iterator[Path]
) -> None:
    for at_call, root in enumerate(copies, start=1):
        before = Store(root).context(CONTEXT_ID).messages()

        def do(root: Path = root, at_call: int = at_call) -> int:
            store, fault = Store(root), Fault(at_call, error=number, torn=torn)
            fault.install()
            try:
                stream = store.open_stream(CONTEXT_ID, durability="chunk")
            except OSError as error:
                hold_clear(error, number)
                stream = store.open_stream(CONTEXT_ID, durability="chunk")
            for delta in DELTAS:
                stream.append(delta)
            try:
                message = stream.finalize(finish_reason="stop")
            except OSError as error:
                hold_clear(error, number)
                message = stream.finalize(finish_reason="stop")
            fault.remove()
            response = message.streaming_response
            assert response is not None
            assert [chunk.delta for chunk in response.chunks] == DELTAS
            assert Store(root).message(message.message_id) == message
            return DONE if fault.left > 0 else REFUSED

        ended = in_child(do)
        assert ended != WRONG
        store = hold_after(root, finished=before)
        whole = [m for m in store.context(CONTEXT_ID).messages() if m.content == "".join(DELTAS)]
        assert len(whole) == 1
        if ended == DONE:
            break
    assert 8 < at_call < AT_MOST - 1


def test_a_journal_that_the_disk_refuses_is_reported_and_its_stream_is_stored_all_the_same(
    pattern: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(pattern, tmp_path / "store")
    store = Store(tmp_path / "store")
    stream = store.open_stream(CONTEXT_ID, durability="chunk")
    write, main = os.write, threading.main_thread()

    def refuse(handle: int, data: bytes) -> int:
        if threading.current_thread() is not main:
            raise OSError(NO_SPACE, os.strerror(NO_SPACE))
        return write(handle, data)

    monkeypatch.setattr(os, "write", refuse)
    with pytest.warns(JournalWarning, match=os.strerror(NO_SPACE)):
        stream.append("first")
    stream.append("second")  # said once
    message = stream.finalize(finish_reason="stop")
    assert message.content == "firstsecond"
    assert store.message(message.message_id) == message
    monkeypatch.undo()
    hold_after(store.path, finished=[message])
