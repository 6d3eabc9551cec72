"""A store behind a URL says the same as the folder that was put there."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING

import fsspec
import pandas as pd
import pytest
from upath import UPath

import chatkit as ck
from chatkit.errors import CorruptFileError, CorruptFileWarning, NotFoundError
from chatkit.store import Store
from tests.remote.places import Place, S3Server, in_archive, in_memory, on_s3
from tests.store.trees import CONTEXT_ID, LEGACY, damage, filled, message_id, message_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLES = (ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df)


def assert_same_tables(remote: Store, local: Store) -> None:
    for table in TABLES:
        pd.testing.assert_frame_equal(table(remote), table(local))


def test_contexts_messages_and_tables_are_those_of_the_folder(put: Callable[[Path], Place], tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    remote = put(local.path).store()
    assert [context.metadata for context in remote.contexts()] == [context.metadata for context in local.contexts()]
    assert remote.context(CONTEXT_ID[:8]).messages() == local.context(CONTEXT_ID).messages()
    assert remote.message(message_id(1)[:8]).describe() == local.message(message_id(1)).describe()
    assert remote.context_of(message_id(1)) is not None
    assert_same_tables(remote, local)


@pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")
@pytest.mark.parametrize(("old", "below"), [("single-file", ""), ("split", ""), ("split", "/data/contexts")])
def test_both_old_formats_are_read(put: Callable[[Path], Place], old: str, below: str) -> None:
    assert_same_tables(put(LEGACY / old).store(below), Store(LEGACY / old))


def test_the_file_of_one_old_context_is_a_store() -> None:
    place = in_memory(LEGACY / "single-file")
    name = "87e3f1b9-b91f-54a2-9592-9c1368847993.json"
    assert [c.context_id for c in place.store(f"/conversations/{name}").contexts()] == [name.removesuffix(".json")]


def test_formats_can_be_mixed(put: Callable[[Path], Place], tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    shutil.copytree(LEGACY / "split" / "data", local.path / "data")
    found = {context.context_id: context.format_name for context in put(local.path).store().contexts()}
    assert found == {context.context_id: context.format_name for context in Store(local.path).contexts()}
    assert set(found.values()) == {"chatkit", "split"}


def test_a_damaged_file_is_named_by_its_url_and_the_others_are_read(
    put: Callable[[Path], Place], tmp_path: Path
) -> None:
    local = filled(tmp_path / "store")
    damage(message_path(local, 1), b'{"cut": ')
    place = put(local.path)
    remote = place.store()
    with pytest.warns(CorruptFileWarning, match="1 file with problems"):
        assert len(remote.context(CONTEXT_ID).messages()) == 5
    (problem,) = remote.problems()
    url, _, archive = place.url.partition("::")
    tail = f"::{archive}" if archive else ""
    assert problem.path == f"{url}/contexts/{CONTEXT_ID}/messages/{message_id(1)}.json{tail}"
    assert problem.where == "line 1 column 9"
    with pytest.raises(CorruptFileError, match=r"memory:|s3:|zip:"):
        remote.message(message_id(1))


def test_the_problems_are_those_of_the_folder(put: Callable[[Path], Place], tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    damage(message_path(local, 1), b"{}")
    message_path(local, 2).unlink()
    expected = [problem[1:] for problem in Store(local.path).problems()]
    assert {problem[1] for problem in expected} == {message_id(1), message_id(2)}
    assert [problem[1:] for problem in put(local.path).store().problems()] == expected


def test_a_store_is_pickled_with_the_way_to_it(put: Callable[[Path], Place], tmp_path: Path) -> None:
    remote = put(filled(tmp_path / "store").path).store(strict=True)
    copied = pickle.loads(pickle.dumps(remote))  # noqa: S301 - our own
    assert copied.message(message_id(1)) == remote.message(message_id(1))
    assert str(copied.path) == str(remote.path)
    context = pickle.loads(pickle.dumps(remote.context(CONTEXT_ID)))  # noqa: S301
    assert context.message_ids == remote.context(CONTEXT_ID).message_ids


def test_an_unknown_id_is_said_to_be_unknown(put: Callable[[Path], Place], tmp_path: Path) -> None:
    remote = put(filled(tmp_path / "store").path).store()
    with pytest.raises(NotFoundError, match="among the 1 of this store"):
        remote.context("ffffffff")
    with pytest.raises(NotFoundError, match="among the 6 of this store"):
        remote.message("ffffffff")


def test_what_was_written_elsewhere_since_is_seen(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    place = in_memory(local.path)
    remote = place.store()
    assert len(remote.context(CONTEXT_ID).messages()) == 6
    local.create_context(title="Wasps").append_message(ck.Message.from_text("later"))
    local.context(CONTEXT_ID).append_message(ck.Message.from_text("more", message_id=message_id(9)))
    _put_again(local.path, place)
    assert {context.title for context in remote.contexts()} == {"Bees", "Wasps"}
    assert len(remote.context(CONTEXT_ID).messages()) == 7
    assert remote.message(message_id(9)).content == "more"
    assert len(ck.messages_df(remote)) == 8


def test_an_archive_that_was_packed_anew_is_seen_by_a_store_that_is_opened_anew(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    assert len(in_archive(local.path, tmp_path / "store.zip").store().contexts()) == 1
    local.create_context(title="Wasps")
    assert len(in_archive(local.path, tmp_path / "store.zip").store().contexts()) == 2


def test_a_upath_brings_its_options(s3: S3Server, tmp_path: Path) -> None:
    place = on_s3(s3, filled(tmp_path / "store").path)
    path = UPath(place.url, **place.options)
    assert [context.title for context in Store(path).contexts()] == ["Bees"]


def test_its_name_costs_no_request(s3: S3Server, tmp_path: Path) -> None:
    store = on_s3(s3, filled(tmp_path / "store").path).store()
    s3.requests.clear()
    assert repr(store) == f"<Store {store.path}>"
    assert s3.requests == []
    assert "Bees" in store._repr_html_()


def _put_again(folder: Path, place: Place) -> None:
    fsspec.filesystem("memory").put(f"{folder}/", place.url.removeprefix("memory:/"), recursive=True)


def test_a_response_in_flight_is_read_as_far_as_it_came(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    stream = local.open_stream(CONTEXT_ID, model="m", durability="chunk")
    stream.append("so far")
    remote = in_memory(local.path).store()
    assert remote.message(stream.message_id).content == "so far"
    assert remote.context(CONTEXT_ID).current_state == "streaming_llm_response"
    stream.finalize(finish_reason="stop")


def test_a_report_and_a_player_are_made_of_it(tmp_path: Path) -> None:
    local = filled(tmp_path / "store")
    place = in_memory(local.path)
    remote = place.store()
    ck.report(remote, tmp_path / "report.html")
    assert "Hello" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ck.Player(remote.message(message_id(1))) is not None
