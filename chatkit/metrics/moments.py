"""Moments in frames as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray


def moments_us(moments: pd.Series) -> NDArray[np.float64]:
    """Return moments as µs since the epoch, NaN for those not known.

    Exact: a float64 holds whole µs until the year 2255. Text, as CSV has it, is read as ISO 8601; what has no zone
    is UTC.

    Raises:
        ValueError: a column holds numbers, of which nobody can tell whether they are seconds or µs, or text that is
            no moment.

    >>> moments_us(pd.Series([pd.Timestamp("1970-01-01T00:00:02Z"), pd.NaT]))
    array([2000000.,      nan])
    """
    if pd.api.types.is_numeric_dtype(moments) and moments.notna().any():
        raise ValueError(f"column {moments.name!r} holds numbers, no moments: pd.to_datetime(…, unit=…) makes them")
    is_text = not pd.api.types.is_datetime64_any_dtype(moments)
    stamps = pd.to_datetime(moments, utc=True, format="ISO8601" if is_text else None).dt.as_unit("us")
    return np.where(stamps.isna(), np.nan, stamps.astype("int64"))
