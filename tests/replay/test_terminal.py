"""``ck.play``: the moments at which text is written, and what a terminal makes of it."""

from __future__ import annotations

import io
import os
import re
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatkit.cli import play_command
from chatkit.models import Message, Piece, Response
from chatkit.replay import play
from chatkit.replay.harmless import Characters, columns, harmless
from chatkit.replay.layout import Layout
from chatkit.timing.stamps import from_us, to_us
from tests.replay.paper_terminal import PaperTerminal

SENT = to_us(datetime(2026, 1, 1, tzinfo=UTC))
ID = "1a2b3c4d-0000-4000-8000-000000000000"
STALLED = [(100, "Once "), (110, "upon "), (120, "a "), (130, "time "), (140, "there "), (1140, "was "), (1150, "…")]


def message_of(*pieces: tuple[float, str] | tuple[float, str, str], end_ms: float | None = None) -> Message:
    response = Response.from_pieces(
        [Piece(SENT + round(ms * 1000), *rest) for ms, *rest in pieces],
        started_at=from_us(SENT),
        completed_at=None if end_ms is None else from_us(SENT + round(end_ms * 1000)),
        finish_reason="stop",
        model="gemma",
    )
    return Message.from_response(response, message_id=ID)


class FakeTime:
    """A clock that only sleeping moves, by 1 µs at least; ``oversleeps_ms`` is what a busy machine adds to it."""

    def __init__(self, oversleeps_ms: int = 0) -> None:
        self.us = 0
        self.oversleeps_us = 1000 * oversleeps_ms

    @property
    def elapsed_ms(self) -> float:
        return round(self.us / 1000, 2)

    def now_s(self) -> float:
        return 5000.25 + self.us / 1e6

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.us += max(1, round(seconds * 1e6)) + self.oversleeps_us


class Output(io.StringIO):
    """Notes when what was written; a terminal if ``columns`` are given."""

    def __init__(self, time: FakeTime, *, is_terminal: bool = False) -> None:
        super().__init__()
        self.time = time
        self.is_terminal = is_terminal
        self.writes: list[tuple[float, str]] = []

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> int:
        self.writes.append((self.time.elapsed_ms, text))
        return super().write(text)


def played(message: Message, *, is_terminal: bool = False, time: FakeTime | None = None, **how: Any) -> Output:
    time = time or FakeTime()
    out = Output(time, is_terminal=is_terminal)
    play(message, out=out, now_s=time.now_s, sleep=time.sleep, **how)
    return out


def on_paper(out: Output, width: int = 40, rows: int = 8) -> PaperTerminal:
    paper = PaperTerminal(width, rows)
    paper.feed(out.getvalue())
    return paper


@pytest.fixture(autouse=True)
def terminal_of_40_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_into_a_pipe_each_chunk_comes_at_its_moment_and_no_escape_code_does() -> None:
    out = played(message_of((100, "Hel"), (250, "lo\n"), (1250, "you"), end_ms=1300))
    assert out.writes == [(100, "Hel"), (250, "lo\n"), (1250, "you"), (1300, "\n")]


@pytest.mark.parametrize(("speed", "moments"), [(2, [50, 125, 625]), (8, [12.5, 31.25, 156.25])])
def test_speed_divides_every_wait(speed: float, moments: list[float]) -> None:
    out = played(message_of((100, "a"), (250, "b"), (1250, "c\n")), speed=speed)
    assert out.writes == list(zip(moments, ["a", "b", "c\n"], strict=True))


def test_speed_0_prints_at_once_and_what_ended_a_stall_by_itself() -> None:
    out = played(message_of((100, "a"), (250, "b")), speed=0)
    assert out.writes == [(0, "ab"), (0, "\n")]
    stalled = played(message_of(*STALLED, end_ms=1200), is_terminal=True, speed=0)
    assert "".join(on_paper(stalled, width=120).reds) == "was "


def test_an_idle_limit_shortens_long_waits() -> None:
    out = played(message_of((500, "a"), (520, "b"), (2520, "c\n")), idle_limit_ms=200)
    assert [moment for moment, _ in out.writes] == [200, 220, 420]


def test_deadlines_are_absolute_so_that_oversleeping_does_not_add_up() -> None:
    pieces = [(10.0 * i, f"{i} ") for i in range(1, 2001)]
    out = played(message_of(*pieces), time=FakeTime(oversleeps_ms=3))
    late = [moment - 10 * int(last.split()[-1]) for moment, last in out.writes if last.strip()]
    assert len(late) > 1000
    assert max(late) <= 3
    assert out.getvalue() == "".join(text for _, text in pieces) + "\n"


def test_reasoning_takes_its_time_and_adds_no_text() -> None:
    out = played(message_of((100, "hm", "reasoning"), (300, "Yes\n")))
    assert out.writes == [(300, "Yes\n")]


def test_a_message_that_was_not_streamed_is_printed_at_once() -> None:
    out = played(Message.from_text("hi \x1b[2J"))
    assert out.getvalue() == "hi ␛[2J\n"


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("1a2b3c4d",), TypeError, "not a message: str"),
        ((message_of((1, "a")), -1), ValueError, "speed is -1"),
        ((message_of((1, "a")), float("nan")), ValueError, "speed is nan"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple[Any, ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        play(*arguments)


def test_on_a_terminal_the_text_stays_and_the_last_line_sums_up() -> None:
    out = played(message_of(*STALLED, end_ms=1200), is_terminal=True)
    assert on_paper(out, width=120).lines() == [
        "Once upon a time there was …",
        "gemma, 7 chunks, 1.20 s, TTFT 100 ms,",
        "stop, 1 stall of 1.00 s",
    ]


def test_the_status_counts_the_wait_for_the_first_chunk_then_names_ttft_and_the_stall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = played(message_of(*STALLED, end_ms=1200), is_terminal=True)
    paper, under = PaperTerminal(80, 8), {}
    for moment, written in out.writes:
        paper.feed(written)
        under[moment] = paper.lines()[-1] if paper.lines() else ""
    assert under[0] == "waiting for the first chunk 0 ms"
    assert under[100] == "TTFT 100 ms · 1 of 7 chunks · 100 ms"
    assert under[800] == "TTFT 100 ms · 5 of 7 chunks · waiting 660 ms"
    assert under[1150] == "TTFT 100 ms · 7 of 7 chunks · waiting for the end 0 ms"
    waits = "TTFT 100 ms · 5 of 7 chunks · waiting 160 ms"
    assert "".join(paper.reds).startswith("TTFT 100 ms · 5 of 7 chunks · waiting 0 ms")
    assert waits in "".join(paper.reds)
    assert "".join(paper.reds).endswith("was ")


def test_long_lines_wide_characters_and_tabs_break_where_the_terminal_does_and_nothing_is_lost() -> None:
    text = "a" * 75 + "\n" + "字" * 50 + "\tb\n" + "e\u0301" * 30 + "👩\u200d👧" + "\n\n" + "x" * 39 + "\ny"
    pieces = [(10.0 * i, character) for i, character in enumerate(text, start=1)]
    out = played(message_of(*pieces), is_terminal=True)
    # Marks and joiners take no cell; the paper has no place for them.
    out_text = "".join(character for character in out.getvalue() if character in "\x1b\r\n" or columns(character))
    paper = PaperTerminal(40, 5)
    paper.feed(out_text)
    rows = paper.lines()[:-2]  # without the summary, which is longer than a line
    assert all(sum(columns(character) for character in row) <= 39 for row in rows)
    told = "".join(rows)
    assert told.replace(" ", "") == "".join(c for c in text if c not in "\n\t" and columns(c))
    assert rows[0] == "a" * 39
    assert rows[2] == "字" * 19


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text("abcdefg", min_size=1, max_size=30), min_size=1, max_size=40), cut=st.integers(1, 9))
def test_lines_break_between_words_however_the_words_come(words: list[str], cut: int) -> None:
    text = " ".join(words)
    deltas = [text[at : at + cut] for at in range(0, len(text), cut)]
    layout, paper = Layout(), PaperTerminal(40, 60)
    for delta in deltas:
        paper.feed("".join(piece for piece, _ in layout.place(delta, 40)))
    assert paper.lines() == textwrap.wrap(text, 39)


def test_a_word_that_is_moved_to_the_next_line_keeps_its_colours() -> None:
    layout = Layout()
    placed = [*layout.place("one tw", 9), *layout.place("otwo", 9, "red")]
    assert placed == [("one tw", ""), ("ot", "red"), ("\x1b[4D\x1b[0K\r\ntw", ""), ("otwo", "red")]


def test_where_the_status_is_too_long_its_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    out = played(message_of(*STALLED, end_ms=1200), is_terminal=True)
    said = [written for moment, written in out.writes if moment == 800]
    assert [re.sub(r"\x1b(\[[0-9]*[A-Za-z]|.)|\r|\n", "", each) for each in said] == ["waiting 660 ms"]


def test_what_a_model_writes_cannot_steer_the_terminal() -> None:
    nasty = ["\x1b", "[2J", "\x1b]0;title\x07", "\x9b31m", "\x08\x08", "\x00", "\x7f", "real\rfake", "\x1bc"]
    out = played(message_of(*[(10.0 * i, delta) for i, delta in enumerate(nasty, 1)]), is_terminal=True)
    paper = on_paper(out, width=40)
    assert "".join(paper.lines()).startswith("␛[2J␛]0;title␇\ufffd31m␈␈␀␡realfake␛c")
    plain = played(message_of(*[(10.0 * i, delta) for i, delta in enumerate(nasty, 1)]))
    assert plain.getvalue().rstrip("\n").isprintable()


def test_a_character_cut_in_two_is_written_whole_and_a_lone_half_replaced() -> None:
    pieces = [(10, "a\ud83d"), (20, "\ude00b"), (30, "\ud83d"), (40, "c\ud83d")]
    out = played(message_of(*pieces))
    assert out.getvalue() == "a😀b\ufffdc\ufffd\n"
    characters = Characters()
    assert [characters.of("\ude00"), characters.of("x"), characters.rest()] == ["\ufffd", "x", ""]


def test_what_the_output_cannot_encode_is_a_question_mark() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as out:
        play(message_of((1, "naïve 字")), 0, out=out)
        assert raw.getvalue() == b"na?ve ?\n"


def test_control_characters_become_pictures_and_lines_and_tabs_stay() -> None:
    assert harmless("a\tb\r\nc\x1b\x00") == "a\tb\nc␛␀"


def test_with_no_color_there_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = played(message_of(*STALLED, end_ms=1200), is_terminal=True)
    assert "\x1b[31m" not in out.getvalue()
    assert "m" not in "".join(each for each in out.getvalue().split("\x1b[")[1:] if each[:1].isdigit())[:1]


def test_a_dumb_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in played(message_of((1, "a")), is_terminal=True).getvalue()


def test_ctrl_c_removes_the_status_ends_the_line_and_goes_on_up() -> None:
    class Interrupted(FakeTime):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if self.elapsed_ms > 700:
                raise KeyboardInterrupt

    time = Interrupted()
    out = Output(time, is_terminal=True)
    with pytest.raises(KeyboardInterrupt):
        play(message_of(*STALLED), out=out, now_s=time.now_s, sleep=time.sleep)
    paper = on_paper(out)
    assert paper.lines() == ["Once upon a time there"]
    assert (paper.row, paper.column, paper.colour) == (1, 0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_in_a_real_terminal_it_plays_and_ctrl_c_leaves_it_as_it_was(tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - not on Windows
    import termios  # noqa: PLC0415 - as above

    message = tmp_path / "message.json"
    message.write_text(message_of(*STALLED, (60_000, "never")).model_dump_json(by_alias=True), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from chatkit.models import Message; from chatkit.replay import play; "
        f"play(Message.model_validate_json(Path({str(message)!r}).read_text(encoding='utf-8')), 4)"
    )
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.environ |= {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "utf-8"}
        os.execv(sys.executable, [sys.executable, "-c", code])  # noqa: S606 - our own interpreter
    termios.tcsetwinsize(terminal, (24, 80))
    before = termios.tcgetattr(terminal)
    said = b""
    while "…".encode() not in said or not said.endswith(b"\x1b8"):
        said += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    try:
        while more := os.read(terminal, 4096):
            said += more
    except OSError:  # Linux says so that the other side is gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -2
    after = termios.tcgetattr(terminal)
    os.close(terminal)
    assert after == before
    text = said.decode()
    assert "\x1b[?" not in text  # neither the alternate screen nor the cursor was touched
    paper = PaperTerminal(80, 24)
    paper.feed(text.partition("Traceback")[0].replace("^C", ""))
    assert paper.lines()[0] == "Once upon a time there was …"
    assert paper.colour == ""


def arguments_of(*words: str) -> Any:
    import argparse  # noqa: PLC0415 - only here

    parser = argparse.ArgumentParser()
    play_command.add_to(parser.add_subparsers())
    return parser.parse_args(["play", *words])


def test_the_command_plays_a_stored_message(capsys: pytest.CaptureFixture[str]) -> None:
    store = Path(__file__).parents[2] / "data" / "store"
    chosen = arguments_of(str(store), "badfc5a8", "--speed", "0")
    assert chosen.run(chosen) == 0
    assert capsys.readouterr().out.startswith(" What does that mean?\n\nIt means that if you receive one vaccine")


@pytest.mark.parametrize("words", [["--speed", "-1"], ["--speed", "fast"], ["--idle-limit", "0"]])
def test_the_command_refuses_numbers_that_make_no_sense(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        arguments_of("store", "badfc5a8", *words)
    assert f"argument {words[0]}" in capsys.readouterr().err
