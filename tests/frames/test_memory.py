"""While files are read, Arrow takes its memory from the system; before and after, from where it did."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import chatkit as ck
from chatkit.frames import folder_scan
from chatkit.frames.memory import frugal_memory
from chatkit.store import Store
from tests.frames.stores import FIRST, answer, filled

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def pool() -> str:
    return str(pa.default_memory_pool().backend_name)


@pytest.fixture
def usual() -> str:
    """The pool of this process; one that is not the system's, where there is one."""
    found = next((name for name in pa.supported_memory_backends() if name != "system"), None)
    if found is None:
        pytest.skip("Arrow has no other pool here than the system's")
    return pool()


def test_the_last_of_several_readers_gives_the_usual_pool_back(usual: str) -> None:
    first, second = frugal_memory(), frugal_memory()
    with first:
        with second:
            assert pool() == "system"
        assert pool() == "system"
    assert pool() == usual


def test_a_load_that_fails_gives_it_back_too(tmp_path: Path, usual: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def fails(*_: object) -> None:
        seen.append(pool())
        raise KeyboardInterrupt

    monkeypatch.setattr(folder_scan.FolderScan, "read", fails)
    with pytest.raises(KeyboardInterrupt):
        ck.chunks_df(filled(tmp_path / "store"))
    assert (seen, pool()) == (["system"], usual)


def parts_of(frame: pd.DataFrame) -> int:
    """The bytes of all memory that a table of chunks keeps: of whole buffers, whatever the table shows of them."""
    numbers = [frame[name].to_numpy() for name in ("sequence", "offset_ms", "gap_ms", "n_chars", "accumulated_chars")]
    text = pa.chunked_array(frame["delta"].array.__arrow_array__())
    n_bytes: int = sum((one if one.base is None else one.base).nbytes for one in numbers) + text.get_total_buffer_size()
    return n_bytes


def test_a_few_rows_of_many_do_not_keep_the_others_in_memory(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    store.context(FIRST).append_message(answer(7, *((float(ms), "word ") for ms in range(20_000))))
    everything = ck.chunks_df(store, cache=False)
    few = ck.chunks_df(store, model="slow", cache=False)
    assert few["delta"].tolist() == ["f", "g"]
    assert parts_of(everything) > 20_000 * (5 * 8 + 8 + 5)
    assert parts_of(few) < 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much of the address space is used")
def test_one_response_with_much_text_does_not_foretell_as_much_of_all_others(tmp_path: Path) -> None:
    """The address space of the process is watched, in which a system may refuse what it would never have to give."""
    store = Store.create(tmp_path / "store")
    context = store.create_context()
    context.append_messages(
        [answer(0, (1.0, "x" * 17_000_000)), *(answer(number, (1.0, "y")) for number in range(1, 400))]
    )
    code = (
        "import resource, sys, chatkit as ck\n"
        "ck.chunks_df(sys.argv[2], cache=False)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 700_000_000, -1))\n"
        "print(ck.chunks_df(sys.argv[1], cache=False)['n_chars'].sum())"
    )
    small = filled(tmp_path / "small").path
    done = subprocess.run([sys.executable, "-c", code, store.path, small], capture_output=True, text=True, check=False)
    assert done.stdout == f"{17_000_000 + 399}\n", done.stderr
