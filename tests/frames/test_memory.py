"""While files are read, Arrow takes its memory from the system; before and after, from where it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import chatkit as ck
from chatkit.frames import folder_scan
from chatkit.frames.memory import frugal_memory
from tests.frames.stores import filled

if TYPE_CHECKING:
    from pathlib import Path


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
