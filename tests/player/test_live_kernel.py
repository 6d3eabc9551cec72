"""A live player in a real kernel: what it sends while the cell that records is still running."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

manager = pytest.importorskip("jupyter_client.manager")

CELL = """
import time
import chatkit as ck

recorder = ck.record({store!r}, model="echo")
player = ck.Player(recorder)

def words():
    for index in range(12):
        yield f"word{{index}} "
        end = time.monotonic() + 20  # until the player has shown it: then what it sends does not hang on the machine
        while player._growth.count < index and time.monotonic() < end:
            time.sleep(0.001)

with recorder:
    for word in recorder.tee(words()):
        pass
player._follower._thread.join(20)
"""


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """Run the cell and collect what the player sent until the cell had ended."""
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        updates: list[dict[str, Any]] = []

        def note(message: dict[str, Any]) -> None:
            assert message["msg_type"] != "error", message["content"]
            data = message["content"].get("data", {})
            if message["msg_type"] == "comm_msg" and data.get("method") == "update":
                updates.append(data["state"])

        client.execute_interactive(CELL.format(store=str(tmp_path / "store")), timeout=90, output_hook=note)
        yield updates
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)


def test_text_is_sent_while_the_cell_that_reads_the_stream_runs(sent: list[dict[str, Any]]) -> None:
    tails = [state["_tail"] for state in sent if state.get("_tail")]
    texts = [tail["text"] for tail in tails]
    assert len(set(texts)) >= 6  # what came within one frame is sent together
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    final = sent[-1]
    assert final["_live"] is False
    assert final["_lanes"][0]["text"] == "".join(f"word{index} " for index in range(12))
