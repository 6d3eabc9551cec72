"""One process records, another writes, repairs and recovers beside it: the live stream is left alone."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from chatkit.models import Message
from chatkit.store.checking import check_store
from chatkit.store.repair import repair_store
from tests.durability.promises import hold_after
from tests.store.trees import CONTEXT_ID, filled, message_id, the_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store import Store

STREAM_ID = message_id(6)
RECORD = """
import sys
from chatkit.store import Store
stream = Store(sys.argv[1]).open_stream(sys.argv[2], message_id=sys.argv[3], durability="chunk")
for line in sys.stdin:
    if line == "end\\n":
        stream.finalize(finish_reason="stop")
    else:
        stream.append(line.rstrip("\\n"))
    print("done", flush=True)
"""


class Notebook:
    """Another process that records; it does what it is told, a line at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def does(self, line: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@contextmanager
def notebook(store: Store) -> Iterator[Notebook]:
    with subprocess.Popen(
        [sys.executable, "-c", RECORD, str(store.path), CONTEXT_ID, STREAM_ID],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Notebook(process)
        if process.stdin is not None:
            process.stdin.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def test_a_live_stream_is_left_alone_by_writers_recovery_and_repair(store: Store) -> None:
    with notebook(store) as other:
        other.does("one ")
        answered = the_context(store).append_message(Message.from_text("meanwhile"))  # recovers first
        assert answered.position == 7
        other.does("two ")
        assert check_store(store.path) == []
        assert repair_store(store.path) == ([], [])
        index = store.path / "contexts" / CONTEXT_ID / "index.json"
        index.unlink()  # now repair has something to do in the very context
        assert [finding.kind for finding in repair_store(store.path)[0]] == ["index"]
        in_flight = store.message(STREAM_ID).streaming_response
        assert in_flight is not None
        assert (in_flight.content, in_flight.status) == ("one two ", "streaming")
        assert the_context(store).current_state == "streaming_llm_response"
        other.does("three")
        other.does("end")
    assert check_store(store.path) == []
    recorded = store.message(STREAM_ID)
    assert recorded.content == "one two three"
    assert the_context(store).message_ids[-2:] == [STREAM_ID, answered.message_id]
    assert the_context(store).current_state == "idle"
    hold_after(store.path, finished=[recorded, answered])


def test_what_a_killed_notebook_recorded_is_brought_to_an_end_by_the_next_writer(store: Store) -> None:
    with notebook(store) as other:
        other.does("one ")
        other.does("two ")
        other.process.kill()
        other.process.wait()
    [finding] = check_store(store.path)
    assert (finding.kind, finding.message_id) == ("journal", STREAM_ID)
    the_context(store).append_message(Message.from_text("later"))
    response = store.message(STREAM_ID).streaming_response
    assert response is not None
    assert (response.content, response.finish_reason, response.completed_at) == ("one two ", "interrupted", None)
    [state] = the_context(store).metadata.model_dump()["current_state"].values()
    assert (state["error_message"], state["failed_at"]) == (
        "interrupted", response.chunks[-1].timestamp.isoformat(timespec="microseconds").replace("+00:00", "Z")
    )  # fmt: skip
    assert check_store(store.path) == []


def test_a_notebook_that_died_does_not_end_the_stream_of_another(store: Store) -> None:
    with notebook(store) as other:
        other.does("cut off")
        ours = store.open_stream(CONTEXT_ID)
        ours.append("ours")
        other.process.kill()
        other.process.wait()
    repair_store(store.path)
    assert store.message(STREAM_ID).streaming_response.finish_reason == "interrupted"  # type: ignore[union-attr]
    assert the_context(store).current_state == "streaming_llm_response"
    ours.finalize(finish_reason="stop")
    assert the_context(store).current_state == "idle"
    assert check_store(store.path) == []
