"""Token usage in one schema, whoever reported it."""

from __future__ import annotations

from pydantic import Field

from chatkit.models.record import Record, Whole, is_absent


class Usage(Record):
    """Tokens of one response; a count that was not reported is None, never 0.

    Attributes:
        prompt_tokens: the whole input, its cached part included.
        completion_tokens: the whole output, reasoning included.
        total_tokens: their sum.
        cached_tokens: input that was read from a cache.
        cache_write_tokens: input that was written to a cache.
        reasoning_tokens: output spent on reasoning, shown or hidden.
    """

    prompt_tokens: Whole | None = None
    completion_tokens: Whole | None = None
    total_tokens: Whole | None = None
    cached_tokens: Whole | None = None
    reasoning_tokens: Whole | None = Field(default=None, exclude_if=is_absent)
    cache_write_tokens: Whole | None = Field(default=None, exclude_if=is_absent)
