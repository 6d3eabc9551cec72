"""Which rows of a table are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from chatkit.frames.column import Table, names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Moment = str | datetime | pd.Timestamp | None
"""A time; one without a zone is taken as UTC."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader asked for; None asks for nothing.

    Attributes:
        context_id: one or several contexts.
        models: names of models.
        since: the earliest time, included.
        until: the latest time, excluded.
        labels: keys of the messages' own metadata that become columns.
    """

    context_id: Any = None
    models: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    labels: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        context_id: Any = None,
        model: str | Collection[str] | None = None,
        since: Moment = None,
        until: Moment = None,
        labels: tuple[str, ...] = (),
    ) -> Filters:
        """Take the arguments of a ``*_df`` function."""
        return cls(
            context_id,
            None if model is None else frozenset([model] if isinstance(model, str) else model),
            _utc(since),
            _utc(until),
            labels,
        )

    @property
    def of_rows(self) -> bool:
        """Whether rows are left out for what they say, not only for where they are."""
        return not (self.models is None and self.since is None and self.until is None)


def label_keys(labels: str | Iterable[str]) -> tuple[str, ...]:
    """Return labels as a tuple; a single one may be given by itself."""
    return (labels,) if isinstance(labels, str) else tuple(labels)


def check_columns(columns: Iterable[str] | None, table: Table, labels: Iterable[str]) -> list[str] | None:
    """Return the columns asked for, None for all.

    Raises:
        KeyError: one is not in the table.
        ValueError: a label has the name of a column.
    """
    known = names(table)
    taken = sorted(set(labels) & set(known))
    if taken:
        raise ValueError(f"label {taken[0]!r} has the name of a column; rename the key in the messages' metadata")
    if columns is None:
        return None
    wanted = [columns] if isinstance(columns, str) else list(columns)
    require_names(wanted, [*known, *labels])
    return wanted


def require_names(wanted: Iterable[str], there: Iterable[object]) -> None:
    """Check that columns are among those of a table or frame, the one way for all that takes one.

    Raises:
        KeyError: one is missing, as pandas has it; the message names it and those that are there.
    """
    there = list(there)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise KeyError(f"no column {', '.join(map(repr, missing))}; there are {', '.join(map(str, there)) or 'none'}")


def _utc(moment: Moment) -> datetime | None:
    if moment is None:
        return None
    stamp = pd.Timestamp(moment)
    utc = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return utc.to_pydatetime(warn=False)
