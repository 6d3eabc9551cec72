"""What is taken from the cache, and what is parsed again: tables are always those of the files as they are."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import pytest

import chatkit as ck
from chatkit.errors import CorruptFileError, CorruptFileWarning
from chatkit.store import Store
from chatkit.store.folder import ContextFolder
from tests.cache.caches import load, message_file, parsed, segments
from tests.frames.stores import FIRST, SECOND, answer, message_id, question
from tests.store.trees import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cache.conftest import Clock

STAT = ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")


def test_a_second_load_parses_nothing_and_gives_the_same_tables(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ck.responses_df(store)
    with parsed(monkeypatch) as again:
        load_cached = [table(store) for table in (ck.responses_df, ck.chunks_df, ck.messages_df, ck.contexts_df)]
    assert again == []
    assert [len(frame) for frame in load_cached] == [4, 8, 8, 2]
    load(store)


def test_a_message_that_is_added_is_the_only_one_parsed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    load(store)
    store.context(FIRST).append_messages([question(6), answer(7, (10, "h"), (20, "i"))])
    with parsed(monkeypatch) as again:
        frame = ck.chunks_df(store)
    assert again == [message_id(6), message_id(7)]
    assert frame["delta"].tolist() == ["a", "b", "c", "thin", "d", "e", "h", "i", "f", "g"]
    load(store)


def test_a_message_that_was_rewritten_is_parsed_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    load(store)
    path = message_file(store, FIRST, message_id(1))
    path.write_bytes(path.read_bytes().replace(b'"delta":"b"', b'"delta":"B"'))  # of the same size, in the same file
    with parsed(monkeypatch) as again:
        frame = ck.chunks_df(store)
    assert again == [message_id(1)]
    assert frame["delta"].tolist()[:3] == ["a", "B", "c"]
    load(store)


def test_a_file_with_its_old_size_and_time_of_change_is_seen_to_be_another(store: Store) -> None:
    load(store)
    path = message_file(store, FIRST, message_id(1))
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"delta":"b"', b'"delta":"B"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert ck.chunks_df(store)["delta"].tolist()[:3] == ["a", "B", "c"]


def test_a_message_that_was_just_written_is_not_trusted_the_next_time(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.ahead_ns = 0  # files as young as the scan: they may change again without their times moving
    ck.responses_df(store)
    with parsed(monkeypatch) as again:
        ck.responses_df(store)
    assert len(again) == 8
    clock.ahead_ns = 60_000_000_000
    ck.responses_df(store)
    with parsed(monkeypatch) as at_last:
        load(store)
    assert len(at_last) == 4 * 8  # those without a cache


def test_times_in_whole_seconds_are_trusted_two_seconds_later(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatkit.frames import files  # noqa: PLC0415 - patched here alone

    real, entries = files._key_of, files._entries

    def coarse(path: str) -> tuple[int, int, int, int]:
        size, modified, changed, inode = real(path)
        return size, modified // 10**9 * 10**9, changed // 10**9 * 10**9, inode

    def coarse_entries(folder: str) -> Iterator[tuple[str, Any]]:
        for name, _ in entries(folder):
            yield name, SimpleNamespace(**dict(zip(STAT, coarse(f"{folder}/{name}"), strict=True)))

    monkeypatch.setattr(files, "_key_of", coarse)
    monkeypatch.setattr(files, "_entries", coarse_entries)
    clock.ahead_ns = 500_000_000
    ck.responses_df(store)
    with parsed(monkeypatch) as again:
        ck.responses_df(store)
    assert len(again) == 8


def test_a_clock_that_goes_back_makes_nothing_stale_be_believed(store: Store, clock: Clock) -> None:
    load(store)
    clock.ahead_ns = -3_600_000_000_000
    path = message_file(store, FIRST, message_id(1))
    path.write_bytes(path.read_bytes().replace(b'"delta":"b"', b'"delta":"B"'))
    assert ck.chunks_df(store)["delta"].tolist()[:3] == ["a", "B", "c"]
    load(store)


def test_a_message_and_a_context_that_are_gone_are_gone_from_the_tables(store: Store) -> None:
    load(store)
    shutil.rmtree(store.path / "contexts" / SECOND)
    message_file(store, FIRST, message_id(3)).unlink()
    with pytest.warns(CorruptFileWarning, match="has no message"):
        frame = ck.responses_df(store)
    assert [found[:8] for found in frame["message_id"]] == ["00000001", "00000005"]
    assert ck.contexts_df(store)["context_id"].tolist() == [FIRST]  # the warning was given once


def test_changes_of_metadata_and_index_are_seen_without_parsing_messages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(store)
    store.context(FIRST).set_title("Changed")
    with parsed(monkeypatch) as again:
        assert ck.contexts_df(store)["title"].tolist() == ["Changed", "Later"]
    assert again == []


def test_a_bad_file_is_named_each_time_and_parsed_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    message_file(store, FIRST, message_id(3)).write_bytes(b'{"schema": ')
    with parsed(monkeypatch) as first, pytest.warns(CorruptFileWarning, match="1 file with problems"):
        ck.responses_df(store.path)
    with parsed(monkeypatch) as again, pytest.warns(CorruptFileWarning, match=message_id(3)):
        frame = ck.responses_df(store.path)
    assert (len(first), again, len(frame)) == (8, [], 3)
    with pytest.raises(CorruptFileError, match=message_id(3)):
        ck.responses_df(Store(store.path, strict=True))


def test_a_file_that_could_not_be_opened_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = message_file(store, FIRST, message_id(3))
    data = path.read_bytes()
    path.unlink()
    path.mkdir()
    with pytest.warns(CorruptFileWarning):
        assert len(ck.responses_df(store.path)) == 3
    path.rmdir()
    path.write_bytes(data)
    with parsed(monkeypatch) as again:
        assert len(ck.responses_df(store.path)) == 4
    assert again == [message_id(3)]


@pytest.mark.parametrize("cause", [OSError("Too many open files"), RecursionError("too deep")])
def test_a_file_that_could_not_be_read_for_want_of_something_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, cause: Exception
) -> None:
    """A file that the models have to read, while too many others are open, or too little of the stack is left."""
    path = message_file(store, FIRST, message_id(3))
    path.write_bytes(path.read_bytes().replace(b'"delta":"d"', b'"delta":"\\ud83d"'))

    def fails(*_: object) -> NoReturn:
        raise CorruptFileError(str(path), "", str(cause)) from cause

    with monkeypatch.context() as patch:
        patch.setattr(ContextFolder, "message", fails)
        with pytest.warns(CorruptFileWarning, match=str(cause)):
            assert len(ck.responses_df(store.path)) == 3
    assert len(ck.responses_df(store.path)) == 4


def test_a_response_in_flight_is_read_anew_each_time_and_cached_when_it_has_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = store.open_stream(FIRST, model="live", durability="chunk")
    stream.append("x")
    assert ck.contexts_df(store)["current_state"].tolist()[0] == "streaming_llm_response"
    assert ck.chunks_df(store, model="live")["delta"].tolist() == ["x"]
    stream.append("y")
    assert ck.chunks_df(store, model="live")["delta"].tolist() == ["x", "y"]
    stream.finalize(finish_reason="stop")
    assert ck.responses_df(store, model="live")["status"].tolist() == ["complete"]
    with parsed(monkeypatch) as again:
        ck.responses_df(store)
    assert again == []


def test_a_store_that_is_only_read_is_not_written_to(store: Store) -> None:
    before = snapshot(store.path)
    load(store)
    assert snapshot(store.path) == before


def test_without_the_cache_nothing_is_written_anywhere(store: Store, cache_root: Path) -> None:
    for table in (ck.responses_df, ck.chunks_df, ck.messages_df, ck.contexts_df):
        table(store, cache=False)
    assert not cache_root.exists()


def test_one_context_is_asked_for_and_no_other_is_parsed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with parsed(monkeypatch) as first:
        ck.responses_df(store, context_id=SECOND)
    assert sorted(first) == [message_id(60), message_id(61)]
    with parsed(monkeypatch) as rest:
        load_all = ck.responses_df(store)
    assert (len(rest), len(load_all)) == (6, 4)
    load(store)


def test_what_the_owner_of_a_frame_writes_to_it_stays_there(store: Store) -> None:
    ck.chunks_df(store)
    mine = ck.chunks_df(store)
    for name in ("gap_ms", "n_chars", "is_stall", "timestamp"):
        mine.loc[0, name] = mine[name].iloc[1]
        mine[name].to_numpy()
    mine.loc[:, "offset_ms"] = -1.0
    mine["sequence"] *= 100
    load(store)


def test_metadata_of_messages_is_kept_so_that_any_label_can_be_asked_for_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ck.chunks_df(store)
    with parsed(monkeypatch) as again:
        assert ck.responses_df(store, labels="n")["n"].tolist() == [1, pd.NA, 2, pd.NA]
    assert again == []


def test_another_store_in_the_same_place_shares_nothing_with_the_first(store: Store, tmp_path: Path) -> None:
    load(store)
    other = Store.create(tmp_path / "other")
    other.create_context(context_id=FIRST).append_messages([answer(1, (5, "z"))])
    shutil.rmtree(store.path)
    shutil.copytree(other.path, store.path)
    assert ck.chunks_df(store.path)["delta"].tolist() == ["z"]
    assert json.loads((segments(store)[0].parents[1] / "place.json").read_text())["place"].endswith("contexts")


def test_tables_of_a_snapshot_are_of_one_moment(store: Store) -> None:
    load(store)
    with ck.snapshot():
        before = ck.responses_df(store)
        store.context(FIRST).append_message(answer(9, (10, "new")))
        assert ck.responses_df(store)["message_id"].tolist() == before["message_id"].tolist()
    assert len(ck.responses_df(store)) == len(before) + 1


def test_what_is_done_to_one_table_of_a_snapshot_is_in_no_other(store: Store) -> None:
    load(store)
    expected = [ck.chunks_df(store), ck.responses_df(store), ck.contexts_df(store)]
    with ck.snapshot():
        for table in (ck.messages_df, ck.chunks_df, ck.responses_df):
            frame = table(store)
            for name in frame.columns:
                if frame[name].dtype in ("float64", "int64"):
                    frame.loc[:, name] = 0
        found = [ck.chunks_df(store), ck.responses_df(store), ck.contexts_df(store)]
        few = ck.chunks_df(store, columns=["delta", "gap_ms"])
    for frame, wanted in zip(found, expected, strict=True):
        pd.testing.assert_frame_equal(frame, wanted)
    pd.testing.assert_frame_equal(few, expected[0][["delta", "gap_ms"]])


def test_a_snapshot_goes_on_where_its_cache_is_gone(store: Store) -> None:
    load(store)
    with ck.snapshot():
        before = ck.chunks_df(store)
        for segment in segments(store):
            segment.unlink()
        pd.testing.assert_frame_equal(ck.chunks_df(store), before)
