"""A recorder that is killed at any moment loses at most its unflushed tail."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

import pytest

from chatkit.store import Store
from tests.durability import recording_process
from tests.durability.promises import hold_after

if TYPE_CHECKING:
    from pathlib import Path

N_KILLS = 200
MOST_S = 45.0
DELTAS = [f"<{number}>" for number in range(20)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process 200 times: without fork each would start anew")
def test_a_recorder_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    store = Store.create(tmp_path / "store")
    context = store.create_context()
    told, until = tmp_path / "told", time.monotonic() + MOST_S
    n_kills = 0
    while n_kills < N_KILLS and time.monotonic() < until:
        kill_after(chance.uniform(0.0, 0.12), store.path, context.context_id, told)
        n_kills += 1
        begun, stored = what_was_told(told)
        found = store.context(context.context_id)
        assert stored <= set(found.folder().message_ids())
        if n_kills % 20 == 0:
            store = hold_after(store.path, cut=dict.fromkeys(begun, DELTAS))
    assert n_kills >= 50
    begun, stored = what_was_told(told)
    store = hold_after(store.path, cut=dict.fromkeys(begun, DELTAS))
    messages = {message.message_id: message for message in store.context(context.context_id).messages()}
    assert stored <= messages.keys()
    for message_id in stored & set(begun):
        response = messages[message_id].streaming_response
        assert response is not None
        assert (response.finish_reason, response.content) == ("stop", "".join(DELTAS))
    assert any(m.streaming_response and m.streaming_response.status == "interrupted" for m in messages.values())


def kill_after(seconds: float, root: Path, context_id: str, told: Path) -> None:
    """Let a process record, and kill it."""
    pid = os.fork()
    if pid == 0:
        try:
            recording_process.main(str(root), context_id, str(told))
        finally:
            os._exit(1)
    time.sleep(seconds)  # a real kill at a real moment
    os.kill(pid, 9)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9


def what_was_told(told: Path) -> tuple[list[str], set[str]]:
    lines = [line.split() for line in told.read_text(encoding="utf-8").splitlines()] if told.exists() else []
    return [line[1] for line in lines if line[0] == "begins"], {line[1] for line in lines if line[0] == "stored"}
