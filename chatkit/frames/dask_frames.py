"""Tables larger than one machine's memory: the same scan, run per group of contexts by Dask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pandas as pd

from chatkit.errors import MissingExtraError, NotFoundError
from chatkit.frames.build import build
from chatkit.frames.filters import Moment, check_columns, label_keys
from chatkit.frames.responses import chunks_df, responses_df
from chatkit.frames.tables import CHUNKS, RESPONSES
from chatkit.store import Store
from chatkit.store.ids import id_text, resolve

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Sequence
    from types import ModuleType

    import dask.dataframe as dd

    from chatkit.frames.column import Table

Labels = str | Iterable[str] | Mapping[str, str]
"""Keys of the messages' own metadata; or keys and the dtypes of their columns."""

_CONTEXTS_A_PARTITION = 250
_TABLES: dict[str, tuple[Table, Any]] = {"responses": (RESPONSES, responses_df), "chunks": (CHUNKS, chunks_df)}


def responses_ddf(
    source: str | os.PathLike[str] | Store,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: Labels = (),
    cache: bool = False,
) -> dd.DataFrame:
    """One row per streamed response, as a Dask frame: what :func:`responses_df` gives, for stores of any size.

    A partition holds about 250 contexts, in the order of their ids, and its rows in the order of ``responses_df``;
    each is loaded by the worker that needs it, which opens the store itself. Divisions are unknown. One machine
    is served better by ``responses_df``: Dask is for stores whose tables its memory does not hold, and for several
    machines, started as ``distributed`` workers.

    Args:
        source: a store's path or fsspec URL, which every worker has to reach, or a store opened from one.
        context_id: only this context or these (an id, a unique beginning of one, a row of a table, a list).
        model: only this model or these.
        since: only responses that started then or later; a time without a zone is UTC.
        until: only responses that started before then.
        columns: only these, in this order.
        labels: keys of the messages' own metadata that become further columns. Their dtypes are those of the
            first partition, ``object`` where it has none of them; ``{"scenario": "str"}`` says it for all.
        cache: whether each worker keeps what it parsed in its own cache folder, for the next computation. Not by
            default: the tables of a large store are large there, too; ``frame.to_parquet`` says where they go.

    Returns:
        The columns of :data:`chatkit.frames.tables.RESPONSES` with the same dtypes, but ids are strings: no two
        partitions have the same categories.

    Raises:
        FormatError: the path holds no store.
        NotFoundError: no context has this id.
        KeyError: there is no such column.
        MissingExtraError: Dask is not installed: ``pip install "chatkit-lab[dask]"``.
        ValueError: when computed: a label's value does not fit the column's dtype.

    >>> frame = responses_ddf("data/store", columns=["message_id", "ttft_ms"])
    >>> frame.npartitions, len(frame) == len(responses_df("data/store"))
    (1, True)
    """
    return _frame("responses", source, context_id, columns, labels, _filters(model, since, until, cache=cache))


def chunks_ddf(
    source: str | os.PathLike[str] | Store,
    *,
    context_id: Any = None,
    model: str | Collection[str] | None = None,
    since: Moment = None,
    until: Moment = None,
    columns: Iterable[str] | None = None,
    labels: Labels = (),
    cache: bool = False,
) -> dd.DataFrame:
    """One row per chunk of a streamed response, as a Dask frame; takes what :func:`responses_ddf` takes.

    Returns:
        The columns of :data:`chatkit.frames.tables.CHUNKS` with the dtypes of ``chunks_df``, but ids are strings.

    >>> gaps = chunks_ddf("data/store")["gap_ms"]
    >>> bool(gaps.max().compute() == chunks_df("data/store")["gap_ms"].max())
    True
    """
    return _frame("chunks", source, context_id, columns, labels, _filters(model, since, until, cache=cache))


def _filters(model: Any, since: Moment, until: Moment, *, cache: bool) -> dict[str, Any]:
    return {"model": model, "since": since, "until": until, "cache": cache}


def read_partition(
    context_ids: Sequence[str],
    *,
    table: str,
    store: Store,
    dtypes: Mapping[str, str],
    filters: Mapping[str, Any],
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Load some contexts of a store, on whatever machine this runs; one that is gone by then has no rows.

    Args:
        context_ids: whole ids.
        table: ``responses`` or ``chunks``.
        store: where they are; opened anew, so that threads share nothing.
        dtypes: of the labels, which become columns.
        filters: further arguments of the table's function.
        columns: only these; Dask asks for those that a computation needs.
    """
    declared, load = _TABLES[table]
    store = copy(store)
    wanted = None if columns is None else list(columns)
    asked = [name for name in dtypes if wanted is None or name in wanted]
    options = {**filters, "labels": asked, "columns": wanted}
    try:
        found = load(store, context_id=list(context_ids), **options) if context_ids else None
    except NotFoundError:
        there = store.contexts_by_id().keys()
        left = [context_id for context_id in context_ids if context_id in there]
        found = load(store, context_id=left, **options) if left else None
    if found is None:
        empty = _empty(declared, dtypes)
        return empty if wanted is None else empty[wanted]
    return _typed(found, declared, dtypes)


def _frame(
    table: str,
    source: str | os.PathLike[str] | Store,
    context_id: Any,
    columns: Iterable[str] | None,
    labels: Labels,
    filters: dict[str, Any],
) -> dd.DataFrame:
    dask = _dask()
    declared, load = _TABLES[table]
    keys = label_keys(labels)
    wanted = check_columns(columns, declared, keys)
    store = source if isinstance(source, Store) else Store(source)
    groups = _groups(store, context_id)
    dtypes = dict(labels) if isinstance(labels, Mapping) else {}
    if keys and not dtypes:
        options = {"labels": keys, "columns": keys, "cache": filters["cache"]}
        sample = load(store, context_id=list(groups[0]), **options) if groups[0] else pd.DataFrame()
        dtypes = {key: str(sample[key].dtype) if key in sample else "object" for key in keys}
    known = {"table": table, "store": store, "dtypes": dtypes, "filters": filters}
    label = f"chatkit-{table}-{uuid4().hex}"  # what a cluster kept of an earlier call is not what the files say now
    with dask.config.set({"dataframe.convert-string": False}):  # text keeps the dtype that pandas gives it
        made: dd.DataFrame = dask.dataframe.from_map(
            read_partition, groups, meta=_empty(declared, dtypes), label=label, **known
        )
    return made if wanted is None else made[wanted]


def _dask() -> ModuleType:
    try:
        import dask.dataframe  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            f'Dask frames need {error.name}, which is not installed: pip install "chatkit-lab[dask]"'
        ) from error
    return dask


def _groups(store: Store, context_id: Any) -> list[tuple[str, ...]]:
    """Return the ids of each partition's contexts; one empty group where there is no context."""
    known = sorted(store.contexts_by_id())
    if context_id is not None:
        several = context_id if isinstance(context_id, list | tuple | set | frozenset) else [context_id]
        known = sorted({resolve(id_text(single, "context_id"), set(known), "context") for single in several})
    starts = range(0, len(known), _CONTEXTS_A_PARTITION)
    return [tuple(known[start : start + _CONTEXTS_A_PARTITION]) for start in starts] or [()]


def _empty(declared: Table, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Return the frame without rows."""
    labels = {name: pd.Series(dtype=pd.api.types.pandas_dtype(dtype)) for name, dtype in dtypes.items()}
    return _typed(build(declared, {}).assign(**labels), declared, dtypes)


def _typed(frame: pd.DataFrame, declared: Table, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame with the dtypes that all partitions share."""
    for column in declared:
        if column.dtype == "id" and column.name in frame.columns:
            frame[column.name] = frame[column.name].astype("str")
    for name in dtypes.keys() & set(frame.columns):
        frame[name] = _label(frame[name], pd.api.types.pandas_dtype(dtypes[name]))
    return frame


def _label(values: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    """Return a label's values with the dtype of its column; what that can't hold is refused, never made fit."""
    numeric = all(map(pd.api.types.is_numeric_dtype, (values.dtype, dtype)))
    try:
        if values.dtype == dtype or values.isna().all() or pd.api.types.is_object_dtype(dtype) or numeric:
            return values.astype(dtype)
        raise TypeError(f"{values.dtype} is not {dtype}")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"label {values.name!r} has values that are no {dtype}, as those of the first contexts are; "
            f"say which dtype holds all, as in labels={{{values.name!r}: 'object'}}"
        ) from error
