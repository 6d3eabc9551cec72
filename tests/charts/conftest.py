"""Chunks written by hand, and a figure that is closed after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

ChunksAt = Callable[..., pd.DataFrame]


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def chunks_at() -> ChunksAt:
    """Chunks of one response at these ms after its request, each with five characters."""

    def build(message_id: str, *offsets_ms: float, **columns: Any) -> pd.DataFrame:
        at = np.array(offsets_ms, dtype=np.float64)
        frame = pd.DataFrame(
            {
                "message_id": message_id,
                "sequence": np.arange(1, len(at) + 1),
                "delta": [f"w{number:02d}, " for number in range(1, len(at) + 1)],
                "offset_ms": at,
                "elapsed_ms": at - at[:1].sum(),
                "gap_ms": np.diff(at, prepend=np.nan),
                "n_chars": 5,
            }
        )
        return frame.assign(**columns)

    return build


@pytest.fixture
def stalled(chunks_at: ChunksAt) -> pd.DataFrame:
    """Gaps 10, 20, 30, 800, 10, 400, 20 ms: two stalls of 1.2 of 1.39 seconds."""
    return chunks_at("stalled-response", 100, 110, 130, 160, 960, 970, 1370, 1390)
