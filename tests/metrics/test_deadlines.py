"""``fluidity``: against the slack counted chunk by chunk, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import fluidity


def chunks(message_id: str, *gaps_ms: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"message_id": message_id, "sequence": range(1, len(gaps_ms) + 2), "gap_ms": [np.nan, *gaps_ms]}
    )


def met(gaps_ms: list[float], deadline_ms: float) -> int:
    """What the rule says, one chunk after the other."""
    slack, count = 0.0, 0
    for gap in gaps_ms:
        slack += deadline_ms - gap
        count += slack >= 0
        slack = max(0.0, slack)
    return count


def test_what_comes_early_is_kept_for_later() -> None:
    """100 ms each: 40 leaves 60 in hand, 160 uses it up exactly, 101 is late, and 100 after it is in time."""
    table = fluidity(chunks("m", 40, 160, 101, 100), deadline_ms=100)
    assert table[["deadlines", "met", "fluidity"]].to_numpy().tolist() == [[4, 3, 0.75]]


def test_after_a_miss_nothing_is_owed() -> None:
    assert fluidity(chunks("m", 5000, 100, 100), deadline_ms=100)["met"].tolist() == [2]


def test_decimals_do_not_make_a_chunk_late() -> None:
    assert fluidity(chunks("m", *[0.1] * 50), deadline_ms=0.1)["fluidity"].tolist() == [1.0]


def test_many_responses_agree_with_the_slack_counted() -> None:
    rng = np.random.default_rng(5)
    streams = {f"m{number}": rng.exponential(50, 80).tolist() for number in range(20)}
    table = fluidity(pd.concat([chunks(name, *gaps) for name, gaps in streams.items()]), deadline_ms=55)
    assert table["met"].tolist() == [met(gaps, 55) for gaps in streams.values()]


def test_one_chunk_has_no_deadline() -> None:
    table = fluidity(pd.concat([chunks("one"), chunks("two", 10)]), deadline_ms=20)
    assert table["deadlines"].tolist() == [0, 1]
    assert table["fluidity"].isna().tolist() == [True, False]


def test_an_empty_frame_gives_no_rows_and_the_same_columns() -> None:
    empty = fluidity(chunks("m", 1).iloc[:0], deadline_ms=20)
    assert empty.empty
    assert empty.columns.tolist() == ["message_id", "deadlines", "met", "fluidity"]


def test_a_deadline_has_to_be_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0"):
        fluidity(chunks("m", 1), deadline_ms=0)
