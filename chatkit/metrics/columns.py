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

_NUMBERS = ("integer", "floating", "mixed-integer-float")
"""What pandas calls a column of objects that are all numbers."""


def require_frame(frame: Frame) -> None:
    """Check that a table was given, and not what a table is made of.

    Raises:
        TypeError: it is no DataFrame; the message says how to make one.

    >>> require_frame("data/store")
    Traceback (most recent call last):
    ...
    TypeError: a str is no table: give a DataFrame, such as ck.responses_df(store) or ck.chunks_df(store)
    """
    if isinstance(frame, pd.DataFrame) or type(frame).__module__.startswith("dask."):
        return
    raise TypeError(
        f"a {type(frame).__name__} is no table: give a DataFrame, such as ck.responses_df(store) or ck.chunks_df(store)"
    )


def require_columns(frame: Frame, names: Iterable[str]) -> None:
    """Check that a frame has these columns.

    Raises:
        KeyError: one is missing; the message names it and those that are there.
        TypeError: it is no DataFrame.
    """
    require_frame(frame)
    require_names(names, frame.columns)


def numbers_of(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as float64, missing values of any kind as NaN.

    Numbers in a column of objects, as some ways to put frames together leave them, are numbers.

    Raises:
        ValueError: it does not hold numbers, or one that is infinite.

    >>> numbers_of(pd.DataFrame({"ttft_ms": pd.Series([1, None, 2.5], dtype="object")}), "ttft_ms")
    array([1. , nan, 2.5])
    """
    column = frame[name]
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in _NUMBERS:
        column = pd.to_numeric(column.mask(column.isna(), np.nan))
    if not pd.api.types.is_numeric_dtype(column) and not column.isna().all():
        raise ValueError(f"column {name!r} is not numeric: {column.dtype}")
    numbers: NDArray[np.float64] = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    if n_infinite := int(np.isinf(numbers).sum()):
        raise ValueError(f"column {name!r} has {n_infinite} infinite values: what is unknown is NaN, not infinite")
    return numbers
