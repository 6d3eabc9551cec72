"""The player's Python side: lanes, arguments, state, and the pages it writes."""

from __future__ import annotations

import json
import math
import re
from base64 import b64decode
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chatkit as ck
from chatkit.models import Message, Piece, Response, ResponseMetadata, Usage
from chatkit.player import Player, lane, page
from chatkit.timing.stamps import from_us, to_us

SAMPLE = Path(__file__).parents[2] / "data" / "store"
SENT = to_us(datetime(2026, 1, 1, tzinfo=UTC))
ID = "1a2b3c4d-0000-4000-8000-000000000000"
OTHER_ID = "5e6f7a8b-0000-4000-8000-000000000000"


def message_of(
    *pieces: tuple[float, str] | tuple[float, str, str],
    end_ms: float | None = None,
    message_id: str = ID,
    **known: Any,
) -> Message:
    response = Response.from_pieces(
        [Piece(SENT + round(ms * 1000), *rest) for ms, *rest in pieces],
        started_at=from_us(SENT),
        completed_at=None if end_ms is None else from_us(SENT + round(end_ms * 1000)),
        **known,
    )
    return Message.from_response(response, message_id=message_id)


HELLO = message_of((103, "Hello"), (150, " world"), end_ms=2700, finish_reason="stop", model="gemma")


def page_data(document: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', document, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found.group(1))
    return data


def test_a_lane_holds_text_arrivals_and_where_each_chunk_ends() -> None:
    made = lane(HELLO)
    assert (made.name, made.text, made.total_ms) == ("gemma 1a2b3c4d", "Hello world", 2700)
    assert made.arrivals_ms.tolist() == [103, 150]
    assert made.chunk_ends.tolist() == [5, 11]
    assert (made.ttft_ms, made.status, made.completion_tokens) == (103, "complete", None)


def test_chunk_ends_count_utf16_units_and_keep_a_cut_character_whole() -> None:
    made = lane(message_of((1, "a😀"), (2, "b\ud83d"), (3, "\ude00c"), (4, "\ud83d"), (5, "\ude00")))
    assert made.text == "a😀b😀c😀"
    # a=1, 😀=2 | b=1 (its half waits) | 😀=2, c=1 | nothing yet | 😀=2
    assert made.chunk_ends.tolist() == [3, 4, 7, 7, 9]


def test_a_half_that_never_becomes_whole_is_a_replacement_character() -> None:
    made = lane(message_of((1, "\ude00a"), (2, "\ud83d"), (3, "b\ud83d")))
    assert made.text == "\ufffda\ufffdb\ufffd"
    assert made.chunk_ends.tolist() == [2, 3, 5]


@given(st.lists(st.text(st.sampled_from("ab\ud83d\ude00\ud83e😀é字"), min_size=1), min_size=1))
def test_text_shown_never_goes_back_never_splits_a_character_and_ends_whole(deltas: list[str]) -> None:
    made = lane(message_of(*[(float(i), delta) for i, delta in enumerate(deltas)]))
    units = made.text.encode("utf-16-le")
    ends = made.chunk_ends.tolist()
    assert all(before <= after for before, after in pairwise(ends))
    assert ends[-1] * 2 == len(units)
    for end in ends:
        units[: 2 * end].decode("utf-16-le")  # strict: half a character raises


def test_reasoning_and_tool_calls_are_arrivals_without_text() -> None:
    made = lane(message_of((10, "hm", "reasoning"), (20, "Yes"), (30, '{"a"', "tool_call"), (40, "!")))
    assert made.text == "Yes!"
    assert made.arrivals_ms.tolist() == [10, 20, 30, 40]
    assert made.chunk_ends.tolist() == [0, 3, 3, 4]


def test_without_text_each_chunk_of_it_is_one_mark_and_the_rhythm_stays() -> None:
    secret = message_of((10, "my"), (20, "thoughts", "reasoning"), (30, " secret \ud83d"), (40, "\ude00"))
    made = lane(secret, text=False)
    assert made.text == "▮▮▮"
    assert made.chunk_ends.tolist() == [1, 1, 2, 3]
    assert made.arrivals_ms.tolist() == [10, 20, 30, 40]
    assert "secret" not in page([made])


def test_chunks_stamped_before_their_predecessor_are_due_with_it() -> None:
    made = lane(message_of((10, "a"), (5, "b"), (20, "c"), end_ms=15))
    assert made.arrivals_ms.tolist() == [10, 10, 20]
    assert made.total_ms == 20


def test_stalls_come_from_the_response() -> None:
    times = [100, 110, 120, 130, 140, 150, 1150, 1160]
    assert lane(message_of(*[(ms, "w") for ms in times])).stalls == (6,)


def test_the_wire_holds_little_endian_buffers_and_none_for_what_is_unknown() -> None:
    known: dict[str, Any] = {"usage": Usage(prompt_tokens=3, completion_tokens=4), "finish_reason": "stop"}
    wire = lane(message_of((1, "a"), (7, "b"), end_ms=8, **known)).to_wire()
    assert np.frombuffer(wire["arrivals_ms"], "<f8").tolist() == [1, 7]
    assert np.frombuffer(wire["chunk_ends"], "<u4").tolist() == [1, 2]
    assert (wire["ttft_ms"], wire["completion_tokens"], wire["tokens_per_s"]) == (1, 4, 500)
    unknown = ResponseMetadata(started_at_is="first_chunk")
    wire = lane(message_of((0, "a"), (7, "b"), metadata=unknown)).to_wire()
    assert (wire["ttft_ms"], wire["completion_tokens"], wire["tokens_per_s"]) == (None, None, None)


def test_repr_says_what_is_replayed_how_long_and_how_fast() -> None:
    assert repr(Player(HELLO)) == "Player(message 1a2b3c4d: 2 chunks, 2.70 s, TTFT 103 ms, 1x)"
    assert repr(Player(HELLO, speed=0.25)).endswith("TTFT 103 ms, 0.25x)")
    assert repr(Player(HELLO, speed=0)).endswith("TTFT 103 ms, instant)")
    old = message_of((0, "a"), (7, "b"), metadata=ResponseMetadata(started_at_is="first_chunk"))
    assert repr(Player(old)) == "Player(message 1a2b3c4d: 2 chunks, 7 ms, TTFT unknown, 1x)"
    assert repr(Player([HELLO, message_of((5, "a"), message_id=OTHER_ID)], 2)) == (
        "Player(message 1a2b3c4d: 2 chunks, 2.70 s, TTFT 103 ms; message 5e6f7a8b: 1 chunk, 5 ms, TTFT 5 ms, 2x)"
    )


def test_a_notebook_stores_the_repr_as_plain_text_beside_the_widget() -> None:
    player = Player(HELLO)
    bundle = player._repr_mimebundle_()
    assert bundle is not None
    data = bundle[0]
    assert data["text/plain"] == repr(player)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == player.model_id
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}


def test_it_is_a_widget_like_any_other() -> None:
    player = Player(HELLO, layout=ipywidgets.Layout(width="50%"))
    assert player.layout.width == "50%"
    assert ipywidgets.VBox([player]).children == (player,)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((Message.from_text("hi", message_id=ID),), ValueError, "1a2b3c4d has no chunks to replay"),
        (([HELLO, Message.from_text("hi")],), ValueError, "of type 'text'"),
        (([],), ValueError, "the list is empty"),
        (("1a2b3c4d",), TypeError, "not a message: str; to play an id or a row of a table, give store=… too"),
        ((7,), TypeError, "not a message: int"),
        (([HELLO, 7],), TypeError, "not a message: int"),
        ((HELLO, -1), ValueError, "speed is -1"),
        ((HELLO, math.nan), ValueError, "speed is nan"),
        ((HELLO, math.inf), ValueError, "0 for instant"),
        ((HELLO, 1, 0), ValueError, "idle_limit_ms is 0"),
        ((HELLO, 1, math.nan), ValueError, "idle_limit_ms is nan"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple[Any, ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=re.escape(says)):
        Player(*arguments)


def test_bad_values_later_are_refused_and_change_nothing() -> None:
    player = Player(HELLO)
    with pytest.raises(ValueError, match="speed is -2"):
        player.speed = -2
    with pytest.raises(ValueError, match="position_ms is NaN"):
        player.seek(math.nan)
    with pytest.raises(ValueError, match=r"give -1 \(before the first\) to 1"):
        player.chunk = 2
    assert (player.speed, player.position_ms, player.chunk) == (1, 0, -1)


def test_commands_set_the_state_for_views_to_come_and_tell_those_there_are() -> None:
    player = Player(HELLO)
    sent: list[dict[str, Any]] = []
    player.send = sent.append
    player.play()
    assert player.playing
    player.pause()
    assert not player.playing
    player.seek(99_999)
    assert player.position_ms == 2700
    player.restart()
    assert (player.playing, player.position_ms) == (True, 0)
    assert sent == [
        {"command": "play"},
        {"command": "pause"},
        {"command": "seek", "ms": 2700},
        {"command": "restart"},
    ]


def test_a_replay_without_chunks_is_one_too() -> None:
    player = Player(message_of(end_ms=1200, finish_reason="error"))
    assert repr(player) == "Player(message 1a2b3c4d: 0 chunks, 1.20 s, TTFT unknown, 1x)"


def test_the_position_is_sent_while_it_moves_only_if_something_observes_it() -> None:
    player = Player(HELLO)

    def follow(_: object) -> None:
        """Stand for a user's callback."""

    assert not player._followed
    player.observe(follow, "speed")
    assert not player._followed
    player.observe(follow, ["position_ms"])
    assert player._followed
    player.unobserve(follow, ["position_ms"])
    assert not player._followed
    player.observe(follow)
    assert player._followed
    player.unobserve_all()
    assert not player._followed


def test_a_page_carries_the_lanes_and_the_players_settings() -> None:
    data = page_data(Player(HELLO, speed=2, idle_limit_ms=500, autoplay=True).page())
    (made,) = data["lanes"]
    assert made["text"] == "Hello world"
    assert np.frombuffer(b64decode(made["arrivals_ms"]), "<f8").tolist() == [103, 150]
    assert np.frombuffer(b64decode(made["chunk_ends"]), "<u4").tolist() == [5, 11]
    state = data["state"]
    assert (state["speed"], state["idle_limit_ms"], state["autoplay"]) == (2, 500, True)
    assert (state["playing"], state["position_ms"], state["chunk"]) == (False, 0, -1)


def test_text_cannot_leave_its_place_in_a_page() -> None:
    nasty = "</script><!--<script>\u2028\u2029</title>$data"
    document = page([lane(message_of((1, nasty)), name=nasty)], title=nasty)
    assert page_data(document)["lanes"][0]["text"] == nasty
    assert len(re.findall("</script", document)) == 2
    assert len(re.findall("</title", document)) == 1
    assert not re.search("[\u2028\u2029]", document.partition('id="data">')[2])


def test_a_page_names_no_address_and_forbids_loading() -> None:
    document = Player(HELLO).page()
    assert "default-src 'none'" in document
    assert set(re.findall(r"https?://[^\"' ]+", document)) == {"http://www.w3.org/2000/svg"}


def test_ids_rows_and_tables_are_played_from_a_store() -> None:
    store = ck.Store(SAMPLE)
    responses = ck.responses_df(store).head(2)
    first, second = responses["message_id"]
    one = repr(Player(store.message(first)))
    assert repr(Player(first[:8], store=store)) == one
    assert repr(Player(responses.iloc[0], store=store)) == one
    assert repr(Player(next(responses.itertuples()), store=store)) == one
    assert repr(Player(responses.iloc[0].to_dict(), store=store)) == one
    both = repr(Player([store.message(first), store.message(second)]))
    rows = tuple(responses.itertuples()), responses.to_dict("records")
    for several in (responses, responses["message_id"], [first, responses.iloc[1]], *rows):
        assert repr(Player(several, store=store)) == both
    with pytest.raises(ck.NotFoundError, match="no message 00000000"):
        Player("00000000", store=store)


def test_embedded_it_is_a_sandboxed_frame_that_holds_the_whole_page() -> None:
    player = Player(message_of((1, '</iframe>"&amp;<b>')))
    embedded = player.embed(height_px=300)
    assert repr(embedded) == f"Embedded({player!r})"
    tags: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.feed(embedded._repr_html_())
    ((tag, attributes),) = tags
    assert (tag, attributes["sandbox"], attributes["srcdoc"]) == ("iframe", "allow-scripts", player.page())
    assert "height: 300px" in (attributes["style"] or "")


def test_to_html_writes_the_page(tmp_path: Path) -> None:
    player = Player(HELLO)
    written = player.to_html(tmp_path / "one.html", title="One & only")
    assert written == tmp_path / "one.html"
    document = written.read_text(encoding="utf-8")
    assert document == player.page("One & only")
    assert "<title>One &amp; only</title>" in document
