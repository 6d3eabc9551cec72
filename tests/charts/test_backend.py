"""Pictures and the backend that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

from chatkit.charts import plot_arrival

if TYPE_CHECKING:
    import pytest


def test_a_backend_that_turns_interactive_mode_on_is_not_turned_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend of notebooks does so when the first figure is made; without it the second is never shown."""
    chunks = pd.DataFrame(
        {
            "message_id": ["a", "a"],
            "sequence": [1, 2],
            "offset_ms": [10.0, 20.0],
            "elapsed_ms": [0.0, 10.0],
            "gap_ms": [None, 10.0],
            "n_chars": [1, 1],
        }
    )
    make_figure = plt.subplots

    def load_backend_and_make_figure(*args: Any, **kwargs: Any) -> Any:
        mpl.interactive(b=True)
        return make_figure(*args, **kwargs)

    monkeypatch.setattr(plt, "subplots", load_backend_and_make_figure)
    try:
        plot_arrival(chunks)
        assert mpl.is_interactive()
    finally:
        mpl.interactive(b=False)
        plt.close("all")
