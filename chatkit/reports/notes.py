"""What a report says once about what is not known, and how to know it the next time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def notes(responses: pd.DataFrame, n_problems: int) -> list[str]:
    """Return one sentence for each thing that is missing; none where nothing is."""
    found = []
    total = len(responses)
    if not total:
        found.append("The store holds no streamed response.")
    no_request = int(responses["ttft_ms"].isna().sum() - (responses["n_chunks"] == 0).sum())
    if no_request > 0:
        found.append(
            f"The time at which the request was sent is not known for {no_request} of {total} responses, so their "
            "TTFT and end-to-end time are unknown. An application makes it known by storing request_sent_at "
            "with a streamed message."
        )
    no_usage = int(responses["completion_tokens"].isna().sum())
    if no_usage:
        found.append(
            f"{no_usage} of {total} responses came without token usage, so their figures per token are unknown. "
            "Many providers report it when asked (OpenAI: stream_options={'include_usage': true}); an aborted "
            "stream has none."
        )
    if n_problems:
        found.append(f"{n_problems} problems were found in the files; ck.problems_df(store) names each.")
    return found
