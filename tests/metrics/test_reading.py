"""``starvation``: against a reader simulated chunk by chunk, and by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import starvation


def chunks(message_id: str, elapsed_ms: list[float], n_chars: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "message_id": message_id,
            "sequence": range(1, len(n_chars) + 1),
            "kind": "text",
            "elapsed_ms": elapsed_ms,
            "n_chars": n_chars,
        }
    )


def waited_ms(elapsed_ms: list[float], n_chars: list[int], rate: float) -> float:
    """What the formula says, one chunk after the other."""
    through, waited = elapsed_ms[0], 0.0
    for arrived, chars in zip(elapsed_ms, n_chars, strict=True):
        waited += max(0.0, arrived - through)
        through = max(through, arrived) + 1000 * chars / rate
    return waited


def test_the_reader_waits_only_for_what_has_not_come() -> None:
    """At 10 characters a second, 5 of them last 500 ms: text is through at 500, 1,500, 2,000."""
    table = starvation(chunks("m", [0, 1000, 1200], [5, 5, 5]), chars_per_s=10)
    assert table["starved_ms"].tolist() == [500.0]
    assert table["n_chars"].tolist() == [15]
    assert table["starved_share"].tolist() == [0.25]


def test_a_stall_that_the_reader_does_not_reach_costs_nothing() -> None:
    assert starvation(chunks("m", [0, 10, 1010], [50, 50, 5]))["starved_ms"].tolist() == [0.0]


def test_many_responses_agree_with_the_reader_simulated() -> None:
    rng = np.random.default_rng(3)
    streams = {
        f"m{number}": (
            np.cumsum(rng.exponential(200, 60)).round(3).tolist(),
            rng.integers(1, 9, 60).tolist(),
        )
        for number in range(20)
    }
    table = starvation(pd.concat([chunks(name, *stream) for name, stream in streams.items()]))
    expected = [waited_ms(*stream, rate=25) for stream in streams.values()]
    assert table["message_id"].tolist() == list(streams)
    assert table["starved_ms"].tolist() == pytest.approx(expected)


def test_only_answer_text_is_read() -> None:
    frame = chunks("m", [0, 1000, 2000], [5, 500, 5])
    frame.loc[1, "kind"] = "reasoning"
    assert starvation(frame, chars_per_s=10)["starved_ms"].tolist() == [1500.0]


def test_times_since_the_request_do_as_well() -> None:
    frame = chunks("m", [300, 1300], [5, 5]).rename(columns={"elapsed_ms": "offset_ms"})
    assert starvation(frame, chars_per_s=10)["starved_ms"].tolist() == [500.0]


def test_an_empty_frame_gives_no_rows_and_the_same_columns() -> None:
    empty = starvation(chunks("m", [0], [1]).iloc[:0])
    assert empty.empty
    assert empty.columns.tolist() == ["message_id", "n_chars", "starved_ms", "starved_share"]


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(ValueError, match="above 0"):
        starvation(chunks("m", [0], [1]), chars_per_s=0)
    with pytest.raises(KeyError, match="no column 'elapsed_ms'"):
        starvation(chunks("m", [0], [1]).drop(columns="elapsed_ms"))
