"""``explain``: the parts of a time, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from chatkit.metrics import explain
from chatkit.models import Message, Piece, Response, ResponseMetadata

SENT = datetime(2026, 1, 1, tzinfo=UTC)
SENT_US = int(SENT.timestamp()) * 1_000_000
ID, OTHER = "11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000"


def at(ms: float) -> datetime:
    return SENT + timedelta(milliseconds=ms)


def message(*arrivals_ms: float, ended_ms: float | None = None, **metadata: Any) -> Message:
    response = Response.from_pieces(
        [Piece(SENT_US + int(1000 * ms), "word ") for ms in arrivals_ms],
        started_at=SENT,
        completed_at=None if ended_ms is None else at(ended_ms),
        metadata=ResponseMetadata(**metadata),
        finish_reason="stop",
    )
    return Message.from_response(response, message_id=ID, context_id=ID)


@pytest.fixture
def responses() -> pd.DataFrame:
    """The response itself, and another that waited from 150 to 900 ms."""
    return pd.DataFrame(
        {
            "message_id": [ID, OTHER],
            "started_at": [at(0), at(150)],
            "ttft_ms": [100.0, 750.0],
            "tail_ms": [60.0, 0.0],
        }
    )


def test_the_parts_add_up_to_the_time_from_request_to_end(responses: pd.DataFrame) -> None:
    """Headers at 40, chunks at 100 to 140, a stall of 700, the last at 940, the end at 1,000 ms."""
    given = message(100, 110, 120, 130, 140, 840, 940, ended_ms=1000, headers_at=at(40))
    frame = explain(given, responses).frame
    assert frame["part"].tolist() == ["headers", "first chunk", "streamed", "stalled", "tail"]
    assert frame["duration_ms"].tolist() == [40.0, 60.0, 140.0, 700.0, 60.0]
    assert frame["share"].tolist() == [0.04, 0.06, 0.14, 0.70, 0.06]
    assert frame["because_of"].tolist()[3] == OTHER


def test_the_sentence_says_it_in_order_and_why_it_stalled(responses: pd.DataFrame) -> None:
    given = message(100, 110, 120, 130, 140, 840, 940, ended_ms=1000, headers_at=at(40))
    assert str(explain(given, responses)) == (
        "Response 11111111: waited 40 ms for the headers, waited 60 ms for the first chunk, streamed for 140 ms, "
        "stalled for 700 ms (once, while 22222222 waited for a first chunk), ended 60 ms after the last chunk."
    )


def test_a_stall_without_a_cause_says_so(responses: pd.DataFrame) -> None:
    given = message(100, 110, 120, 130, 140, 840, 940, ended_ms=1000)
    assert "stalled for 700 ms (once, no cause known)" in explain(given, responses.iloc[:1]).sentence


def test_without_headers_the_wait_is_counted_from_the_request(responses: pd.DataFrame) -> None:
    explanation = explain(message(100, 110, ended_ms=120), responses)
    assert explanation.frame["duration_ms"].fillna(-1).tolist() == [-1, 100.0, 10.0, 0.0, 10.0]
    assert explanation.sentence.endswith("Not known: headers.")


def test_an_unknown_request_and_end_are_said_to_be(responses: pd.DataFrame) -> None:
    explanation = explain(message(0, 30, started_at_is="first_chunk"), responses)
    assert explanation.sentence == "Response 11111111: streamed for 30 ms. Not known: headers, first chunk, tail."
    assert explanation.frame["share"].fillna(-1).tolist() == [-1, -1, 1.0, 0.0, -1]


def test_a_response_of_one_chunk_neither_streamed_nor_stalled(responses: pd.DataFrame) -> None:
    frame = explain(message(100, ended_ms=120), responses).frame
    assert frame["duration_ms"].fillna(-1).tolist() == [-1, 100.0, 0.0, 0.0, 20.0]


def test_nothing_known_is_said(responses: pd.DataFrame) -> None:
    assert explain(message(), responses).sentence == "Response 11111111: nothing of its time is known."


def test_a_message_of_another_kind_is_refused(responses: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no streamed response: text"):
        explain(Message.from_text("Hello", message_id=ID, context_id=ID), responses)
