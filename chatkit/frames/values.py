"""Columns from Arrow and numpy as pandas has them: what can be handed on is not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.frames.moments import UTC_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STR = pd.StringDtype(na_value=np.nan)
_UTC = pd.DatetimeTZDtype("us", "UTC")
NO_TIME = np.iinfo(np.int64).min
"""How numpy and pandas write NaT."""
_BLOCK_ROWS = 65_536


def strings(column: pa.ChunkedArray) -> Any:
    """Return a column of text."""
    return _STR.__from_arrow__(column.cast(pa.large_string()))  # type: ignore[attr-defined] # pandas-stubs lack it


def kinds(column: pa.ChunkedArray) -> Any:
    """Return a column of few different texts; of a single one the same block is repeated, whatever its length."""
    column = column.unify_dictionaries()
    known = {text for chunk in column.chunks for text in chunk.dictionary.to_pylist()}
    if len(known) != 1 or column.null_count:
        return strings(column)
    block = pa.repeat(pa.scalar(*known, pa.large_string()), min(_BLOCK_ROWS, len(column)))
    n_whole, rest = divmod(len(column), _BLOCK_ROWS)
    return strings(pa.chunked_array([block] * n_whole + [block[:rest]] * bool(rest), pa.large_string()))


def integers(column: pa.ChunkedArray | pa.Array) -> Any:
    """Return a nullable column of whole numbers."""
    unknown = np.array(pc.is_null(column, nan_is_null=True))
    known = np.where(unknown, 0, np.asarray(pc.fill_null(column, 0)))
    return pd.arrays.IntegerArray(known.astype(np.int64), unknown)


def whole(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a column of whole numbers, all of which are known."""
    return _own(column, np.int64)


def floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return a column of numbers; null is NaN."""
    return _own(pc.fill_null(column, np.nan), np.float64)


def us_of(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a column of times as µs since the epoch, unknown ones as pandas writes them."""
    return _own(pc.fill_null(column.cast(UTC_US).cast(pa.int64()), NO_TIME), np.int64)


def _own(column: pa.ChunkedArray | pa.Array, dtype: type[Any]) -> NDArray[Any]:
    """Return a column that its frame may write to: ``numpy.array`` of one of Arrow's may be the column itself."""
    return np.require(np.asarray(column), dtype, ["WRITEABLE", "OWNDATA"])


def times(us: NDArray[np.int64]) -> Any:
    """Return a column of times in UTC."""
    return pd.array(us, dtype=_UTC, copy=False)


def ids(codes: NDArray[Any], categories: pd.Index) -> Any:
    """Return a column of ids; code -1 is unknown."""
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories), validate=False)


def codes(numbers: NDArray[np.int64], categories: pd.Index) -> NDArray[Any]:
    """Return numbers of categories as small as pandas has them."""
    return numbers.astype(np.min_scalar_type(-max(len(categories), 1)))


def id_index(known: pa.Array | pa.ChunkedArray) -> pd.Index:
    """Return ids as categories."""
    index: pd.Index = pd.Index(strings(pa.chunked_array([known]) if isinstance(known, pa.Array) else known))
    return index
