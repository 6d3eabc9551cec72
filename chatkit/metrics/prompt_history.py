"""How much of a prompt repeats what the turn before already held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.metrics.columns import require_columns

if TYPE_CHECKING:
    import pandas as pd


def add_history(responses: pd.DataFrame) -> pd.DataFrame:
    """Add how many of the prompt's tokens repeat the conversation so far, and how many are new.

    ``history_tokens = min(prompt + completion tokens of the context's response before it, prompt_tokens)``,
    0 for the first of a context; ``new_tokens = prompt_tokens - history_tokens``. It is a bound from usage
    alone: a chat template or a summarised history may repeat less.

    Args:
        responses: one row per response: ``context_id``, ``response_index`` (its place in the context),
            ``prompt_tokens``, ``completion_tokens``. The whole context: the turn before is looked up here.

    Returns:
        The same rows with ``history_tokens`` and ``new_tokens`` (Int64); NA where this prompt or the usage of
        the response before is not reported, and for a response that belongs to no context.

    Raises:
        KeyError: a column is missing.

    References:
        Prefix caching is what makes the difference cheap: compare ``new_tokens`` with
        ``prompt_tokens - cached_tokens``.

    >>> import pandas as pd
    >>> responses = pd.DataFrame({"context_id": "c", "response_index": [0, 1], "prompt_tokens": [30, 140],
    ...                           "completion_tokens": [80, 60]})
    >>> add_history(responses)[["history_tokens", "new_tokens"]]
       history_tokens  new_tokens
    0               0          30
    1             110          30
    """
    require_columns(responses, ["context_id", "response_index", "prompt_tokens", "completion_tokens"])
    plain = responses.reset_index(drop=True)
    prompt = plain["prompt_tokens"].astype("Int64")
    ordered = plain.sort_values("response_index", kind="stable").index
    said = (prompt + plain["completion_tokens"].astype("Int64")).loc[ordered]
    context = plain["context_id"].loc[ordered]
    contexts = said.groupby(context, observed=True)
    history = contexts.shift().mask(contexts.cumcount().eq(0) & context.notna(), 0)
    history = history.reindex(plain.index)
    # Not `clip`: it would take an unknown prompt for no bound.
    history = history.mask(history.gt(prompt).fillna(value=False), prompt).mask(prompt.isna())
    return responses.assign(history_tokens=history.array, new_tokens=(prompt - history).array)
