"""A column of a table, declared once: everything else about it follows from the declaration."""

from __future__ import annotations

from typing import Literal, NamedTuple

Dtype = Literal["id", "str", "Int64", "int64", "float64", "datetime64[us, UTC]", "bool"]
"""``id`` is a categorical of strings, whose categories all tables of one source share."""


class Column(NamedTuple):
    """Name, dtype, unit and meaning of a column.

    Attributes:
        name: units stand in it.
        dtype: of the column in a frame, whether or not it has rows.
        unit: None for what has none.
        meaning: one sentence: the formula, and when it is unknown.
    """

    name: str
    dtype: Dtype
    unit: str | None
    meaning: str


Table = tuple[Column, ...]


def names(table: Table) -> list[str]:
    """Return the names of a table's columns, in order."""
    return [column.name for column in table]
