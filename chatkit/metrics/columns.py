"""The columns that a question needs: whether they are there, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chatkit.frames.filters import require_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dask.dataframe as dd
    from numpy.typing import NDArray

    Frame = pd.DataFrame | dd.DataFrame


def require_columns(frame: Frame, names: Iterable[str]) -> None:
    """Check that a frame has these columns.

    Raises:
        KeyError: one is missing; the message names it and those that are there.
    """
    require_names(names, frame.columns)


def numbers_of(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as float64, missing values of any kind as NaN.

    Raises:
        ValueError: it does not hold numbers.
    """
    column = frame[name]
    if not pd.api.types.is_numeric_dtype(column) and not column.isna().all():
        raise ValueError(f"column {name!r} is not numeric: {column.dtype}")
    numbers: NDArray[np.float64] = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers
