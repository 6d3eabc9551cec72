"""What the scan asks of a store behind a URL: one listing, many reads at a time, and keys that tell a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

import chatkit as ck
from chatkit.frames import remote_files
from chatkit.frames.files import ABSENT, Listing, LocalFiles, files_in
from chatkit.frames.remote_files import RemoteFiles
from chatkit.store.remote_tree import Stat
from tests.frames.stores import FIRST, SECOND
from tests.frames.stores import filled as two_contexts
from tests.remote.places import Place, S3Server, in_memory, on_s3
from tests.store.trees import CONTEXT_ID, damage, filled, message_id, message_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatkit.store.remote import RemotePath


def files_of(place: Place) -> RemoteFiles:
    return RemoteFiles(cast("RemotePath", place.store().path / "contexts"))


def shape(listing: Listing) -> tuple[object, ...]:
    return listing.context_ids, sorted(listing.message_paths), listing.with_journals, listing.others


def keys(listing: Listing) -> dict[str, tuple[int, ...]]:
    return dict(zip(listing.message_paths, map(tuple, listing.message_keys.tolist()), strict=True))


def test_a_listing_is_that_of_the_folder(put: Callable[[Path], Place], tmp_path: Path) -> None:
    local = two_contexts(tmp_path / "store")
    (local.path / "contexts" / "notes.txt").write_text("x", encoding="utf-8")
    remote, here = files_of(put(local.path)), LocalFiles(local.path / "contexts")
    assert shape(remote.listing()) == shape(here.listing())
    assert shape(remote.listing([SECOND])) == shape(here.listing([SECOND]))
    nobody = "ffffffff-0000-4000-8000-000000000000"
    assert shape(remote.listing([nobody, FIRST])) == shape(here.listing([FIRST]))
    assert remote.listing().message_keys[:, 0].tolist() == [
        (local.path / "contexts" / path).stat().st_size for path in remote.listing().message_paths
    ]
    assert not (remote.listing().metadata_keys == np.array(ABSENT)).any()


def test_files_of_a_url_are_read_by_the_remote_reader(tmp_path: Path) -> None:
    place = in_memory(filled(tmp_path / "store").path)
    assert isinstance(files_in(place.store().path / "contexts"), RemoteFiles)
    assert isinstance(files_in(tmp_path), LocalFiles)


def test_a_place_without_contexts_is_empty(s3: S3Server, tmp_path: Path) -> None:
    for place in (in_memory(filled(tmp_path / "a").path), on_s3(s3, filled(tmp_path / "b").path)):
        assert RemoteFiles(cast("RemotePath", place.store().path / "conversations")).listing().context_ids == []


def test_files_come_in_the_order_asked_for_and_errors_in_the_place_of_files(
    put: Callable[[Path], Place], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_files, "_FILES_AT_ONCE", 2)
    local = filled(tmp_path / "store")
    remote = files_of(put(local.path))
    listed = sorted(remote.listing().message_paths, reverse=True)
    asked = [*listed[:3], f"{CONTEXT_ID}/messages/{message_id(9)}.json", *listed[3:]]
    found = list(remote.read(asked, [0] * len(asked)))
    assert isinstance(found.pop(3), FileNotFoundError)
    assert found == [(local.path / "contexts" / path).read_bytes() for path in listed]
    assert list(remote.read([], [])) == []


def test_a_batch_is_bounded_in_files_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = files_of(in_memory(filled(tmp_path / "store").path))
    size_of = {path: key[0] for path, key in keys(remote.listing()).items() if "/messages/" in path}
    paths, sizes = zip(*sorted(size_of.items()), strict=True)
    monkeypatch.setattr(remote_files, "_FILES_AT_ONCE", 4)
    assert [len(batch) for batch in remote_files._batches(paths, sizes)] == [4, 2]
    monkeypatch.setattr(remote_files, "_BYTES_AT_ONCE", sizes[0] + sizes[1])
    batches = list(remote_files._batches(paths, sizes))
    assert [path for batch in batches for path in batch] == [*paths]
    assert all(len(one) == 1 or sum(size_of[path] for path in one) <= sizes[0] + sizes[1] for one in batches)


def test_a_reader_may_stop_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_files, "_FILES_AT_ONCE", 1)
    remote = files_of(in_memory(filled(tmp_path / "store").path))
    listing = remote.listing()
    reading = remote.read(listing.message_paths, listing.message_keys[:, 0].tolist())
    assert isinstance(next(iter(reading)), bytes)
    del reading


def test_a_key_stays_until_the_file_is_written_anew(s3: S3Server, tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    place = on_s3(s3, local.path)
    remote = files_of(place)
    before = keys(remote.listing())
    assert keys(remote.listing()) == before
    changed = f"{CONTEXT_ID}/messages/{message_id(1)}.json"
    data = message_path(local, 1).read_bytes().replace(b"Hel", b"Jel")  # the same size
    s3.file_system().pipe_file(f"{place.url.removeprefix('s3://')}/contexts/{changed}", data)
    after = keys(remote.listing())
    assert {path for path in before if before[path] != after[path]} == {changed}
    assert all(key[1:3] == (0, 0) and 0 < key[3] < 2**63 for key in after.values())


def test_without_an_etag_the_time_tells_a_change() -> None:
    one = Stat.of({"size": 5, "type": "file", "mtime": 1_000.5})
    assert one == Stat(5, 1_000_500_000_000, 0)
    assert Stat.of({"size": 5, "type": "file", "mtime": 1_000.5}) == one
    assert Stat.of({"size": 5, "type": "file", "LastModified": "2026-11-23T09:00:00+00:00"}).st_mtime == 1_795_424_400


def test_without_an_etag_and_a_time_a_file_is_never_known_to_be_unchanged() -> None:
    assert Stat.of({"size": 5, "type": "file"}) != Stat.of({"size": 5, "type": "file"})


def test_a_store_is_listed_once_and_each_file_asked_for_once_and_many_at_a_time(s3: S3Server, tmp_path: Path) -> None:
    local = two_contexts(tmp_path / "store")
    remote = files_of(on_s3(s3, local.path))
    s3.requests.clear()
    listing = remote.listing()
    assert [request[:10] for request in s3.requests] == ["GET /bucke"]
    assert "list-type=2" in s3.requests[0]
    s3.requests.clear()
    s3.is_held = True
    assert all(isinstance(data, bytes) for data in remote.read(listing.message_paths, [0] * len(listing.message_paths)))
    assert len(s3.requests) == len(listing.message_paths)
    assert s3.peak > 1


def test_looking_at_contexts_asks_for_each_once(s3: S3Server, tmp_path: Path) -> None:
    place = on_s3(s3, two_contexts(tmp_path / "store").path)
    s3.requests.clear()
    store = place.store()
    assert len(s3.requests) == 1
    s3.requests.clear()
    [first, second] = store.contexts()
    assert len(s3.asked("list-type")) == 2  # the store's folder and contexts/
    assert len(s3.requests) == 2 + 2
    s3.requests.clear()
    assert len(first.messages()) + len(second.messages()) == len(s3.asked("/messages/"))
    assert len(s3.requests) == len(s3.asked("/messages/")) + len(s3.asked("index.json"))
    s3.requests.clear()
    assert store.message(second.message_ids[0]).message_id == second.message_ids[0]
    assert len(s3.asked("list-type")) == 1  # all files of the store
    assert len(s3.requests) == 2


def test_tables_of_a_store_on_s3_cost_a_listing_and_a_request_a_file(s3: S3Server, tmp_path: Path) -> None:
    local = two_contexts(tmp_path / "store")
    store = on_s3(s3, local.path).store()
    n_files = sum(path.suffix == ".json" for path in local.path.rglob("*"))
    s3.requests.clear()
    s3.is_held = True
    ck.chunks_df(store)
    assert len(s3.asked("list-type")) <= 5
    assert len(s3.requests) - len(s3.asked("list-type")) <= 2 * n_files
    assert s3.peak > 1


def test_a_table_made_again_asks_for_what_has_changed_only(s3: S3Server, tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    place = on_s3(s3, local.path)
    first = ck.chunks_df(place.store())
    s3.requests.clear()
    assert ck.chunks_df(place.store()).equals(first)
    assert s3.asked("/messages/") == []
    changed = f"contexts/{CONTEXT_ID}/messages/{message_id(1)}.json"
    data = (local.path / changed).read_bytes().replace(b"Hel", b"Jel")  # the same size
    s3.file_system().pipe_file(f"{place.url.removeprefix('s3://')}/{changed}", data)
    s3.requests.clear()
    again = ck.chunks_df(place.store())
    assert len(s3.asked("/messages/")) == 1
    assert again["delta"].tolist() == ["Jel", *first["delta"].tolist()[1:]]


def test_a_damaged_file_is_a_problem_and_the_rest_is_in_the_table(s3: S3Server, tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    damage(message_path(local, 1), b"{")
    store = on_s3(s3, local.path).store()
    with pytest.warns(ck.CorruptFileWarning, match="1 file with problems"):
        assert len(ck.messages_df(store)) == 5
    assert ck.problems_df(store)["path"].tolist() == [
        f"{store.path}/contexts/{CONTEXT_ID}/messages/{message_id(1)}.json"
    ]
