"""The cache under fire: whatever happens to it, tables are those of a load without it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import chatkit as ck
from benchmarks.store_generator import generate
from chatkit.frames import folder_scan, segment
from chatkit.frames.segment_cache import SegmentCache

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TABLES: tuple[Any, ...] = (ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df)
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork and no limits on file sizes")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of 12 messages."""
    return generate(tmp_path / "store", 12, longest=20).path


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust files as soon as they are written."""
    monkeypatch.setattr(folder_scan, "_TICK_NS", 0)


@pytest.fixture
def cached(store: Path, trusting: None) -> Path:  # noqa: ARG001 - what is cached is trusted
    """The folder of the store's segments, of which there is one."""
    hold(store)
    folder = SegmentCache.of(os.path.realpath(store / "contexts")).folder
    assert len(segments(folder)) == 1
    return folder


def segments(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def plain(store: Path) -> list[pd.DataFrame]:
    """The tables without a cache."""
    return [table(store, cache=False) for table in TABLES]


def hold_to(store: Path, expected: list[pd.DataFrame]) -> None:
    """Tables with the cache are these."""
    for table, frame in zip(TABLES, expected, strict=True):
        pd.testing.assert_frame_equal(table(store), frame)


def hold(store: Path) -> None:
    """Tables with the cache are those without it, and so they are the next time."""
    expected = plain(store)
    hold_to(store, expected)
    hold_to(store, expected)


@needs_fork
def test_four_loading_and_two_writing_processes_killed_at_random_moments(tmp_path: Path) -> None:
    """A loader never gets less, older or torn rows; see fire.py, which runs for as long as it is told to."""
    code = "import sys, json, pathlib; from tests.loading.fire import burn; "
    code += "print(json.dumps(burn(pathlib.Path(sys.argv[1]), 6.0)))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["failed"] == 0, done.stderr
    assert said["killed"] > 5
    assert said["versions"] > 5
    assert 1 <= said["segments"] <= 16


@needs_fork
@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("n_bytes", [0, 1, 300, 1_000, 4_000, 10_000])
def test_a_disk_that_is_full_in_mid_file_costs_time_only(store: Path, n_bytes: int, cache_dir: Path) -> None:
    """No file can grow beyond so many bytes: the system itself refuses the write."""
    import resource  # noqa: PLC0415 - Windows has none

    expected = plain(store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        found = [table(store) for table in TABLES]
        with pytest.raises(OSError, match="File too large"):
            (store.parent / "probe").write_bytes(b"x" * (n_bytes + 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    for got, frame in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(got, frame)
    if n_bytes < 4_000:
        assert not list(cache_dir.rglob(f"*{segment.SUFFIX}")), "a part of a segment was left"
    hold(store)


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename", "utime"])
def test_a_disk_that_refuses_one_call_costs_time_only(store: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os if call in {"fsync", "utime"} else Path, call, refuse)
        hold(store)
    hold(store)


def test_a_cache_folder_that_cannot_be_made_costs_time_only(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for inside in ("file", "file/below"):
        monkeypatch.setenv("CHATKIT_CACHE_DIR", str(tmp_path / inside))
        hold(store)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "no folder"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="these permissions bind only users")
def test_a_read_only_cache_is_read_and_costs_time_only(cached: Path, store: Path) -> None:
    _change_something(store)
    cached.chmod(0o500)
    try:
        hold(store)
        assert len(segments(cached)) == 1
    finally:
        cached.chmod(0o700)


def test_a_deleted_cache_is_made_anew(cached: Path, store: Path, cache_dir: Path) -> None:
    shutil.rmtree(cache_dir)
    hold(store)
    assert len(segments(cached)) == 1


def test_a_file_of_the_cache_that_is_gone_or_cut_off_anywhere_is_not_believed(cached: Path, store: Path) -> None:
    pristine = shutil.copytree(cached, cached.parent / "pristine")
    expected = plain(store)
    for share in (None, *(twentieths / 20 for twentieths in range(20))):
        path = _restored(pristine, cached)
        if share is None:
            path.unlink()
        else:
            os.truncate(path, int(share * path.stat().st_size))
        hold_to(store, expected)


def test_a_byte_that_was_changed_anywhere_in_the_cache_is_not_believed(cached: Path, store: Path) -> None:
    pristine = shutil.copytree(cached, cached.parent / "pristine")
    expected = plain(store)
    n_bytes = segments(pristine)[0].stat().st_size
    for at in range(0, n_bytes, n_bytes // 50):
        with _restored(pristine, cached).open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0xFF]))
        hold_to(store, expected)


def _restored(pristine: Path, cached: Path) -> Path:
    """Put the cache back as it was, times of change included; return its segment."""
    shutil.rmtree(cached)
    shutil.copytree(pristine, cached)
    return segments(cached)[0]


def _messages(store: Path) -> Iterator[Path]:
    yield from sorted(store.glob("contexts/*/messages/*.json"))


def _change_something(store: Path) -> None:
    path = next(_messages(store))
    path.write_bytes(path.read_bytes().replace(b"sky", b"high sky"))


def _same_size(data: bytes) -> bytes:
    return data.replace(b'"timestamp":"2026-', b'"timestamp":"2025-').replace(b"Explain", b"Exclaim")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no time at which a file's content changed")
def test_a_file_rewritten_in_the_same_tick_with_the_same_size_is_read_again(store: Path) -> None:
    """Its time of change is put back, too; and it is rewritten right after it was loaded, again and again."""
    for _ in range(3):
        hold(store)
        for path in _messages(store):
            before = path.stat()
            data = path.read_bytes()
            path.write_bytes(_same_size(data) if b"Exclaim" not in data else data.replace(b"Exclaim", b"Explain"))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert path.stat().st_size == before.st_size
        hold(store)


def test_a_file_that_took_the_place_of_another_with_the_same_size_and_time_is_read(cached: Path, store: Path) -> None:
    del cached
    for path in _messages(store):
        before = path.stat()
        other = path.with_name("new.part")
        other.write_bytes(_same_size(path.read_bytes()))
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(path)
    hold(store)


@pytest.mark.parametrize("moment_s", [0, 1_000_000_000, 4_000_000_000])
def test_files_from_the_past_and_the_future_are_read_when_they_change(store: Path, moment_s: int) -> None:
    for path in _messages(store):
        os.utime(path, (moment_s, moment_s))
    hold(store)
    path = next(_messages(store))
    path.write_bytes(_same_size(path.read_bytes()))
    os.utime(path, (moment_s - 5 if moment_s else 0, moment_s - 5 if moment_s else 0))
    hold(store)


@pytest.mark.parametrize("jump_s", [-86_400, -10, 3])
def test_a_clock_that_jumps_before_a_load_changes_nothing(
    cached: Path, store: Path, jump_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that seem to come from the future are not cached, and read each time."""
    now_ns = time.time_ns()
    monkeypatch.setattr(folder_scan, "time", SimpleNamespace(time_ns=lambda: now_ns + jump_s * 1_000_000_000))
    for seed in (1, 2):
        _change_something(store)
        generate(store, 2, seed=seed, longest=5)
        hold(store)
    assert cached.exists()


def test_segments_in_the_wrong_order_change_nothing(cached: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named by the clock, which goes back a day each time it is asked."""
    days = count(1)
    now_ns = time.time_ns()
    clock = SimpleNamespace(time_ns=lambda: now_ns - next(days) * 86_400_000_000_000)
    monkeypatch.setattr(segment, "time", clock)
    for seed in (1, 2, 3):
        _change_something(store)
        generate(store, 2, seed=seed, longest=5)
        hold(store)
    assert len(segments(cached)) > 1


def test_contexts_that_are_deleted_are_gone(cached: Path, store: Path) -> None:
    gone = next((store / "contexts").iterdir())
    shutil.rmtree(gone)
    hold(store)
    assert gone.name not in set(ck.chunks_df(store)["context_id"])
    assert cached.exists()


def test_what_killed_writers_left_is_swept(cached: Path, store: Path) -> None:
    left = cached / f"{segment.UNFINISHED}00000000000000000001-dead"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    _change_something(store)
    hold(store)
    assert not left.exists()


def test_a_store_that_grows_and_changes_for_long_keeps_few_segments(cached: Path, store: Path) -> None:
    for seed in range(1, 17):
        generate(store, 2, seed=seed, longest=5)
        _change_something(store)
        ck.chunks_df(store)
    hold(store)
    assert len(segments(cached)) <= 9
