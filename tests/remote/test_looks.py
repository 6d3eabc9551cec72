"""Within one look what was listed is remembered; the next one, or another thread's, sees what has come since."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import fsspec
import pandas as pd
import pytest

import chatkit as ck
from chatkit.store.remote import list_ahead, looking, names_in, path_of, read_ahead
from tests.remote.places import BUCKET, Place, S3Server, in_archive, in_memory
from tests.store.trees import CONTEXT_ID, filled

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store import Store


@pytest.fixture
def remote(tmp_path: Path) -> Store:
    return in_memory(filled(tmp_path / "store").path).store()


def add(store: Store, name: str) -> None:
    fsspec.filesystem("memory").pipe_file(f"{str(store.path).removeprefix('memory:/')}/{name}", b"{}")


def test_a_look_remembers_what_it_listed_and_the_next_asks_again(remote: Store) -> None:
    with looking(remote.path):
        before = names_in(remote.path)
        add(remote, "later.json")
        assert names_in(remote.path) == before
        assert not (remote.path / "later.json").exists()
    assert "later.json" in names_in(remote.path)


def test_a_look_inside_a_look_is_the_same_one(remote: Store) -> None:
    with looking(remote.path):
        list_ahead(remote.path)
        with looking(remote.path):
            add(remote, "later.json")
        assert "later.json" not in names_in(remote.path)


def test_a_listed_tree_knows_its_folders_and_what_is_not_there(remote: Store) -> None:
    with looking(remote.path):
        list_ahead(remote.path)
        assert set(names_in(remote.path)) >= {"contexts", "store.json"}
        assert names_in(remote.path / "contexts") == [CONTEXT_ID]
        assert (remote.path / "contexts").is_dir()
        assert not (remote.path / "data" / "contexts" / "x").exists()
        with pytest.raises(FileNotFoundError, match=f"{remote.path}/data"):
            names_in(remote.path / "data")


def test_another_thread_looks_for_itself(remote: Store) -> None:
    with looking(remote.path), ThreadPoolExecutor(1) as other:
        names_in(remote.path)
        read_ahead([remote.path / "store.json"])
        add(remote, "later.json")
        add(remote, "store.json")
        assert "later.json" in other.submit(names_in, remote.path).result()
        assert other.submit((remote.path / "store.json").read_bytes).result() == b"{}"
        assert (remote.path / "store.json").read_bytes() != b"{}"  # as this thread has read it ahead
        assert (remote.path / "store.json").read_bytes() == b"{}"  # once


def test_many_threads_read_one_store(remote: Store, tmp_path: Path) -> None:
    expected = ck.messages_df(tmp_path / "store")
    with ThreadPoolExecutor(8) as threads:
        frames = list(threads.map(lambda _: ck.messages_df(remote), range(16)))
    for frame in frames:
        pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("memory://team/store", ("team", "store", "contexts")),
        ("memory://", ("contexts",)),
        ("zip://store::{archive}", ("store.zip", "store", "contexts")),
        ("zip://::{archive}", ("store.zip", "contexts")),
        ("zip::{archive}", ("store.zip", "contexts")),
    ],
)
def test_a_remote_path_has_parts_and_a_name(tmp_path: Path, url: str, parts: tuple[str, ...]) -> None:
    in_archive(filled(tmp_path / "store").path, tmp_path / "store.zip")
    path = path_of(url.format(archive=(tmp_path / "store.zip").as_posix())) / "contexts"
    assert path.parts[-len(parts) :] == parts
    assert (path.name, path.parent.name) == ("contexts", parts[-2] if len(parts) > 1 else "")
    assert path_of(str(path)) == path


@pytest.mark.parametrize("folder", ["with space", "a[1]b", "öäü", "100%", "a+b", "star*"])
def test_any_name_will_do(s3: S3Server, tmp_path: Path, folder: str) -> None:
    local = filled(tmp_path / "store")
    path = f"{BUCKET}/{folder}/store"
    for file in local.path.rglob("*.json"):
        s3.file_system().pipe_file(f"{path}/{file.relative_to(local.path).as_posix()}", file.read_bytes())
    store = Place(f"s3://{path}", s3.options).store()
    assert len(store.contexts()[0].messages()) == 6
    pd.testing.assert_frame_equal(ck.chunks_df(store), ck.chunks_df(local))
    assert store.problems() == []
