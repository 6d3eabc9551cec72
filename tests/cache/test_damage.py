"""A cache can be lost, spoilt or in the way at any moment: tables are the same, slower at worst."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pytest

import chatkit as ck
from chatkit.frames import segment_cache
from chatkit.frames.segment import UNFINISHED
from tests.cache.caches import load, message_file, parsed, segments
from tests.frames.stores import FIRST, answer, message_id, question

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatkit.store import Store

FILES = ("contexts.arrow", "places.arrow", "messages.arrow", "chunks-delta.arrow", "chunks-gap_ms.arrow")


def zeros_inside(path: Path) -> None:
    """Overwrite some bytes in the middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(bytes(32))


def cut(path: Path) -> None:
    """Cut the file in half."""
    os.truncate(path, path.stat().st_size // 2)


def other_header(path: Path) -> None:
    """Overwrite the beginning."""
    with path.open("r+b") as file:
        file.write(b"not an Arrow file")


def another_table(path: Path) -> None:
    """Put another of the segment's files in its place."""
    path.with_name("chunks-kind.arrow").replace(path)


def with_its_time(spoil: Callable[[Path], None]) -> Callable[[Path], None]:
    """Spoil a file as a bad disk would: its time of change stays."""

    def spoilt(path: Path) -> None:
        before = path.stat()
        spoil(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return spoilt


DAMAGE: dict[str, Callable[[Path], None]] = {
    "emptied": lambda path: os.truncate(path, 0),
    "cut": cut,
    "cut by a bad disk": with_its_time(cut),
    "another header": other_header,
    "zeros inside": zeros_inside,
    "gone": Path.unlink,
    "another table": another_table,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_segment_is_replaced(store: Store, kind: str, name: str) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    DAMAGE[kind](before / name)
    load(store)
    assert before not in segments(store)


def test_a_segment_whose_files_were_given_other_columns_is_replaced(store: Store) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    path = before / "messages.arrow"
    stat = path.stat()
    with path.open("wb") as file, pa.ipc.new_file(file, pa.schema([("path", pa.int8())])) as writer:
        writer.write_table(pa.table({"path": pa.array([1], pa.int8())}))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    load(store)
    assert before not in segments(store)


def test_a_cache_that_is_removed_is_made_again(store: Store, cache_root: Path) -> None:
    load(store)
    shutil.rmtree(cache_root)
    load(store)
    assert len(segments(store)) == 1


def test_a_file_in_the_place_of_the_cache_is_let_be(store: Store, cache_root: Path) -> None:
    cache_root.write_text("mine")
    load(store)
    assert cache_root.read_text() == "mine"


@pytest.mark.parametrize("failing", ["open", "fsync", "rename"])
def test_a_full_disk_leaves_no_half_segment(store: Store, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if failing == "fsync":
            patch.setattr(os, "fsync", full)
        else:
            patch.setattr(Path, failing, full)
        assert len(ck.chunks_df(store)) == 8
    assert segments(store) == []
    assert list(ck.cache_info(store).path.glob("*")) == []
    load(store)


def test_an_interruption_while_a_segment_is_written_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ck.chunks_df(store)
    assert list(ck.cache_info(store).path.glob("*")) == []
    load(store)


def test_what_a_killed_writer_left_is_swept_after_an_hour(store: Store) -> None:
    load(store)
    folder = ck.cache_info(store).path
    old, young = folder / f"{UNFINISHED}old", folder / f"{UNFINISHED}young"
    for path in (old, young):
        path.mkdir()
        (path / "contexts.arrow").write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    store.context(FIRST).append_message(question(6))
    load(store)
    assert not old.exists()
    assert young.exists()


def test_a_process_that_is_killed_while_it_writes_spoils_nothing(store: Store, cache_root: Path) -> None:
    code = (
        "import os, sys, chatkit as ck; from chatkit.frames import segment; real = os.fsync; seen = []\n"
        "def fsync(handle):\n"
        "    seen.append(handle)\n"
        "    os._exit(9) if len(seen) == 4 else real(handle)\n"
        "segment.os.fsync = fsync\n"
        "import time; now = time.time_ns; time.time_ns = lambda: now() + 60_000_000_000\n"
        "ck.chunks_df(sys.argv[1])\n"
    )
    environment = os.environ | {"CHATKIT_CACHE_DIR": str(cache_root)}
    done = subprocess.run([sys.executable, "-c", code, str(store.path)], env=environment, check=False)
    assert done.returncode == 9
    assert len(list(cache_root.rglob(f"{UNFINISHED}*"))) == 1
    load(store)
    assert len(segments(store)) == 1


def test_many_small_changes_are_put_together(store: Store) -> None:
    for number in range(100, 112):
        store.context(FIRST).append_message(answer(number, (10, "x"), (20, "y")))
        ck.chunks_df(store)
    load(store)
    assert len(segments(store)) <= 9
    assert ck.cache_info(store).n_live == 2 + 8 + 12


def test_dead_rows_are_removed_past_a_fifth(store: Store) -> None:
    for number in (0, 1, 2, 3, 4, 5):
        load(store)
        path = message_file(store, FIRST, message_id(number))
        path.write_bytes(path.read_bytes().replace(b"why?", b"how?").replace(b'"model":"fast"', b'"model":"FAST"'))
    load(store)
    found = ck.cache_info(store)
    assert found.n_live == 10
    assert found.n_dead <= 0.2 * (found.n_live + found.n_dead)


def test_segments_that_cannot_be_removed_are_tolerated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as where a mapped file can't be removed
    for number in range(100, 112):
        store.context(FIRST).append_message(answer(number, (10, "x"), (20, "y")))
        ck.chunks_df(store)
    load(store)


def test_two_processes_that_cached_the_same_rows_make_no_row_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ck.chunks_df(store)
    with monkeypatch.context() as patch:
        patch.setattr(segment_cache.SegmentCache, "segments", lambda *_: [])  # it began before the other had ended
        ck.chunks_df(store)
    assert len(segments(store)) == 2
    with parsed(monkeypatch) as again:
        load_twice = ck.chunks_df(store)
    assert (again, len(load_twice)) == ([], 8)
    load(store)


def test_a_cache_of_other_code_is_not_believed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ck.chunks_df(store)
    monkeypatch.setattr(segment_cache, "schema_digest", lambda: "another")
    assert segments(store) == []
    load(store)


def test_cache_info_says_where_it_is_and_what_of_it_holds(store: Store, cache_root: Path) -> None:
    assert ck.cache_info(store).written_at is None
    ck.responses_df(store)
    found = ck.cache_info(store.path)
    assert found.path.is_relative_to(cache_root)
    assert (found.n_segments, found.n_live, found.n_dead) == (1, 10, 0)
    assert found.n_bytes == sum(path.stat().st_size for path in found.path.rglob("*.arrow"))
    message_file(store, FIRST, message_id(1)).unlink()
    assert (ck.cache_info(store).n_live, ck.cache_info(store).n_dead) == (9, 1)
