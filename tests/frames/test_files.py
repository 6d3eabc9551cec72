"""The files of a folder of contexts are listed the same, however the system lets it be looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import chatkit as ck
from chatkit.frames import files
from chatkit.frames.files import LocalFiles
from tests.frames.stores import FIRST, SECOND, filled, message_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def contexts(tmp_path: Path) -> Path:
    """Two contexts; in one a journal, a folder and a link to nowhere named like messages, and what is none."""
    folder = filled(tmp_path / "store").path / "contexts"
    messages = folder / FIRST / "messages"
    (messages / "0a0e3f5e-0000-4000-8000-00000000000b.journal.jsonl").touch()
    (messages / f"{message_id(70)}.json").mkdir()
    (messages / "notes.json").touch()
    if os.name != "nt":
        (messages / f"{message_id(71)}.json").symlink_to(messages / "nowhere")
    return folder


@pytest.mark.skipif(not files._HAS_HANDLES, reason="no folder can be opened here")
def test_a_folder_that_is_opened_and_one_that_is_scanned_list_the_same(
    contexts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = LocalFiles(contexts).listing()
    monkeypatch.setattr(files, "_entries", files._entries_by_scan)
    scanned = LocalFiles(contexts).listing()
    assert opened.context_ids == scanned.context_ids == sorted([FIRST, SECOND])
    assert opened.with_journals == scanned.with_journals == {FIRST}
    keys = [
        dict(zip(found.message_paths, map(tuple, found.message_keys.tolist()), strict=True))
        for found in (opened, scanned)
    ]
    assert keys[0] == keys[1]
    there = [path for path in contexts.glob("*/messages/????????-*.json") if path.exists()]
    assert set(keys[0]) == {path.relative_to(contexts).as_posix() for path in there}
    assert len(keys[0]) == 9
    for path, key in keys[0].items():
        stat = (contexts / path).stat()
        assert key == (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    assert np.array_equal(opened.index_keys, scanned.index_keys)


def test_no_folder_is_left_open(contexts: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - one path of one system
        pytest.skip("only Linux shows what is open")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as above
    for _ in range(20):
        LocalFiles(contexts).listing()
    (contexts / SECOND / "messages").rename(contexts / SECOND / "elsewhere")
    (contexts / SECOND / "messages").touch()
    assert SECOND in LocalFiles(contexts).listing().context_ids
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


@pytest.mark.parametrize("listed", [0, 1, 99_999, 100_000, 100_001, 1_000_000])
def test_a_file_is_read_whole_whatever_size_it_was_listed_with(tmp_path: Path, listed: int) -> None:
    data = bytes(range(250)) * 400
    (tmp_path / "one.json").write_bytes(data)
    (tmp_path / "empty.json").touch()
    paths = ["one.json", "nothing.json", "empty.json"]
    one, nothing, empty = LocalFiles(tmp_path).read(paths, [listed] * 3)
    assert (one, empty) == (data, b"")
    assert isinstance(nothing, FileNotFoundError)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
@pytest.mark.parametrize("cache", [True, False])
def test_names_that_are_no_text_stop_no_table(tmp_path: Path, *, cache: bool) -> None:
    """Of a folder above the store, and of a file among the messages."""
    store = filled(tmp_path / os.fsdecode(b"store-\xff"))
    expected = ck.messages_df(filled(tmp_path / "plain"), cache=False)
    (store.path / "contexts" / FIRST / "messages" / os.fsdecode(b"\xff.json")).touch()
    for _ in range(2):
        pd.testing.assert_frame_equal(ck.messages_df(store, cache=cache), expected)
