"""A live response: what is sent while it arrives, and what becomes of it at its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import chatkit as ck
from chatkit.errors import StreamStateError
from chatkit.models import Message, Piece, Response
from chatkit.player import Player
from chatkit.player.live import Follower, Growth
from chatkit.timing.stamps import from_us, to_us

if TYPE_CHECKING:
    from pathlib import Path

SENT = to_us(datetime(2026, 1, 1, tzinfo=UTC))
ID = "1a2b3c4d-0000-4000-8000-000000000000"


class Recording:
    """Stands for a recorder: the test says what comes, and when it ends."""

    message_id = ID
    started_at_us = SENT
    is_finished = False

    def __init__(self) -> None:
        self.so_far: list[Piece] = []

    @property
    def pieces(self) -> list[Piece]:
        return self.so_far

    def comes(self, ms: float, delta: str, kind: str = "text") -> None:
        self.so_far.append(Piece(SENT + round(ms * 1000), delta, kind))

    @property
    def message(self) -> Message:
        assert self.is_finished
        ended = from_us(self.so_far[-1].at_us)
        response = Response.from_pieces(self.so_far, started_at=from_us(SENT), completed_at=ended, finish_reason="stop")
        return Message.from_response(response, message_id=ID)


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def player(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> Player:
    monkeypatch.setattr(Follower, "start", lambda _: None)  # the test looks itself, when it wants
    return Player(recording)


def seen(player: Player) -> tuple[str, list[float], list[int]]:
    """What a browser makes of it: the whole lane and the tail."""
    parts: list[dict[str, Any]] = [player._lanes[0], player._tail]
    arrivals = b"".join(part.get("arrivals_ms", b"") for part in parts)
    ends = b"".join(part.get("chunk_ends", b"") for part in parts)
    text = "".join(part.get("text", "") for part in parts)
    return text, np.frombuffer(arrivals, "<f8").tolist(), np.frombuffer(ends, "<u4").tolist()


def test_what_came_between_two_looks_is_sent_together(recording: Recording, player: Player) -> None:
    sent: list[dict[str, Any]] = []
    player.observe(lambda change: sent.append(change["new"]), "_tail")
    assert player._look(SENT + 50_000)
    assert (seen(player), player._tail["elapsed_ms"]) == (("", [], []), 50)
    recording.comes(100, "Hel")
    recording.comes(110, "hm", "reasoning")
    recording.comes(120, "lo")
    assert player._look(SENT + 130_000)
    assert player._look(SENT + 160_000)
    assert seen(player) == ("Hello", [100, 110, 120], [3, 3, 5])
    assert player._tail["elapsed_ms"] == 130
    assert len(sent) == 2
    assert player._live


def test_a_character_cut_in_two_waits_for_its_other_half(recording: Recording, player: Player) -> None:
    recording.comes(100, "a\ud83d")
    player._look(SENT)
    assert seen(player) == ("a", [100], [1])
    recording.comes(110, "\ude00")
    player._look(SENT)
    assert seen(player) == ("a😀", [100, 110], [1, 3])


def test_times_never_go_back(recording: Recording, player: Player) -> None:
    recording.comes(100, "a")
    recording.comes(90, "b")
    player._look(SENT)
    assert seen(player)[1] == [100, 100]


def test_the_whole_is_sent_seldom_and_whole_and_tail_are_always_all(recording: Recording, player: Player) -> None:
    wholes: list[Any] = []
    player.observe(lambda change: wholes.append(change["new"]), "_lanes")
    for index in range(5_000):
        recording.comes(index, f"{index} ")
        if index % 10 == 0:
            player._look(SENT + index * 1000)
            assert len(player._tail["text"]) + 12 * len(player._tail["chunk_ends"]) // 4 <= 16_384 + 200
    player._look(SENT)
    text, arrivals, ends = seen(player)
    assert text == "".join(f"{index} " for index in range(5_000))
    assert arrivals == list(range(5_000))
    assert ends[-1] == len(text)
    assert 3 <= len(wholes) <= 8


def test_a_wait_is_a_stall_from_five_times_the_median_and_250_ms_on() -> None:
    growth = Growth(recording := Recording())
    for ms in (0, 100, 200, 300, 400, 500):
        recording.comes(ms, "w")
    growth.take()
    assert growth.tail(SENT)["stall_after_ms"] == 500
    assert Growth(Recording()).tail(SENT)["stall_after_ms"] == 250


def test_when_it_ends_it_becomes_a_replay_that_stands_at_its_end(recording: Recording, player: Player) -> None:
    assert repr(player) == "Player(message 1a2b3c4d: live)"
    recording.comes(103, "Hello")
    player._look(SENT)
    recording.is_finished = True
    assert not player._look(SENT)
    assert (player._live, player._tail, player.position_ms, player.chunk) == (False, {}, 103, 0)
    assert repr(player) == "Player(message 1a2b3c4d: 1 chunk, 103 ms, TTFT 103 ms, 1x)"
    player.restart()
    assert (player.position_ms, player.playing) == (0, True)


def test_right_after_its_end_it_is_a_replay_though_the_follower_has_not_looked_yet(
    recording: Recording, player: Player
) -> None:
    recording.comes(103, "Hello")
    player._look(SENT)
    assert player.lanes == ()
    recording.comes(250, " world")
    recording.is_finished = True
    player.seek(110)
    assert (player._live, player.position_ms) == (False, 110)
    assert "Hello world" in player.page()
    assert repr(player) == "Player(message 1a2b3c4d: 2 chunks, 250 ms, TTFT 103 ms, 1x)"
    assert not player._look(SENT)
    assert player.position_ms == 110


def test_it_is_followed_until_it_ends() -> None:
    recording = Recording()
    player = Player(recording)
    recording.comes(10, "Hi")
    recording.is_finished = True
    assert player._follower is not None
    player._follower._thread.join(timeout=10)
    assert not player._live


def test_closed_it_is_followed_no_more() -> None:
    player = Player(Recording())
    player.close()
    assert player._follower is not None
    player._follower._thread.join(timeout=10)
    assert not player._follower._thread.is_alive()


def test_a_recorder_is_followed_from_before_its_request_to_its_stored_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Follower, "start", lambda _: None)
    recorder = ck.record(tmp_path / "store", model="echo")
    player = Player(recorder)
    assert player._look(SENT)
    assert (repr(player), player._tail) == ("Player(live: not begun)", {})
    with recorder:
        assert player._look(recorder.started_at_us + 5_000)
        assert (player._tail["elapsed_ms"], seen(player)[0]) == (5, "")
        shown = []
        for _ in recorder.tee(iter(["Hello", " ", "world"])):
            player._look(recorder.started_at_us)
            shown.append(seen(player)[0])
        assert shown == ["", "Hello", "Hello "]  # a chunk is taken in when the loop comes back for the next
        assert repr(player) == f"Player(message {recorder.message_id[:8]}: live)"
    assert not player._look(SENT)
    assert (player.lanes[0].text, player.lanes[0].message_id) == ("Hello world", recorder.message.message_id)
    assert player.lanes[0].arrivals_ms.tolist() == recorder.message.streaming_response.arrivals_ms.tolist()  # type: ignore[union-attr]


def test_a_recorder_that_has_finished_is_replayed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Follower, "start", lambda _: pytest.fail("there is nothing to follow"))
    with ck.record(tmp_path / "store") as recorder:
        list(recorder.tee(iter(["Hello"])))
    player = Player(recorder)
    assert (player._live, player.position_ms, player.lanes[0].text) == (False, 0, "Hello")


def test_a_page_of_a_response_that_is_not_there_yet_is_refused(player: Player) -> None:
    with pytest.raises(StreamStateError, match="still arriving"):
        player.page()
