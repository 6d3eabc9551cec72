"""``responses_from_chunks``: figures of a log by hand, and the same as a store's on the same chunks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.frames import chunks_df, responses_df
from chatkit.frames.tables import RESPONSES
from chatkit.metrics import goodput, responses_from_chunks, summarize
from chatkit.models import Message, Piece, Response

SENT = pd.Timestamp("2026-01-01T00:00:00Z")


@pytest.fixture
def log() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "message_id": ["b", "b", "a", "b"],
            "offset_ms": [200.0, 250.0, 40.0, 850.0],
            "delta": ["Hi", " you", "One", "!"],
        }
    )


def test_figures_follow_from_arrivals_and_text_alone(log: pd.DataFrame) -> None:
    table = responses_from_chunks(log)
    assert table["message_id"].tolist() == ["b", "a"]
    assert table["ttft_ms"].tolist() == [200.0, 40.0]
    assert table["streaming_ms"].fillna(-1).tolist() == [650.0, -1]
    assert table["gap_max_ms"].fillna(-1).tolist() == [600.0, -1]
    assert table[["n_chunks", "n_chars"]].to_numpy().tolist() == [[3, 7], [1, 3]]
    assert table["n_stalls"].fillna(-1).tolist() == [1, -1]
    assert table[["e2e_ms", "tpot_ms", "prompt_tokens", "started_at"]].isna().all(axis=None)


def test_it_has_the_columns_and_types_of_responses_df(log: pd.DataFrame) -> None:
    table = responses_from_chunks(log)
    assert table.columns.tolist() == [column.name for column in RESPONSES]
    declared = {column.name: column.dtype for column in RESPONSES if column.dtype != "id"}
    assert {name: str(table[name].dtype) for name in declared} == declared


def test_usage_adds_tokens_and_what_follows_from_them(log: pd.DataFrame) -> None:
    usage = pd.DataFrame(
        {
            "message_id": ["a", "b"],
            "prompt_tokens": [9, 10],
            "completion_tokens": [1, 14],
            "started_at": SENT,
            "completed_at": [pd.NaT, SENT + pd.Timedelta(900, "ms")],
            "model": ["m", None],
        }
    )
    row = responses_from_chunks(log, usage).set_index("message_id").loc["b"]
    assert (row["tpot_ms"], row["e2e_ms"], row["tail_ms"], row["total_tokens"]) == (50.0, 900.0, 50.0, 24)


def test_a_response_without_a_chunk_gets_a_row(log: pd.DataFrame) -> None:
    usage = pd.DataFrame({"message_id": ["dead", "a"], "finish_reason": ["error", "stop"]})
    table = responses_from_chunks(log, usage)
    assert table["message_id"].tolist() == ["b", "a", "dead"]
    assert table["status"].tolist() == ["complete", "complete", "error"]
    assert table["n_chunks"].tolist() == [3, 1, 0]
    assert goodput(table, ttft_ms=100)[["met", "missed"]].to_numpy().tolist() == [[1, 2]]


def test_a_duration_serves_where_no_moment_is_known(log: pd.DataFrame) -> None:
    table = responses_from_chunks(log, pd.DataFrame({"message_id": ["b"], "e2e_ms": [1000.0]}))
    assert table["e2e_ms"].fillna(-1).tolist() == [1000.0, -1]
    assert table["tail_ms"].fillna(-1).tolist() == [150.0, -1]


def test_ids_keep_their_type(log: pd.DataFrame) -> None:
    table = responses_from_chunks(log.assign(message_id=[7, 7, 3, 7]))
    assert table["message_id"].tolist() == [7, 3]


def test_reasoning_is_no_answer_text(log: pd.DataFrame) -> None:
    row = responses_from_chunks(log.assign(kind=["reasoning", "text", "text", "text"])).iloc[0]
    assert (row["ttft_ms"], row["ttfo_ms"], row["n_chars"]) == (200.0, 250.0, 5)


def test_a_log_gives_the_figures_that_a_store_gives() -> None:
    rng = np.random.default_rng(11)
    messages = []
    for number in range(5):
        us = 1_000_000 * number + np.cumsum(rng.integers(0, 90_000, 40))
        pieces = [Piece(int(SENT.timestamp()) * 1_000_000 + int(at), "ab ") for at in us]
        response = Response.from_pieces(
            pieces, started_at=SENT.to_pydatetime(), completed_at=(SENT + pd.Timedelta(20, "s")).to_pydatetime()
        )
        messages.append(Message.from_response(response))
    stored = responses_df(messages)
    usage = stored[["message_id", "started_at", "completed_at"]]
    own = responses_from_chunks(chunks_df(messages, columns=["message_id", "offset_ms", "delta"]), usage)
    figures = ["ttft_ms", "streaming_ms", "tail_ms", "e2e_ms", "gap_p99_ms", "chars_per_s", "n_reads", "stalled_ms"]
    pd.testing.assert_frame_equal(own[figures], stored[figures])


def test_an_empty_log_gives_no_rows() -> None:
    table = responses_from_chunks(pd.DataFrame({"message_id": [], "offset_ms": []}))
    assert table.empty
    assert summarize(table)["count"].tolist() == []


def test_what_cannot_be_used_is_said(log: pd.DataFrame) -> None:
    with pytest.raises(KeyError, match="no column 'offset_ms'"):
        responses_from_chunks(log.drop(columns="offset_ms"))
    with pytest.raises(ValueError, match="offset_ms is missing in 1 rows"):
        responses_from_chunks(log.assign(offset_ms=[1.0, np.nan, 2.0, 3.0]))
    with pytest.raises(ValueError, match="two rows of usage for message a"):
        responses_from_chunks(log, pd.DataFrame({"message_id": ["a", "a"]}))
