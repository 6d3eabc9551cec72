r"""Text that came in pieces: a character may be cut in two between them.

JSON can carry half of a surrogate pair (``"\ud83d"``), and a source that cuts its text by UTF-16 units sends
such halves. They are kept as they came; joined, they are the character that was meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CUT = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def join(deltas: Iterable[str]) -> str:
    r"""Join pieces; the two halves of a character become that character, a lone half stays.

    >>> join(["a\ud83d", "\ude00b"]) == "a😀b"
    True
    """
    joined = "".join(deltas)
    if not _CUT.search(joined):
        return joined
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def well_formed(text: str) -> str:
    r"""Replace lone halves of characters with U+FFFD, for what takes valid Unicode only.

    >>> well_formed("a\ud83d")
    'a\ufffd'
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def code_points(deltas: Sequence[str]) -> list[int]:
    r"""For each piece, the code points it adds: a second half adds nothing to the first, an empty piece between or not.

    >>> code_points(["ab", "\ud83d", "\ude00!"])
    [2, 1, 1]
    """
    counts = [len(delta) for delta in deltas]
    before = ""
    for place, delta in enumerate(deltas):
        counts[place] -= bool(_CUT.match(before[-1:] + delta[:1]))
        before = delta or before
    return counts
