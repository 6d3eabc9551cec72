"""Columns, dtypes and the order of rows: what every notebook relies on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import chatkit as ck
from chatkit.store import Store
from tests.frames.stores import DEFAULT_DTYPES, filled
from tests.store.trees import LEGACY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")

STAMP = "datetime64[us, UTC]"
TABLES: dict[str, tuple[Callable[..., pd.DataFrame], dict[str, str]]] = {
    "contexts": (
        ck.contexts_df,
        {
            "context_id": "category", "title": "str", "current_state": "str", "created_at": STAMP,
            "updated_at": STAMP, "model": "str", "n_messages": "int64", "n_responses": "int64", "n_branches": "int64",
            "prompt_tokens": "Int64", "completion_tokens": "Int64", "median_ttft_ms": "float64", "format": "str",
        },
    ),
    "messages": (
        ck.messages_df,
        {
            "message_id": "category", "context_id": "category", "parent_id": "str", "role": "str",
            "message_type": "str", "created_at": STAMP, "position": "Int64", "branches": "str", "n_chars": "int64",
            "n_chunks": "Int64", "preview": "str",
        },
    ),
    "responses": (
        ck.responses_df,
        {
            "message_id": "category", "context_id": "category", "parent_id": "str", "model": "str",
            "finish_reason": "str", "started_at": STAMP, "completed_at": STAMP, "status": "str", "turn": "Int64",
            "response_index": "Int64", "headers_ms": "float64", "first_event_ms": "float64", "ttft_ms": "float64",
            "ttfo_ms": "float64", "after_headers_ms": "float64", "streaming_ms": "float64", "tail_ms": "float64",
            "e2e_ms": "float64", "n_chunks": "int64", "n_reads": "int64", "n_chars": "int64", "gap_p50_ms": "float64",
            "gap_p99_ms": "float64", "gap_max_ms": "float64", "n_stalls": "Int64", "stalled_ms": "float64",
            "prompt_tokens": "Int64", "completion_tokens": "Int64", "total_tokens": "Int64", "cached_tokens": "Int64",
            "cache_write_tokens": "Int64", "reasoning_tokens": "Int64", "tpot_ms": "float64", "tokens_per_s": "float64",
            "e2e_tokens_per_s": "float64", "chars_per_s": "float64", "chunks_per_token": "float64",
            "server_prompt_ms": "float64", "server_decode_ms": "float64",
        },
    ),
    "chunks": (
        ck.chunks_df,
        {
            "message_id": "category", "context_id": "category", "sequence": "int64", "kind": "str", "delta": "str",
            "timestamp": STAMP, "offset_ms": "float64", "elapsed_ms": "float64", "gap_ms": "float64",
            "n_chars": "int64", "accumulated_chars": "int64", "is_stall": "bool",
        },
    ),
    "problems": (
        ck.problems_df,
        {"path": "str", "context_id": "str", "message_id": "str", "where": "str", "reason": "str"},
    ),
}  # fmt: skip
each_table = pytest.mark.parametrize("name", TABLES)


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


@each_table
def test_a_table_has_its_columns_in_order_and_their_dtypes(name: str, tmp_path: Path) -> None:
    table, expected = TABLES[name]
    found = dtypes(table(filled(tmp_path / "store")))
    assert (list(found), found) == (list(expected), expected)


@each_table
def test_a_table_of_an_empty_store_keeps_columns_and_dtypes(name: str, tmp_path: Path) -> None:
    table, expected = TABLES[name]
    frame = table(Store.create(tmp_path / "store"))
    assert len(frame) == 0
    assert (list(frame.columns), dtypes(frame)) == (list(expected), expected)


@each_table
def test_a_table_of_an_old_store_has_the_same_dtypes(name: str) -> None:
    table, expected = TABLES[name]
    assert dtypes(table([LEGACY / "single-file", LEGACY / "split"])) == expected


@pytest.mark.parametrize("name", ["messages", "responses", "chunks"])
def test_a_table_that_a_filter_leaves_empty_keeps_columns_and_dtypes(name: str, tmp_path: Path) -> None:
    table, expected = TABLES[name]
    frame = table(filled(tmp_path / "store"), model="no such model")
    assert len(frame) == 0
    assert dtypes(frame) == expected


def test_ids_are_categories_of_strings() -> None:
    frame = ck.responses_df(LEGACY / "split")
    for name in DEFAULT_DTYPES:
        assert str(frame[name].cat.categories.dtype) == "str"


def test_all_tables_of_a_store_share_their_categories(tmp_path: Path) -> None:
    store = filled(tmp_path / "store")
    responses = ck.responses_df(store, model="fast")
    for other in (ck.chunks_df(store), ck.messages_df(store), ck.responses_df(store)):
        for name in ("message_id", "context_id"):
            assert list(other[name].cat.categories) == list(responses[name].cat.categories)
    merged = ck.chunks_df(store).merge(responses[["message_id", "model"]], on="message_id")
    assert str(merged["message_id"].dtype) == "category"


@pytest.mark.parametrize("name", ["contexts", "messages", "responses", "chunks"])
def test_columns_asked_for_come_alone_and_in_the_order_asked_for(name: str, tmp_path: Path) -> None:
    table, expected = TABLES[name]
    store = filled(tmp_path / "store")
    wanted = list(expected)[3:0:-1]
    frame = table(store, columns=wanted)
    assert list(frame.columns) == wanted
    pd.testing.assert_frame_equal(frame, table(store)[wanted])
    assert list(table(store, columns=wanted[0]).columns) == wanted[:1]


@pytest.mark.parametrize("name", ["contexts", "messages", "responses", "chunks"])
def test_a_column_that_is_not_there_is_named_and_those_that_are(name: str, tmp_path: Path) -> None:
    table, expected = TABLES[name]
    with pytest.raises(KeyError, match=f"no column 'ttfb_ms'; there are .*{list(expected)[-1]}"):
        table(filled(tmp_path / "store"), columns=["ttfb_ms"])


def test_rows_come_by_creation_of_the_context_then_id_then_position_then_sequence(tmp_path: Path) -> None:
    shutil.copytree(LEGACY / "split", tmp_path / "old")  # contexts of unknown time
    frame = ck.chunks_df([tmp_path / "old", filled(tmp_path / "store")])
    order = list(dict.fromkeys(frame["context_id"].astype(str)))
    contexts = list(ck.contexts_df([tmp_path / "old", tmp_path / "store"])["context_id"].astype(str))
    assert order == [context_id for context_id in contexts if context_id in set(order)]
    created = ck.contexts_df([tmp_path / "old", tmp_path / "store"])["created_at"]
    assert created.dropna().is_monotonic_increasing
    assert created.isna().tolist() == [False, False, True, True]
    assert contexts[-2:] == sorted(contexts[-2:])
    positions = ck.messages_df([tmp_path / "old", tmp_path / "store"]).groupby("context_id", observed=True)["position"]
    assert positions.apply(lambda column: column.tolist() == list(range(len(column)))).all()
    sequences = frame.groupby("message_id", observed=True)["sequence"]
    assert sequences.apply(lambda column: column.is_monotonic_increasing).all()
