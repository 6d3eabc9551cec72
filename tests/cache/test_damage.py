"""A cache can be lost, spoilt or in the way at any moment: tables are the same, slower at worst."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
import time
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pytest

import chatkit as ck
from chatkit.frames import segment, segment_cache
from chatkit.frames.part import CHUNKS
from chatkit.frames.segment import SUFFIX, UNFINISHED
from tests.cache.caches import load, message_file, parsed, segments
from tests.frames.stores import FIRST, answer, message_id, question

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatkit.store import Store

TABLES = ("contexts", "places", "messages", *CHUNKS)
"""In their order in a segment."""


def tables_in(path: Path) -> list[bytes]:
    """The tables of a segment, each as the stream that it is, by Arrow's own account; then where they end."""
    streams, data = [], path.read_bytes()
    reader = pa.BufferReader(data)
    for _ in TABLES:
        start = reader.tell()
        pa.ipc.open_stream(reader).read_all()
        streams.append(data[start : reader.tell()])
    assert b"".join([*streams, ends_of(streams)]) == data
    return streams


def ends_of(streams: list[bytes]) -> bytes:
    """Where each table ends, as a segment tells it: whole numbers of eight bytes, the lowest first."""
    return b"".join(end.to_bytes(8, "little") for end in accumulate(map(len, streams)))


def zeros_inside(stream: bytes) -> bytes:
    """Overwrite some bytes in the middle."""
    half = len(stream) // 2
    return stream[:half] + bytes(32) + stream[half + 32 :]


def cut(stream: bytes) -> bytes:
    """Leave out the second half."""
    return stream[: len(stream) // 2]


def other_header(stream: bytes) -> bytes:
    """Overwrite the beginning."""
    other = b"not an Arrow stream"
    return other + stream[len(other) :]


def another_table(_: bytes) -> bytes:
    """Put another table in its place."""
    return stream_of(pa.table({"path": pa.array([1], pa.int8())}))


def stream_of(table: pa.Table) -> bytes:
    """Write a table."""
    with io.BytesIO() as file:
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
        return file.getvalue()


def last_row_twice(stream: bytes) -> bytes:
    """Give a table a row more."""
    table = pa.ipc.open_stream(stream).read_all()
    return stream_of(pa.concat_tables([table, table.slice(len(table) - 1)]).combine_chunks())


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "gone": lambda _: b"",
    "cut": cut,
    "another header": other_header,
    "zeros inside": zeros_inside,
    "another table": another_table,
    "a row more": last_row_twice,
}
SEEN_WITHOUT_THE_TIME = ("gone", "cut", "another table", "a row more")
"""A bad disk changes a file and not its time; changed values it may leave unseen, a changed structure not."""


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_segment_is_replaced(store: Store, kind: str, table: str) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    spoil(before, kind, table)
    load(store)
    assert before not in segments(store)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", SEEN_WITHOUT_THE_TIME)
def test_a_segment_that_a_bad_disk_damaged_is_replaced(store: Store, kind: str, table: str) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    stat = before.stat()
    spoil(before, kind, table)
    os.utime(before, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    load(store)
    assert before not in segments(store)


@pytest.mark.parametrize("n_bytes", [0, 1, 104, -1, -8, -104])
def test_a_segment_of_another_length_is_replaced(store: Store, n_bytes: int) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    os.truncate(before, max(n_bytes if n_bytes >= 0 else before.stat().st_size + n_bytes, 0))
    load(store)
    assert before not in segments(store)


@pytest.mark.parametrize("ends", [range(13), range(13, 0, -1), [0] * 13, [2**62] * 13, [-1] * 13])
def test_a_segment_whose_tables_end_elsewhere_is_replaced(store: Store, ends: Sequence[int]) -> None:
    ck.chunks_df(store)
    [before] = segments(store)
    stat = before.stat()
    told = b"".join(end.to_bytes(8, "little", signed=True) for end in ends)
    before.write_bytes(b"".join(tables_in(before)) + told)
    os.utime(before, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    load(store)
    assert before not in segments(store)


def spoil(path: Path, kind: str, table: str) -> None:
    """Damage one table of a segment; where each ends is told."""
    streams = tables_in(path)
    place = TABLES.index(table)
    streams[place] = DAMAGE[kind](streams[place])
    path.write_bytes(b"".join([*streams, ends_of(streams)]))


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
        path.write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    store.context(FIRST).append_message(question(6))
    load(store)
    assert not old.exists()
    assert young.exists()


def test_a_process_that_is_killed_while_it_writes_spoils_nothing(store: Store, cache_root: Path) -> None:
    code = (
        "import os, sys, chatkit as ck; from chatkit.frames import segment\n"
        "segment.os.utime = lambda *_, **__: os._exit(9)\n"
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
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise PermissionError(errno.EACCES, "it is mapped")

    monkeypatch.setattr(Path, "unlink", refuse)  # as on Windows
    for number in range(100, 112):
        store.context(FIRST).append_message(answer(number, (10, "x"), (20, "y")))
        ck.chunks_df(store)
    load(store)


def test_a_segment_that_cannot_be_opened_just_now_is_let_be(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    load(store)
    [before] = segments(store)
    with monkeypatch.context() as patch:
        patch.setattr(segment, "mmap", refuse)
        load(store)
    assert before in segments(store)
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
    assert found.n_bytes == sum(path.stat().st_size for path in found.path.rglob(f"*{SUFFIX}"))
    message_file(store, FIRST, message_id(1)).unlink()
    assert (ck.cache_info(store).n_live, ck.cache_info(store).n_dead) == (9, 1)
