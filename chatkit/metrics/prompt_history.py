"""How much of a prompt repeats what the turn before already held."""

from __future__ import annotations

import pandas as pd

from chatkit.metrics.columns import require_columns


def add_history(responses: pd.DataFrame) -> pd.DataFrame:
    """Add how many of the prompt's tokens repeat the conversation so far, and how many are new.

    ``history_tokens = min(prompt + completion tokens of the context's response before it, prompt_tokens)``,
    0 for the first of a context; ``new_tokens = prompt_tokens - history_tokens``. Answers to the same message (one
    was asked for again) have the same response before them. It is a bound from usage alone: a chat template or a
    summarised history may repeat less.

    Args:
        responses: one row per response: ``context_id``, ``response_index`` (its place in the context),
            ``prompt_tokens``, ``completion_tokens``; ``parent_id`` (the message it answers) where there is one. The
            whole context: the turn before is looked up here.

    Returns:
        The same rows with ``history_tokens`` and ``new_tokens`` (Int64); NA where this prompt or the usage of
        the response before is not reported, and for a response that belongs to no context or has no place in it.

    Raises:
        KeyError: a column is missing.

    References:
        Prefix caching is what makes the difference cheap: compare ``new_tokens`` with
        ``prompt_tokens - cached_tokens``.

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
    ordered = plain[plain["response_index"].notna()].sort_values("response_index", kind="stable")
    said = (prompt + plain["completion_tokens"].astype("Int64")).loc[ordered.index]
    contexts = said.groupby(ordered["context_id"], observed=True)
    history = contexts.shift().mask(contexts.cumcount().eq(0) & ordered["context_id"].notna(), 0)
    history = history.loc[_first_answers(ordered)].set_axis(ordered.index).reindex(plain.index)
    # Not `clip`: it would take an unknown prompt for no bound.
    history = history.mask(history.gt(prompt).fillna(value=False), prompt).mask(prompt.isna())
    return responses.assign(history_tokens=history.array, new_tokens=(prompt - history).array)


def _first_answers(ordered: pd.DataFrame) -> pd.Index:
    """Return for each response the row of the first one that answers the same message; its own, if that is not known.

    What came before a message came before every answer to it, but an answer does not come before the next.
    """
    itself = ordered.index.to_series()
    if "parent_id" not in ordered.columns:
        return ordered.index
    first = itself.groupby([ordered["context_id"], ordered["parent_id"]], observed=True).transform("first")
    return pd.Index(first.fillna(itself).astype("int64"))
