"""What client libraries give, in any form, comes out as the same events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from chatkit.capture import record
from chatkit.capture.wire import PlainText, Unpacker
from tests.capture.server import events_of, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ONE: dict[str, Any] = {"choices": [{"delta": {"content": "é"}}]}
TWO: dict[str, Any] = {"choices": []}
WIRE = f": ping\n\ndata: {json.dumps(ONE, ensure_ascii=False)}\n\nevent: x\ndata: {json.dumps(TWO)}\n\ndata: [DONE]\n\n"

TOO_DEEP = b"[" * 100_000 + b"]" * 100_000


def unpacked(items: Iterable[Any]) -> list[Any]:
    unpacker = Unpacker()
    return [event for item in items for event in unpacker.unpack(item)]


class Model:
    """An SDK's event."""

    def model_dump(self, *, exclude: set[str], **_: Any) -> dict[str, Any]:
        assert exclude == {"snapshot"}
        return ONE


class Message:
    """An event of an SDK that is not made of pydantic models."""

    def to_dict(self) -> dict[str, Any]:
        return TWO


class Broken:
    """An event that can't be read."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        raise RuntimeError


FORMS: dict[str, list[Any]] = {
    "bytes at once": [WIRE.encode()],
    "bytes one by one": [WIRE.encode()[place : place + 1] for place in range(len(WIRE.encode()))],
    "text pieces": [WIRE[:30], WIRE[30:]],
    "lines": WIRE.split("\n"),
    "lines of bytes": WIRE.encode().split(b"\n"),
    "lines that begin with data": WIRE.split("\n")[2:],
    "lines that begin with a field": WIRE.split("\n")[4:5] + WIRE.split("\n")[2:],
    "dicts": [ONE, TWO],
    "models": [Model(), Message()],
}


@pytest.mark.parametrize("items", FORMS.values(), ids=FORMS)
def test_the_same_events_come_out(items: list[Any]) -> None:
    assert unpacked(items) == [ONE, TWO]


@pytest.mark.parametrize(
    "first", ["Hello", "data", "data: the plural of datum", ":", ":-) hello", "a\nb", "events: 3", "{}", "{"]
)
def test_bare_text_is_told_apart_from_event_streams(first: str) -> None:
    assert unpacked(["", first, "data: {}", "\n"]) == [PlainText(first), PlainText("data: {}"), PlainText("\n")]


def test_what_is_no_json_or_can_not_be_read_is_an_unknown_event() -> None:
    assert unpacked([b"data: oops\n\n"]) == [None]
    assert unpacked([Broken(), object(), 7]) == [None, None, None]


def test_an_event_nested_too_deep_to_be_parsed_is_an_unknown_one() -> None:
    assert unpacked([b"data: " + TOO_DEEP + b"\n\n"]) == [None]


def test_an_event_nested_too_deep_to_be_parsed_does_not_break_the_loop(tmp_path: Path) -> None:
    pieces = [said("a"), b"data: " + TOO_DEEP + b"\n\n", said("b")]
    with record(tmp_path) as recorder:
        assert list(recorder.tee(iter(pieces))) == pieces
    assert (recorder.message.content, recorder.n_unknown_events) == ("ab", 1)


def said(text: str) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n".encode()


def test_a_nan_is_unknown() -> None:
    assert unpacked([b'data: {"usage": NaN}\n\n']) == [{"usage": None}]


def _text(item: str | bytes) -> str:
    return item if isinstance(item, str) else item.decode()


@pytest.mark.parametrize(
    "read",
    [httpx.Response.iter_lines, httpx.Response.iter_bytes, httpx.Response.iter_text, httpx.Response.iter_raw],
    ids=lambda read: read.__name__,
)
def test_httpx_is_recorded(read: Callable[[httpx.Response], Any], tmp_path: Path) -> None:
    with (
        serving(events_of("anthropic-00")) as url,
        record(tmp_path) as recorder,
        httpx.stream("POST", url, json={}) as answer,
    ):
        recorder.headers_received()
        given = list(recorder.tee(read(answer)))
    joined = ("\n" if read is httpx.Response.iter_lines else "").join(map(_text, given))
    assert joined.rstrip() == b"".join(events_of("anthropic-00")).decode().rstrip()
    response = recorder.message.streaming_response
    assert response is not None
    assert (len(response.chunks), response.finish_reason) == (120, "max_tokens")
    assert response.metadata.headers_at is not None
    assert recorder.n_unknown_events == 0
