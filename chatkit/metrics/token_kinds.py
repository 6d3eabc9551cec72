"""The tokens of responses by kind, each token in one kind only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chatkit.metrics.columns import numbers_of, require_columns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class InputTokens(NamedTuple):
    """The prompt tokens of each response, in parts that add up to it; NaN where they are not known.

    Attributes:
        plain: neither read from a cache nor written to one.
        cached: read from a cache.
        written: computed, and written to a cache.
    """

    plain: Floats
    cached: Floats
    written: Floats

    @property
    def uncached(self) -> Floats:
        """Those that the model had to compute."""
        return self.plain + self.written

    @classmethod
    def of(cls, responses: pd.DataFrame) -> InputTokens:
        """Split ``prompt_tokens`` by ``cached_tokens`` and ``cache_write_tokens``, where the frame has those.

        Many sources report neither, so one that is missing counts as none. All parts are NaN where the prompt
        is not known, or is smaller than its parts.

        Raises:
            KeyError: there is no ``prompt_tokens``.

        >>> import pandas as pd
        >>> parts = InputTokens.of(pd.DataFrame({"prompt_tokens": [100, 50], "cached_tokens": [80, None]}))
        >>> parts.plain.tolist(), parts.cached.tolist()
        ([20.0, 50.0], [80.0, 0.0])
        """
        require_columns(responses, ["prompt_tokens"])
        prompt = numbers_of(responses, "prompt_tokens")
        return cls(*_parts(prompt, _reported(responses, "cached_tokens"), _reported(responses, "cache_write_tokens")))


class OutputTokens(NamedTuple):
    """The completion tokens of each response, in parts that add up to it; NaN where they are not known.

    Attributes:
        answer: what is not reasoning.
        reasoning: spent on reasoning, whether the stream showed it or not.
    """

    answer: Floats
    reasoning: Floats

    @property
    def total(self) -> Floats:
        """All of them."""
        return self.answer + self.reasoning

    @classmethod
    def of(cls, responses: pd.DataFrame) -> OutputTokens:
        """Split ``completion_tokens`` by ``reasoning_tokens``, where the frame has those; see :class:`InputTokens`.

        Raises:
            KeyError: there is no ``completion_tokens``.
        """
        require_columns(responses, ["completion_tokens"])
        completion = numbers_of(responses, "completion_tokens")
        return cls(*_parts(completion, _reported(responses, "reasoning_tokens")))


def _reported(responses: pd.DataFrame, name: str) -> Floats:
    """Return a count that sources may leave out, 0 where it is not known."""
    if name not in responses.columns:
        return np.zeros(len(responses))
    return np.nan_to_num(numbers_of(responses, name))


def _parts(whole: Floats, *parts: Floats) -> list[Floats]:
    """Return what the parts leave of the whole, then the parts; NaN where they are more than the whole."""
    rest = whole - np.sum(parts, axis=0)
    known = rest >= 0  # False of NaN
    return [np.where(known, part, np.nan) for part in (rest, *parts)]
