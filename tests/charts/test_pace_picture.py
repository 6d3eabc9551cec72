"""``plot_pace``: what its artists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import StepPatch

from chatkit.charts import plot_pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    ChunksAt = Callable[..., pd.DataFrame]


def paces(ax: Axes) -> list[dict[tuple[float, float], float]]:
    """For each line, the pace in each bin that it covers."""
    found = []
    for values, edges, _ in (patch.get_data() for patch in ax.patches if isinstance(patch, StepPatch)):
        bins = zip(np.round(edges, 6).tolist(), np.round(edges, 6).tolist()[1:], strict=False)
        paced = zip(bins, np.round(values, 6).tolist(), strict=True)
        found.append({span: value for span, value in paced if not np.isnan(value)})
    return found


def texts(ax: Axes, gid: str) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_gid() == gid]


def usage(**tokens_per_chunk: float | None) -> pd.DataFrame:
    """Responses with so many tokens a chunk; of None nothing is known."""
    tokens = np.array(list(tokens_per_chunk.values()), dtype=np.float64)
    return pd.DataFrame({"message_id": list(tokens_per_chunk), "chunks_per_token": 1 / tokens, "tpot_ms": 20 * tokens})


def test_a_chunk_counts_evenly_over_the_gap_before_it(chunks_at: ChunksAt) -> None:
    """Gaps 50, 50, 100, 100 and 100 ms, median 100: bins of 4 of them, round, are 500 ms."""
    ax = plot_pace(chunks_at("a", 400, 450, 500, 600, 700, 800))
    # Up to 500 ms two chunks in 100 ms; after it three in 300 ms.
    assert paces(ax) == [{(0, 0.5): 20, (0.5, 1): 10}]
    assert texts(ax, "end label") == ["a\nmean 12.5 chunks/s"]
    assert texts(ax, "caption") == ["a · 6 chunks · bins of 500 ms"]


def test_a_stall_is_nearly_no_pace(chunks_at: ChunksAt) -> None:
    at = [*range(100, 1101, 25), *range(3100, 4101, 25)]
    (pace,) = paces(plot_pace(chunks_at("a", *at)))
    assert (pace[(0.5, 0.6)], pace[(2, 2.1)], pace[(3.5, 3.6)]) == (40, 0.5, 40)


def test_chunks_of_one_read_make_no_spike(chunks_at: ChunksAt) -> None:
    """Ten a second from 100 ms on, then three at once."""
    (pace,) = paces(plot_pace(chunks_at("a", 100, 200, 300, 400, 400, 400)))
    assert pace == {(0, 0.5): pytest.approx(5 / 0.3)}


def test_characters_are_those_of_the_chunks(chunks_at: ChunksAt) -> None:
    ax = plot_pace(chunks_at("a", 100, 200, 300, n_chars=[7, 1, 3]), of="characters")
    assert paces(ax) == [{(0, 0.5): 20}]
    assert ax.get_ylabel() == "characters per second"


def test_tokens_are_spread_over_the_chunks_where_they_are_known(chunks_at: ChunksAt) -> None:
    chunks = pd.concat([chunks_at("a", 100, 200, 300), chunks_at("b", 100, 200, 300)])
    ax = plot_pace(chunks, of="tokens", responses=usage(a=3, b=None))
    assert paces(ax) == [{(0, 0.5): 30}]
    assert texts(ax, "caption") == ["2 responses · 6 chunks · bins of 500 ms · 1 of unknown tokens left out"]


def test_tokens_without_responses_are_refused(chunks_at: ChunksAt) -> None:
    with pytest.raises(ValueError, match="of='tokens' needs responses="):
        plot_pace(chunks_at("a", 100, 200), of="tokens")


def test_responses_of_one_name_are_the_mean_of_those_that_stream(chunks_at: ChunksAt) -> None:
    """One brings 100 characters a second for 0.4 s, the other 50 for 0.8 s: at first 60 in 0.8 s of streaming."""
    one, other = chunks_at("a", *range(100, 501, 100), n_chars=10), chunks_at("b", *range(100, 901, 100), n_chars=5)
    ax = plot_pace(pd.concat([one, other]).assign(server="idle"), of="characters", label="server")
    assert paces(ax) == [{(0, 0.5): 75, (0.5, 1): 50}]
    assert texts(ax, "end label") == ["idle\nn = 2, mean 66.7 characters/s"]


def test_more_than_six_responses_without_names_are_one_line(chunks_at: ChunksAt) -> None:
    six, seven = (pd.concat([chunks_at(f"r{k}", 100, 200, 300) for k in range(n)]) for n in (6, 7))
    assert len(paces(plot_pace(six))) == 6
    ax = plot_pace(seven)
    assert paces(ax) == [{(0, 0.5): 10}]
    assert texts(ax, "end label") == ["n = 7\nmean 10 chunks/s"]


def test_one_chunk_has_no_pace_and_none_is_a_picture_too(chunks_at: ChunksAt) -> None:
    for chunks in (chunks_at("a", 100), chunks_at("a"), chunks_at("a", 100, 100)):
        ax = plot_pace(chunks)
        assert texts(ax, "nothing") == ["nothing to draw: no response with two chunks or more"]
        assert not ax.patches
    assert "1 of a single moment left out" in texts(plot_pace(chunks_at("a", 100)), "caption")[0]


def test_a_missing_column_is_named(chunks_at: ChunksAt) -> None:
    with pytest.raises(KeyError, match="no column 'n_chars'"):
        plot_pace(chunks_at("a", 100, 200).drop(columns="n_chars"), of="characters")
    with pytest.raises(KeyError, match="no column 'tpot_ms'"):
        plot_pace(chunks_at("a", 100, 200), of="tokens", responses=usage(a=1).drop(columns="tpot_ms"))
