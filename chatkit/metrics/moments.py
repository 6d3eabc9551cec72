"""Moments in frames as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray


def moments_us(moments: pd.Series) -> NDArray[np.float64]:
    """Return moments as µs since the epoch, NaN for those not known.

    Exact: a float64 holds whole µs until the year 2255.

    >>> moments_us(pd.Series([pd.Timestamp("1970-01-01T00:00:02Z"), pd.NaT]))
    array([2000000.,      nan])
    """
    stamps = pd.to_datetime(moments, utc=True).dt.as_unit("us")
    return np.where(stamps.isna(), np.nan, stamps.astype("int64"))
