"""Dask frames, for the numbers across responses: the columns that a question needs, brought together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from chatkit.metrics.columns import require_columns, require_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatkit.metrics.columns import Frame


def in_memory(responses: Frame, names: Iterable[str], *, optional: Iterable[str] = ()) -> pd.DataFrame:
    """Return these columns of a Dask frame as a pandas frame; a pandas frame is returned as it is.

    Exact percentiles and the union of all spans need every value of a column at once. So the workers load the files,
    and of each response only these columns come together here: 8 bytes a number, whatever its text was.

    Args:
        responses: a frame of either kind.
        names: columns that are needed.
        optional: columns that are used where the frame has them.

    Raises:
        KeyError: a column is missing; nothing is computed then.
        TypeError: it is no frame.

    >>> frame = pd.DataFrame({"ttft_ms": [1.0]})
    >>> in_memory(frame, ["ttft_ms"]) is frame
    True
    """
    require_frame(responses)
    if isinstance(responses, pd.DataFrame):
        return responses
    lazy: Any = responses
    require_columns(lazy, names := list(names))
    there = [name for name in optional if name in lazy.columns]
    found: pd.DataFrame = lazy[list(dict.fromkeys([*names, *there]))].compute()
    return found.reset_index(drop=True)
