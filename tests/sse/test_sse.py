"""The event-stream decoder against the rules of the standard, however bytes are cut, and the encoder."""

from __future__ import annotations

import base64
import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.sse import Decoder, Event, decode, encode

VECTOR_FILE = Path(__file__).parent / "vectors.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTOR_FILE.read_text(encoding="utf-8"))["vectors"]
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])

field_values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
data_texts = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n: \0\ufeff")))


def _stream(vector: dict[str, Any]) -> bytes:
    return base64.b64decode(vector["base64"])


def _feed(*pieces: bytes) -> list[dict[str, str]]:
    decoder = Decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [{"event": e.event, "data": e.data, "last_event_id": e.last_event_id} for e in events]


def test_there_are_25_vectors() -> None:
    assert len(VECTORS) == 25


@each_vector
def test_a_whole_stream_gives_the_events_of_the_standard(vector: dict[str, Any]) -> None:
    assert _feed(_stream(vector)) == vector["events"]


@each_vector
def test_a_stream_fed_byte_by_byte_gives_the_same_events(vector: dict[str, Any]) -> None:
    assert _feed(*(bytes([byte]) for byte in _stream(vector))) == vector["events"]


@each_vector
def test_a_stream_cut_in_two_at_any_place_gives_the_same_events(vector: dict[str, Any]) -> None:
    stream = _stream(vector)
    for place in range(len(stream) + 1):
        assert _feed(stream[:place], stream[place:]) == vector["events"], f"cut after {place} bytes"


@each_vector
def test_empty_feeds_in_between_change_nothing(vector: dict[str, Any]) -> None:
    pieces = [piece for byte in _stream(vector) for piece in (bytes([byte]), b"")]
    assert _feed(*pieces) == vector["events"]


def test_a_lone_cr_dispatches_at_once() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"\r") == [Event("message", "a")]


def test_an_lf_after_a_cr_is_dropped_across_feeds_once_only() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r") == []
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"\n") == [Event("message", "a")]


def test_a_cr_cut_off_by_half_a_character_still_drops_its_lf() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: \xf0\x9f") == []
    assert decoder.feed(b"\x98\x80\r") == []
    assert decoder.feed(b"\ndata: b\r\n") == []
    assert decoder.feed(b"\r\n") == [Event("message", "😀\nb")]


def test_retry_is_in_force_from_its_block_on() -> None:
    stream = b"data: a\n\nretry: 3000\n\ndata: b\n\nretry: x\ndata: c\n\nretry: 10\ndata: d\n\n"
    assert [(e.data, e.retry) for e in decode(stream)] == [("a", None), ("b", 3000), ("c", 3000), ("d", 10)]


@pytest.mark.parametrize("value", ["", "-1", "1.5", "1e3", " 7", "٣", "²", "9" * 5000])
def test_a_retry_that_is_no_plain_number_is_ignored(value: str) -> None:
    assert decode(f"retry: {value}\ndata: a\n\n".encode()) == [Event("message", "a")]


def test_a_line_of_megabytes_arrives_whole_from_small_pieces() -> None:
    text = "0123456789abcdef" * 65_536
    stream = f"data: {text}\n\n".encode()
    decoder = Decoder()
    events = [event for at in range(0, len(stream), 7) for event in decoder.feed(stream[at : at + 7])]
    assert events == [Event("message", text)]


def test_events_are_encoded_as_the_standard_writes_them() -> None:
    assert encode("a") == b"data: a\n\n"
    assert encode("") == b"data: \n\n"
    assert (
        encode("a\nb\r\nc\rd", event="delta", id="é", retry=250)
        == b"event: delta\nid: \xc3\xa9\nretry: 250\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    )


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\0b"])
def test_a_line_end_or_nul_in_event_or_id_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="the event of an event cannot hold"):
        encode("x", event=bad)
    with pytest.raises(ValueError, match="the id of an event cannot hold"):
        encode("x", id=bad)


def test_a_negative_retry_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative: -1"):
        encode("x", retry=-1)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode("\ud83d")


@given(
    data=data_texts,
    event=st.none() | field_values,
    event_id=st.none() | field_values,
    retry=st.none() | st.integers(0, 10**15 - 1),
)
def test_what_is_encoded_decodes_to_itself(
    data: str,
    event: str | None,
    event_id: str | None,
    retry: int | None,
) -> None:
    assert decode(encode(data, event=event, id=event_id, retry=retry)) == [
        Event(event or "message", re.sub("\r\n|\r", "\n", data), event_id or "", retry)
    ]


@given(events=st.lists(st.tuples(data_texts, field_values)), cuts=st.lists(st.integers(0, 10_000)))
def test_a_stream_of_several_events_survives_any_cuts(events: list[tuple[str, str]], cuts: list[int]) -> None:
    stream = b"".join(encode(data, event=event) for data, event in events)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    decoder = Decoder()
    seen = [e for start, end in itertools.pairwise(places) for e in decoder.feed(stream[start:end])]
    assert [(e.data, e.event) for e in seen] == [
        (re.sub("\r\n|\r", "\n", data), event or "message") for data, event in events
    ]
