"""Text of unknown origin, fit to stand in one line: short, and nothing in it that steers what shows it."""

from __future__ import annotations

import unicodedata

_STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's classes of control characters, marks of direction, halves of characters, and other line ends."""
_JOINERS = "\u200c\u200d"
"""They hold letters of some scripts, and parts of an emoji, together or apart; they steer nothing else."""


def one_line(text: str, longest: int) -> str:
    r"""Return the beginning of a text on one line; what could steer a terminal or turn the line around is spelled out.

    >>> one_line("Hello,\n  world", 80), one_line("abcdef", 4), one_line("a\u202eb\x1b[2J", 80)
    ('Hello, world', 'abc…', 'a\\u202eb\\x1b[2J')
    """
    line = " ".join(text[: 4 * longest].split())
    is_cut = len(line) > longest or len(text) > 4 * longest
    kept = line[: longest - 1] if is_cut else line
    return "".join(_spelled(character) for character in kept) + "…" * is_cut


def _spelled(character: str) -> str:
    if unicodedata.category(character) in _STEERING and character not in _JOINERS:
        return character.encode("unicode_escape").decode("ascii")
    return character
