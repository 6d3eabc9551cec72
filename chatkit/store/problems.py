"""Files that could not be read, and the one warning that says so."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from chatkit.errors import CorruptFileError, CorruptFileWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatkit.models import Message


class Problem(NamedTuple):
    """One thing that is wrong in a store.

    Attributes:
        path: the file.
        context_id: the context it belongs to, where known.
        message_id: the message, where it is one's.
        where: the place in the file, or "".
        reason: what is wrong.
    """

    path: str
    context_id: str | None
    message_id: str | None
    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.where}: {self.reason}" if self.where else f"{self.path}: {self.reason}"


def disorder_in(message: Message, path: str = "", context_id: str | None = None) -> Problem | None:
    """Return where the times of a response go back; they are kept as they are. None where they don't."""
    chunks = message.streaming_response.chunks if message.streaming_response else ()
    for place, (before, chunk) in enumerate(pairwise(chunks), start=1):
        if chunk.timestamp < before.timestamp:
            where = f"streaming_response.chunks.{place}.timestamp"
            reason = f"goes back by {(before.timestamp - chunk.timestamp).total_seconds() * 1000:.3f} ms"
            return Problem(path, context_id or message.context_id, message.message_id, where, reason)
    return None


class Problems:
    """The problems met so far in one store, each once.

    Args:
        strict: raise the first instead of going on.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._met: dict[Problem, None] = {}
        self._depth = 0

    def __iter__(self) -> Iterator[Problem]:
        return iter(list(self._met))

    def __len__(self) -> int:
        return len(self._met)

    def add(self, error: CorruptFileError, context_id: str | None, message_id: str | None = None) -> None:
        """Note what is wrong with a file and go on; raise it instead where the store is strict."""
        if self.strict:
            raise error
        self.note(Problem(error.path, context_id, message_id, error.where, error.reason))

    def note(self, problem: Problem) -> None:
        """Note something odd in a file that was read all the same."""
        self._met.setdefault(problem)

    def has_named(self, context_id: str, message_id: str) -> bool:
        """Whether something was wrong with this message already."""
        return any((problem.context_id, problem.message_id) == (context_id, message_id) for problem in self._met)

    def forget(self, context_id: str | None = None) -> None:
        """Forget what was met in a context, or anywhere, before it is read again: it may have been put right."""
        kept = [] if context_id is None else [one for one in self._met if one.context_id != context_id]
        self._met = dict.fromkeys(kept)

    @contextmanager
    def one_warning(self) -> Iterator[None]:
        """Read several files: whatever is met in the block that was not met before makes one warning."""
        before = set(self._met)
        with self.no_warning():
            yield
        new = [problem for problem in self._met if problem not in before]
        if new and not self._depth:
            files = len({problem.path for problem in new})
            warnings.warn(
                f"{files} file{'s' * (files != 1)} with problems; the rest was read. First: {new[0]}. "
                "All are in store.problems() and ck.problems_df(store)",
                CorruptFileWarning,
                stacklevel=4,
            )

    @contextmanager
    def no_warning(self) -> Iterator[None]:
        """Read several files for a caller who is given the problems anyway."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
