"""What stands in the rows, against values worked out by hand."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import chatkit as ck
from chatkit.errors import CorruptFileWarning
from chatkit.models import Branch, Chunk, Message, ResponseMetadata
from chatkit.store.json_files import dump
from tests.frames.stores import FIRST, MADE_AT, SECOND, answer, filled, message_id, question

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store import Store

NAN = math.nan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return filled(tmp_path / "store")


def with_branches(store: Store, active: str = "main", **branches: list[int]) -> None:
    """Give the first context other branches."""
    metadata = store.context(FIRST).metadata
    made = {
        name: Branch(name=name, message_ids=tuple(message_id(number) for number in numbers))
        for name, numbers in branches.items()
    }
    path = store.path / "contexts" / FIRST / "metadata.json"
    path.write_bytes(dump(metadata.model_copy(update={"branches": made, "active_branch_name": active})))


def test_a_row_per_context_sums_its_responses(store: Store) -> None:
    frame = ck.contexts_df(store)
    assert frame["context_id"].tolist() == [FIRST, SECOND]
    assert frame[["n_messages", "n_responses", "n_branches"]].to_numpy().tolist() == [[6, 3, 1], [2, 1, 1]]
    assert frame["prompt_tokens"].tolist() == [200, pd.NA]
    assert frame["completion_tokens"].tolist() == [10, pd.NA]
    assert frame["median_ttft_ms"].tolist() == [200, 1000]  # of 100, 200 and 600
    assert frame["format"].tolist() == ["chatkit", "chatkit"]


def test_a_row_per_message_has_its_place_and_the_beginning_of_its_text(store: Store) -> None:
    frame = ck.messages_df(store, context_id=FIRST)
    assert frame["position"].tolist() == list(range(6))
    assert frame["role"].tolist() == ["user", "assistant"] * 3
    assert frame["n_chars"].tolist() == [4, 3, 4, 1, 4, 1]
    assert frame["n_chunks"].tolist() == [pd.NA, 3, pd.NA, 2, pd.NA, 1]
    assert frame["preview"].tolist() == ["why?", "abc", "why?", "d", "why?", "e"]
    assert frame["branches"].unique().tolist() == ["main"]


def test_a_preview_is_one_line_of_at_most_sixty_characters() -> None:
    message = Message.from_text("  two\n\nlines " + "x" * 100)
    [preview] = ck.messages_df(message)["preview"]
    assert preview == ("two lines " + "x" * 100)[:59] + "…"
    assert ck.messages_df(message)["n_chars"].tolist() == [113]  # 13 and 100


def test_a_row_per_response_counts_turns_and_responses_from_zero(store: Store) -> None:
    frame = ck.responses_df(store)
    assert frame["turn"].tolist() == [0, 1, 2, 0]
    assert frame["response_index"].tolist() == [0, 1, 2, 0]
    assert frame["ttft_ms"].tolist() == [100, 200, 600, 1000]
    assert frame["ttfo_ms"].tolist() == [100, 300, 600, 1000]


def test_a_row_per_response_agrees_with_the_response_itself(store: Store) -> None:
    frame = ck.responses_df(store).set_index("message_id")
    for context in store.contexts():
        for message in context.messages():
            if message.streaming_response:
                figures = message.streaming_response.figures
                row = frame.loc[message.message_id, list(figures)].astype("float64")
                assert row.to_dict() == pytest.approx(figures, nan_ok=True)


def test_a_response_that_two_branches_list_is_one_row_with_its_turn_on_the_active_one(store: Store) -> None:
    with_branches(store, main=[0, 1, 2, 3], other=[3, 4, 5])
    assert len(ck.responses_df(store, context_id=FIRST)) == 3
    assert ck.responses_df(store, context_id=FIRST)["turn"].tolist() == [0, 1, 0]
    with_branches(store, "other", main=[0, 1, 2, 3], other=[3, 4, 5])
    assert ck.responses_df(store, context_id=FIRST)["turn"].tolist() == [0, -1, 0]
    shared = ck.messages_df(store, context_id=FIRST).set_index("message_id")["branches"]
    assert shared.loc[message_id(3)] == "main, other"


def test_a_message_that_no_branch_lists_is_a_row_whose_turn_is_unknown(store: Store) -> None:
    with_branches(store, main=[0, 1, 2, 3])
    frame = ck.responses_df(store, context_id=FIRST)
    assert frame["turn"].tolist() == [0, 1, pd.NA]
    assert frame["response_index"].tolist() == [0, 1, pd.NA]
    branches = ck.messages_df(store, context_id=FIRST)["branches"]
    assert branches.isna().tolist() == [False] * 4 + [True] * 2


def test_a_row_per_chunk_has_its_times_and_gaps(store: Store) -> None:
    frame = ck.chunks_df(store, context_id=FIRST)
    assert frame["delta"].tolist() == ["a", "b", "c", "thin", "d", "e"]
    assert frame["sequence"].tolist() == [1, 2, 3, 1, 2, 1]
    assert frame["offset_ms"].tolist() == [100, 110, 120, 200, 300, 600]
    assert frame["elapsed_ms"].tolist() == [0, 10, 20, 0, 100, 0]
    assert frame["gap_ms"].tolist() == pytest.approx([NAN, 10, 10, NAN, 100, NAN], nan_ok=True)
    assert frame["n_chars"].tolist() == [1, 1, 1, 4, 1, 1]
    assert frame["accumulated_chars"].tolist() == [1, 2, 3, 0, 1, 1]
    assert frame["kind"].tolist() == ["text"] * 3 + ["reasoning", "text", "text"]
    assert frame["timestamp"].iloc[1] == MADE_AT + timedelta(minutes=1, milliseconds=110)
    assert not frame["is_stall"].any()


def test_the_chunk_that_ends_a_stall_is_marked(store: Store) -> None:
    # context SECOND: one gap of 500 ms, longer than the floor
    assert ck.chunks_df(store, context_id=SECOND)["is_stall"].tolist() == [False, True]


def test_where_the_request_is_not_known_offsets_are_unknown_and_elapsed_times_known() -> None:
    message = answer(1, (100, "a"), (130, "b"), metadata=ResponseMetadata(started_at_is="first_chunk"))
    frame = ck.chunks_df(message)
    assert frame["offset_ms"].isna().all()
    assert frame["elapsed_ms"].tolist() == [0, 30]
    assert ck.responses_df(message).loc[0, ["ttft_ms", "e2e_ms"]].isna().all()


def with_empty_delta(message: Message, place: int, like: int) -> Message:
    """The same response with an empty delta at a place, at the time of another chunk."""
    response = message.streaming_response
    assert response is not None
    chunks = list(response.chunks)
    chunks.insert(place, Chunk(sequence=0, delta="", timestamp=chunks[like].timestamp))
    numbered = tuple(chunk.model_copy(update={"sequence": number}) for number, chunk in enumerate(chunks, start=1))
    return message.model_copy(update={"streaming_response": response.model_copy(update={"chunks": numbered})})


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_an_empty_delta_keeps_its_row_and_counts_in_nothing(place: int) -> None:
    plain = answer(1, (100, "a"), (110, "b"), (140, "c"))
    message = with_empty_delta(plain, place, like=min(place, 2))
    frame = ck.chunks_df(message)
    assert frame["sequence"].tolist() == [1, 2, 3, 4]
    is_empty = frame["delta"] == ""
    assert is_empty.tolist() == [number == place for number in range(4)]
    assert frame.loc[is_empty, "gap_ms"].isna().all()
    assert frame.loc[~is_empty, "gap_ms"].tolist() == pytest.approx([NAN, 10, 30], nan_ok=True)
    assert frame.loc[~is_empty, "elapsed_ms"].tolist() == [0, 10, 40]
    pd.testing.assert_frame_equal(ck.responses_df(message), ck.responses_df(plain))
    assert ck.messages_df(message)["n_chunks"].tolist() == [3]


def test_halves_of_characters_are_shown_as_replacements_and_counted_once() -> None:
    message = answer(1, (100, "a\ud83d"), (110, "\ude00b"))
    frame = ck.chunks_df(message)
    assert frame["delta"].tolist() == ["a\ufffd", "\ufffdb"]
    assert frame["n_chars"].tolist() == [2, 1]
    assert frame["accumulated_chars"].tolist() == [2, 3]
    assert ck.responses_df(message)["n_chars"].tolist() == [3]
    assert ck.messages_df(message)["preview"].tolist() == ["a😀b"]


def test_an_empty_delta_does_not_part_the_halves_of_a_character() -> None:
    message = with_empty_delta(answer(1, (100, "\ud83d"), (110, "\ude00")), 1, like=0)
    assert ck.chunks_df(message)["accumulated_chars"].tolist() == [1, 1, 1]
    assert ck.responses_df(message)["n_chars"].tolist() == [1]


def test_times_that_go_back_are_kept_and_named(store: Store) -> None:
    store.context(SECOND).append_message(answer(62, (100, "a"), (130, "b"), (118, "c"), model="odd"))
    with pytest.warns(CorruptFileWarning, match=r"goes back by 12\.000 ms"):
        frame = ck.chunks_df(store, model="odd")
    assert frame["offset_ms"].tolist() == [100, 130, 118]
    assert frame["gap_ms"].tolist() == pytest.approx([NAN, 30, -12], nan_ok=True)
    problems = ck.problems_df(store)
    assert problems["message_id"].tolist() == [message_id(62)]
    assert problems["where"].tolist() == ["streaming_response.chunks.2.timestamp"]


def test_the_servers_own_figures_are_columns_and_anything_but_a_number_is_unknown() -> None:
    measured = ResponseMetadata(server_timings={"prompt_ms": 399.9, "predicted_ms": 1026})
    odd = ResponseMetadata(server_timings={"prompt_ms": "fast", "predicted_ms": [1]})
    frame = ck.responses_df([answer(1, (1, "a"), metadata=measured), answer(2, (1, "a"), metadata=odd)])
    assert frame["server_prompt_ms"].tolist() == pytest.approx([399.9, NAN], nan_ok=True)
    assert frame["server_decode_ms"].tolist() == pytest.approx([1026, NAN], nan_ok=True)


def test_a_response_without_chunks_has_a_row_and_no_chunks() -> None:
    message = answer(1)
    assert len(ck.chunks_df(message)) == 0
    row = ck.responses_df(message).iloc[0]
    assert (row["n_chunks"], row["e2e_ms"]) == (0, 2000)
    assert row[["ttft_ms", "n_stalls", "stalled_ms", "gap_p50_ms"]].isna().all()


def test_bad_messages_are_left_out_of_a_table_with_one_warning_for_the_store(store: Store) -> None:
    for context_id, number in ((FIRST, 3), (SECOND, 61)):
        path = store.path / "contexts" / context_id / "messages" / f"{message_id(number)}.json"
        path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":9'))
    with pytest.warns(CorruptFileWarning, match="2 files with problems") as warned:
        frame = ck.responses_df(store)
    assert len(warned) == 1
    assert len(frame) == 2


def test_the_table_of_problems_is_made_without_a_warning(store: Store) -> None:
    path = store.path / "contexts" / FIRST / "metadata.json"
    path.write_bytes(path.read_bytes().replace(b'"title":"Earlier"', b'"title":5'))
    frame = ck.problems_df(store.path)
    assert frame["path"].tolist() == [str(path)]
    assert frame["where"].tolist() == ["title"]


def test_a_question_is_no_response() -> None:
    assert len(ck.responses_df(question(1))) == 0
    assert len(ck.messages_df(question(1))) == 1
