"""Columns into a frame, with the dtypes that its table declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatkit.frames.values import NO_TIME
from chatkit.models.text import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from chatkit.frames.column import Column, Dtype, Table


def build(
    table: Table,
    columns: Mapping[str, Any],
    *,
    ids: Mapping[str, Sequence[str]] | None = None,
    labels: Mapping[str, list[Any]] | None = None,
    wanted: list[str] | None = None,
) -> pd.DataFrame:
    """Make a frame of the declared columns, and those of the labels after them.

    Args:
        table: the declaration.
        columns: values by name; a column that is missing here makes an empty table.
        ids: for each column of ids, all ids of the source, which become its categories.
        labels: values of further columns, of no declared dtype.
        wanted: only these columns, in this order.
    """
    made = {column.name: _array(column, columns.get(column.name, []), ids or {}) for column in table}
    made |= {name: label_array(values) for name, values in (labels or {}).items()}
    frame = pd.DataFrame(made)
    return frame if wanted is None else frame[wanted]


def assemble(
    table: Table,
    column: Callable[[str], Any],
    n_rows: int,
    *,
    labels: Mapping[str, list[Any]] | None = None,
    wanted: list[str] | None = None,
) -> pd.DataFrame:
    """Make a frame of columns that are made one by one, only those that are wanted; nothing is copied.

    Args:
        table: the declaration.
        column: makes the column of a name.
        n_rows: how many rows there are, whatever is wanted of them.
        labels: values of further columns, of no declared dtype.
        wanted: only these columns, in this order.
    """
    labels = labels or {}
    names = wanted if wanted is not None else [*(declared.name for declared in table), *labels]
    made = {name: label_array(labels[name]) if name in labels else column(name) for name in dict.fromkeys(names)}
    frame = pd.DataFrame(made, pd.RangeIndex(n_rows), copy=False)
    return frame if list(made) == names else frame[names]


def label_array(values: Sequence[Any]) -> Any:
    """Make a column of label values: text, whole numbers, numbers or truth values if all are, else objects."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {str}:
        return strings(values)
    if kinds == {bool}:
        return pd.array(list(values), dtype="boolean")
    if kinds and kinds <= {int, float} and not any(map(_is_too_large, values)):
        return integers(values) if kinds == {int} else floats(values)
    return pd.Series(list(values), dtype="object")


def floats(values: Sequence[float | None]) -> Any:
    """Make a float column; None is NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def integers(values: Iterable[int | None]) -> Any:
    """Make a nullable column of whole numbers; None is NA."""
    return pd.array([pd.NA if value is None else int(value) for value in values], dtype="Int64")


def times(values: Sequence[int | None]) -> Any:
    """Make a column of times in UTC from µs since the epoch; None is NaT."""
    us = np.array([NO_TIME if value is None else value for value in values], dtype=np.int64)
    return pd.DatetimeIndex(us.view("M8[us]")).tz_localize("UTC")


def strings(values: Iterable[str | None]) -> Any:
    """Make a column of text; half characters, which it can't hold, become U+FFFD."""
    return pd.array([None if value is None else well_formed(value) for value in values], dtype="str")


def _is_too_large(value: Any) -> bool:
    """Whether this is a whole number that 64 bits don't hold; JSON has such."""
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _array(column: Column, values: Any, ids: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(values, np.ndarray | pd.api.extensions.ExtensionArray):
        return values
    if column.dtype == "id":
        known = ids.get(column.name, list(dict.fromkeys(values)))
        return pd.Categorical(values, categories=pd.Index(known, dtype="str"))
    return _MAKERS[column.dtype](values)


_MAKERS: dict[Dtype, Any] = {
    "str": strings,
    "Int64": integers,
    "int64": lambda values: np.array(values, dtype=np.int64),
    "float64": floats,
    "datetime64[us, UTC]": times,
    "bool": lambda values: np.array(values, dtype=np.bool_),
}
