"""Loading takes memory in proportion to the tables, whatever the format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.store_generator import generate

if TYPE_CHECKING:
    from benchmarks.store_generator import Layout

ROOT = Path(__file__).parents[2]


def loaded(loader: str, store: Path, warm_up: Path) -> dict[str, float]:
    """What a load took in a process of its own: its most memory over that before, in bytes, and the rows."""
    command = [sys.executable, str(ROOT / "benchmarks" / "load_process.py"), loader, str(store), str(warm_up)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells the peak of a part of a run")
@pytest.mark.parametrize(
    ("layout", "n_messages", "most_bytes_a_row"),
    [("chatkit", 5_000, 700), ("split", 1_000, 2_000), ("single-file", 1_000, 2_500)],
)
def test_a_load_takes_some_hundred_bytes_a_row_at_most(
    tmp_path: Path, layout: Layout, n_messages: int, most_bytes_a_row: int
) -> None:
    """A dict a chunk takes 750, and that before there is a table; a table of all twelve columns takes about 110."""
    warm_up = generate(tmp_path / "warm-up", 20, layout=layout).path
    made = generate(tmp_path / "store", n_messages, layout=layout)
    figures = loaded("chatkit_chunks_uncached", made.path, warm_up)
    assert figures["rows"] == made.n_chunks
    assert 0 < figures["peak"] / made.n_chunks < most_bytes_a_row


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="as above")
def test_two_columns_of_one_context_take_no_memory_for_the_others(tmp_path: Path) -> None:
    made = generate(tmp_path / "store", 1_500)
    warm_up = generate(tmp_path / "warm-up", 20).path
    figures = loaded("chatkit_one_context_uncached", made.path, warm_up)
    assert figures["peak"] < made.n_chunks * 30
