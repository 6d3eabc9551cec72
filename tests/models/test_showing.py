"""What messages and responses show of themselves in a notebook and in plain text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from chatkit.models import Message, Usage
from chatkit.models.notebook_table import notebook_table
from chatkit.models.one_line import one_line
from tests.models.examples import MESSAGE_ID, SENT, answer, first_chunk_answer, message_of

HOSTILE = "<img src=x onerror=alert(1)>&amp;\u202egnp.exe\x1b[31m\ud800\n\tend"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        assert [name for name, _ in attrs] in ([], ["style"])

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    return tags


def cells(html: str) -> dict[str, str]:
    """The rows of a table of names and values."""
    return dict(re.findall(r"<th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", html))


def test_a_response_shows_model_chunks_times_tokens_and_end() -> None:
    usage = Usage(prompt_tokens=1257, completion_tokens=80)
    response = answer((100, "Hel"), (120, "lo"), end_ms=1500, model="m", usage=usage, finish_reason="stop")
    assert cells(message_of(response)._repr_html_()) == {
        "role": "assistant", "type": "streaming_response", "created": "2026-11-23 09:01:52 UTC", "model": "m",
        "chunks": "2", "duration": "1.50 s", "TTFT": "100 ms", "prompt tokens": "1,257", "completion tokens": "80",
        "ended": "stop", "content": "Hello",
    }  # fmt: skip


def test_what_is_not_known_is_a_dash_or_said_and_never_zero() -> None:
    shown = cells(first_chunk_answer((0, "a"))._repr_html_())
    assert (shown["model"], shown["TTFT"], shown["prompt tokens"]) == ("-", "unknown", "-")


def test_a_text_shows_its_length_and_its_beginning() -> None:
    message = Message.from_text("x" * 5000, message_id=MESSAGE_ID, created_at=SENT)
    shown = cells(message._repr_html_())
    assert shown["characters"] == "5,000"
    assert shown["content"] == "x" * 299 + "…"


def test_nothing_that_a_message_says_becomes_markup_or_steers_the_page() -> None:
    response = answer((1, HOSTILE), model=HOSTILE, finish_reason=HOSTILE)
    shown = read(message_of(response, role=HOSTILE)._repr_html_())
    assert set(shown.opened) == {"div", "strong", "table", "tbody", "tr", "th", "td"}
    safe = r"<img src=x onerror=alert(1)>&amp;\u202egnp.exe\x1b[31m\ud800 end"
    assert shown.texts.count(safe) == 4  # role, model, end, content


def test_plain_text_is_one_line_that_steers_no_terminal() -> None:
    for shown in (repr(message_of(answer((1, "a"), model=HOSTILE))), repr(answer((1, "a"), model=HOSTILE))):
        assert shown.isprintable()
        assert shown.encode()
        assert len(shown) < 250


def test_a_response_in_plain_text_says_what_a_message_does() -> None:
    response = answer((100, "a"), end_ms=1500, model="m", finish_reason="stop")
    assert repr(response) == str(response) == "<Response m, 1 chunk, 1.50 s, TTFT 100 ms, stop>"


def test_the_same_message_looks_the_same_each_time() -> None:
    response = answer((1, "a"))
    assert message_of(response)._repr_html_() == message_of(response)._repr_html_()
    assert "0x" not in repr(message_of(response))


def test_a_table_has_no_colours_of_its_own() -> None:
    styles = set(re.findall(r'style="(.*?)"', notebook_table("t", [("a", 1)], ("b", "c"), "n")))
    assert styles == {"text-align: left"}


@pytest.mark.parametrize(
    ("text", "longest", "shown"),
    [
        ("  a \r\n b\u2028c\x85d ", 80, "a b c d"),  # every kind of line end is a space
        ("\u2066a\u2069\u200f", 80, r"\u2066a\u2069\u200f"),
        ("न\u200cम 👩\u200d🔬", 80, "न\u200cम 👩\u200d🔬"),  # joiners are part of words and emoji
        ("a" * 80, 80, "a" * 80),
        ("a" * 81, 80, "a" * 79 + "…"),
        (" " * 1000 + "late", 10, "…"),  # only the beginning is looked at
        ("", 10, ""),
    ],
)
def test_one_line_is_short_and_spells_out_what_steers(text: str, longest: int, shown: str) -> None:
    assert one_line(text, longest) == shown
