"""What a table can be made of, and which rows of it are wanted."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import chatkit as ck
from chatkit.errors import FormatError, NotFoundError
from chatkit.store import Store
from tests.frames.stores import FIRST, MADE_AT, SECOND, answer, filled, message_id

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def numbers(frame: pd.DataFrame) -> list[int]:
    """The numbers of the messages in a table, in its order."""
    return [int(found[:8], 16) for found in frame["message_id"].astype(str)]


def test_a_store_its_path_and_a_list_of_either_give_the_same_table(store: Store) -> None:
    expected = ck.responses_df(store)
    assert numbers(expected) == [1, 3, 5, 61]
    for source in (store.path, str(store.path), [store], (store.path, store), iter([store])):
        pd.testing.assert_frame_equal(ck.responses_df(source), expected)


def test_a_context_is_a_source(store: Store) -> None:
    assert numbers(ck.responses_df(store.context(SECOND))) == [61]


def test_contexts_come_in_their_order_however_they_were_listed(store: Store) -> None:
    backwards = store.contexts()[::-1]
    assert numbers(ck.responses_df(backwards)) == [1, 3, 5, 61]


@pytest.mark.parametrize("table", [ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df])
def test_a_context_that_is_named_twice_counts_once(store: Store, table: Any) -> None:
    first, second = store.contexts()
    again = store.context(first.context_id)
    pd.testing.assert_frame_equal(table([first, first, again, second, second]), table([first, second]))


@pytest.mark.parametrize("table", [ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df])
def test_contexts_of_a_store_beside_those_of_its_backup_are_those_of_the_store(
    store: Store, tmp_path: Path, table: Any
) -> None:
    backup = Store(shutil.copytree(store.path, tmp_path / "backup"))
    pd.testing.assert_frame_equal(table([*store.contexts(), *backup.contexts()]), table(store))


def test_a_message_that_an_index_lists_twice_is_the_same_by_path_and_as_a_context(store: Store) -> None:
    path = store.path / "contexts" / FIRST / "index.json"
    index = json.loads(path.read_bytes())
    path.write_text(json.dumps(index | {"messages": [*index["messages"], index["messages"][1]]}), encoding="utf-8")
    pd.testing.assert_frame_equal(ck.messages_df(store.contexts()), ck.messages_df(store.path, cache=False))


@pytest.mark.parametrize("table", [ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df])
def test_of_no_columns_there_are_as_many_rows(store: Store, table: Any) -> None:
    assert table(store, columns=[]).shape == (len(table(store)), 0)
    assert table(store, columns=[], model="slow").shape == (len(table(store, model="slow")), 0)


def test_a_message_is_a_source_and_so_are_several(store: Store) -> None:
    message = store.message(message_id(3))
    assert numbers(ck.responses_df(message)) == [3]
    assert numbers(ck.responses_df(store.context(FIRST).messages())) == [1, 3, 5]
    assert ck.chunks_df(message)["delta"].tolist() == ["thin", "d"]


def test_a_message_that_no_store_holds_is_a_source_and_its_turn_is_unknown() -> None:
    frame = ck.responses_df(answer(7, (10, "a")))
    assert numbers(frame) == [7]
    assert frame.loc[0, ["turn", "response_index", "context_id"]].isna().all()


def test_a_context_beside_one_of_its_messages_gives_that_message_once(store: Store) -> None:
    assert numbers(ck.responses_df([store, store.message(message_id(3))])) == [1, 3, 5, 61]


def test_a_message_that_its_contexts_index_does_not_list_is_a_row_beside_the_context(store: Store) -> None:
    unlisted = answer(9, (10, "a")).model_copy(update={"context_id": FIRST})
    frame = ck.responses_df([store, unlisted])
    assert numbers(frame) == [1, 3, 5, 61, 9]
    assert frame["context_id"].iloc[-1] == FIRST


def test_a_message_that_two_contexts_hold_is_a_row_in_each(store: Store) -> None:
    store.context(SECOND).append_message(store.message(message_id(3)))
    frame = ck.responses_df(store)
    assert numbers(frame) == [1, 3, 5, 61, 3]
    assert frame["context_id"].astype(str).tolist() == [FIRST, FIRST, FIRST, SECOND, SECOND]


def test_a_row_belongs_to_the_context_whose_folder_holds_it_whatever_its_file_says(store: Store) -> None:
    path = store.path / "contexts" / FIRST / "messages" / f"{message_id(3)}.json"
    path.write_bytes(path.read_bytes().replace(FIRST.encode(), b"bbbbbbbb-0000-4000-8000-000000000009"))
    for table in (ck.responses_df, ck.messages_df, ck.chunks_df):
        assert table(store)["context_id"].notna().all()


def test_an_empty_list_is_an_empty_table() -> None:
    assert len(ck.responses_df([])) == 0


@pytest.mark.parametrize("source", [5, None, [5], {"a": 5}.values(), pd.DataFrame({"message_id": ["m"]})])
def test_what_can_be_no_source_is_refused_and_sources_are_named(source: Any) -> None:
    with pytest.raises(TypeError, match="is no source: give a Store, a path, a Context, a Message"):
        ck.responses_df(source)


def test_a_path_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such folder"):
        ck.responses_df(tmp_path / "nowhere")


@pytest.mark.parametrize("wanted", [FIRST, FIRST[:8], [FIRST], (FIRST[:9],), {FIRST}])
def test_rows_of_one_context_are_asked_for_by_its_id_or_a_beginning_of_it(store: Store, wanted: Any) -> None:
    assert numbers(ck.responses_df(store, context_id=wanted)) == [1, 3, 5]
    assert ck.contexts_df(store, context_id=wanted)["title"].tolist() == ["Earlier"]


def test_rows_of_several_contexts_are_asked_for_by_a_list(store: Store) -> None:
    assert numbers(ck.responses_df(store, context_id=[SECOND, FIRST])) == [1, 3, 5, 61]
    assert numbers(ck.responses_df(store, context_id=[])) == []


def test_rows_of_a_context_are_asked_for_by_a_row_of_a_table(store: Store) -> None:
    row = ck.contexts_df(store).iloc[1]
    assert numbers(ck.responses_df(store, context_id=row)) == [61]


@pytest.mark.parametrize("unknown", ["ffffffff-0000-4000-8000-000000000000", "ffffffff", "../../etc/passwd"])
def test_a_context_that_is_not_there_is_an_error(store: Store, unknown: str) -> None:
    with pytest.raises(NotFoundError):
        ck.responses_df(store, context_id=unknown)


def test_rows_of_models_are_asked_for_by_name(store: Store) -> None:
    assert numbers(ck.responses_df(store, model="slow")) == [61]
    assert numbers(ck.responses_df(store, model=["slow", "fast"])) == [1, 3, 5, 61]
    assert numbers(ck.messages_df(store, model="slow")) == [61]
    assert ck.chunks_df(store, model="slow")["delta"].tolist() == ["f", "g"]


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-23 09:03",
        "2026-11-23T09:03:00Z",
        "2026-11-23T11:03:00+02:00",
        MADE_AT + timedelta(minutes=3),
        (MADE_AT + timedelta(minutes=3)).replace(tzinfo=None),
        (MADE_AT + timedelta(minutes=3)).astimezone(timezone(timedelta(hours=-5))),
        pd.Timestamp("2026-11-23 09:03"),
    ],
)
def test_since_is_included_and_until_excluded_and_a_time_without_a_zone_is_utc(
    store: Store, moment: str | datetime
) -> None:
    assert numbers(ck.responses_df(store, since=moment)) == [3, 5, 61]
    assert numbers(ck.responses_df(store, until=moment)) == [1]
    assert numbers(ck.messages_df(store, until=moment)) == [0, 1, 2]
    assert ck.chunks_df(store, until=moment)["delta"].tolist() == ["a", "b", "c"]


def test_since_and_until_ask_for_the_creation_of_contexts(store: Store) -> None:
    assert ck.contexts_df(store, since="2026-11-23 09:30")["title"].tolist() == ["Later"]
    assert ck.contexts_df(store, until="2026-11-23 09:30")["title"].tolist() == ["Earlier"]


def test_labels_become_columns_and_are_missing_where_a_message_has_none(store: Store) -> None:
    frame = ck.responses_df(store, labels=["scenario", "n"])
    assert list(frame.columns)[-2:] == ["scenario", "n"]
    assert frame["scenario"].dropna().tolist() == ["idle", "busy"]
    assert frame["scenario"].isna().tolist() == [False, True, False, True]
    assert (str(frame["scenario"].dtype), str(frame["n"].dtype)) == ("str", "Int64")
    assert frame["n"].sum() == 3


def test_a_label_of_a_response_stands_on_each_of_its_chunks(store: Store) -> None:
    frame = ck.chunks_df(store, labels="scenario")
    assert frame["scenario"].dropna().tolist() == ["idle", "idle", "idle", "busy"]
    assert ck.messages_df(store, labels="asked")["asked"].dropna().tolist() == [True] * 4


def test_a_label_that_no_message_has_is_a_column_of_missing_values(store: Store) -> None:
    frame = ck.responses_df(store, labels=["never"])
    assert frame["never"].isna().all()
    assert len(frame) == 4


def test_labels_that_no_column_of_numbers_holds_are_kept_as_they_are() -> None:
    labels: list[Any] = [10**30, {"a": 1}, 2, None]
    frame = ck.responses_df([answer(number, labels={"x": label}) for number, label in enumerate(labels)], labels="x")
    assert frame["x"].tolist() == labels
    large = ck.responses_df([answer(1, labels={"x": 10**30}), answer(2, labels={"x": 1})], labels="x")
    assert large["x"].tolist() == [10**30, 1]


def test_a_label_can_be_asked_for_among_the_columns(store: Store) -> None:
    frame = ck.responses_df(store, labels=["scenario"], columns=["scenario", "ttft_ms"])
    assert list(frame.columns) == ["scenario", "ttft_ms"]


@pytest.mark.parametrize("table", [ck.responses_df, ck.chunks_df, ck.messages_df])
def test_a_label_with_the_name_of_a_column_is_refused(store: Store, table: Any) -> None:
    with pytest.raises(ValueError, match="label 'context_id' has the name of a column"):
        table(store, labels=["context_id"])
