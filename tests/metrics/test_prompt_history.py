"""``add_history``: what a prompt repeats, from usage alone."""

from __future__ import annotations

import pandas as pd
import pytest

from chatkit.metrics import add_history

NA = pd.NA


def turns(*rows: tuple[object, object, object, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["context_id", "response_index", "prompt_tokens", "completion_tokens"]).astype(
        {"prompt_tokens": "Int64", "completion_tokens": "Int64", "response_index": "Int64"}
    )


def history(frame: pd.DataFrame) -> list[object]:
    return add_history(frame)["history_tokens"].fillna(-1).tolist()


def test_a_first_turn_is_all_new_and_later_ones_repeat_what_was_said() -> None:
    frame = turns(("c", 0, 30, 80), ("c", 1, 140, 60), ("c", 2, 230, 10))
    assert history(frame) == [0, 110, 200]
    assert add_history(frame)["new_tokens"].tolist() == [30, 30, 30]


def test_no_more_repeats_than_the_prompt_holds() -> None:
    assert history(turns(("c", 0, 30, 80), ("c", 1, 50, 5))) == [0, 50]


def test_contexts_are_apart_and_rows_may_be_in_any_order() -> None:
    frame = turns(("d", 1, 9, 1), ("c", 1, 140, 60), ("d", 0, 4, 2), ("c", 0, 30, 80))
    assert history(frame) == [6, 110, 0, 0]


def test_unknown_usage_stays_unknown() -> None:
    frame = turns(("c", 0, NA, 80), ("c", 1, 140, NA), ("c", 2, 230, 10), ("d", 0, 5, NA), (None, NA, 7, 7))
    assert history(frame) == [-1, -1, -1, 0, -1]
    assert add_history(frame)["new_tokens"].fillna(-1).tolist() == [-1, -1, -1, 5, -1]


def test_the_index_stays_and_an_empty_frame_gains_the_columns() -> None:
    frame = turns(("c", 0, 30, 80), ("c", 1, 140, 60)).set_index(pd.Index([5, 5]))
    assert add_history(frame).index.tolist() == [5, 5]
    assert add_history(frame.iloc[:0]).columns.tolist()[-2:] == ["history_tokens", "new_tokens"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="no column 'response_index'"):
        add_history(turns(("c", 0, 1, 1)).drop(columns="response_index"))


def test_most_of_the_recorded_chats_prompts_are_repetition(recorded_responses: pd.DataFrame) -> None:
    chats = recorded_responses[recorded_responses["context_id"].notna()]
    chats = chats.assign(context_id=chats["message_id"].str.replace(r"-t\d+$", "", regex=True))
    added = add_history(chats)
    known = added["history_tokens"].notna()
    share = added["history_tokens"].sum() / added.loc[known, "prompt_tokens"].sum()
    assert share == pytest.approx(0.85, abs=0.005)


def test_answers_to_the_same_message_have_the_same_history() -> None:
    """The second answer to u1 repeats the first turn (30 + 80), not the answer that it takes the place of."""
    frame = turns(("c", 0, 30, 80), ("c", 1, 140, 60), ("c", 2, 140, 5), ("c", 3, 300, 1))
    assert history(frame.assign(parent_id=["u0", "u1", "u1", "u2"])) == [0, 110, 110, 145]
    assert history(frame.assign(parent_id=None)) == [0, 110, 140, 145]


def test_a_response_without_a_place_in_its_context_has_no_known_history() -> None:
    assert history(turns(("c", 0, 30, 80), ("c", NA, 500, 5), ("c", 1, 140, 60))) == [0, -1, 110]
