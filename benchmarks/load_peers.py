"""The ways from a store's files to tables that are measured: by hand, other tools, and ours.

Each takes the store's folder and returns messages, responses and chunks as pandas frames; the physical limit
returns nothing. What they share is only what chatkit's own format says.
"""

# ruff: noqa: PLC0415 - a process that measures one way loads no other's library

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import polars as pl


class Tables(NamedTuple):
    """What a loader makes; None where it was asked for less."""

    messages: pd.DataFrame | None = None
    responses: pd.DataFrame | None = None
    chunks: pd.DataFrame | None = None


MESSAGE = ("message_id", "context_id", "parent_id", "role", "message_type", "created_at")
RESPONSE = ("started_at", "completed_at", "model", "finish_reason")
TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens")
CHUNK = ("sequence", "delta", "timestamp", "accumulated_chars")


def files_of(root: Path) -> list[str]:
    """List the message files, in no order."""
    found = []
    with os.scandir(root / "contexts") as contexts:
        for context in contexts:
            with os.scandir(f"{context.path}/messages") as messages:
                found.extend(entry.path for entry in messages if entry.name.endswith(".json"))
    return found


def limit(root: Path) -> Tables:
    """Read every byte and parse it with simdjson; build nothing."""
    import simdjson

    parser = simdjson.Parser()
    for path in files_of(root):
        handle = os.open(path, os.O_RDONLY)
        parser.parse(os.read(handle, os.fstat(handle).st_size))
        os.close(handle)
    return Tables()


def naive(root: Path) -> Tables:
    """Load as one would by hand: ``json.load``, a list of dicts a table, ``pd.DataFrame``, ``to_datetime``."""
    messages: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []
    chunks: list[dict[str, Any]] = []
    for message in parsed(root):
        response = message.get("streaming_response")
        content = message["text"]["content"] if response is None else response["content"]
        messages.append({key: message[key] for key in MESSAGE} | {"n_chars": len(content)})
        if response is not None:
            responses.append(response_row(message["message_id"], response))
            chunks.extend({"message_id": message["message_id"], **chunk} for chunk in response["chunks"])
    return tables(messages, responses, chunks)


def naive_chunks(root: Path) -> Tables:
    """Load the chunks alone, by hand."""
    rows = []
    for message in parsed(root):
        response = message.get("streaming_response") or {"chunks": ()}
        rows.extend({"message_id": message["message_id"], **chunk} for chunk in response["chunks"])
    return Tables(chunks=with_times(pd.DataFrame(rows), "timestamp"))


def naive_old(root: Path) -> Tables:
    """Load the chunks of an old store by hand: both of its formats."""
    rows = []
    for node in old_nodes(root):
        data = (node["message"].get("rich_type") or {"data": {"chunks": ()}})["data"]
        rows.extend({"message_id": node["id"], **chunk} for chunk in data["chunks"])
    return Tables(chunks=with_times(pd.DataFrame(rows), "timestamp"))


def old_nodes(root: Path) -> Iterator[dict[str, Any]]:
    for path in root.glob("conversations/*.json"):
        with path.open(encoding="utf-8") as file:
            yield from json.load(file)["message_pool"].values()
    for path in root.glob("data/contexts/*/messages_pool/*.json"):
        with path.open(encoding="utf-8") as file:
            yield json.load(file)


def parsed(root: Path) -> Iterator[dict[str, Any]]:
    for path in files_of(root):
        with Path(path).open(encoding="utf-8") as file:
            yield json.load(file)


def response_row(message_id: str, response: dict[str, Any]) -> dict[str, Any]:
    usage = response["usage"] or {}
    return {
        "message_id": message_id,
        "first_at": response["chunks"][0]["timestamp"],
        "n_chunks": len(response["chunks"]),
        **{key: response[key] for key in RESPONSE},
        **{key: usage.get(key) for key in TOKENS},
    }


def tables(messages: list[Any], responses: list[Any], chunks: list[Any]) -> Tables:
    return Tables(
        with_times(pd.DataFrame(messages), "created_at"),
        with_ttft(with_times(pd.DataFrame(responses), "started_at", "completed_at", "first_at")),
        with_times(pd.DataFrame(chunks), "timestamp"),
    )


def with_times(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    for name in names:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return frame


def with_ttft(responses: pd.DataFrame) -> pd.DataFrame:
    responses["ttft_ms"] = (responses["first_at"] - responses["started_at"]) / pd.Timedelta(milliseconds=1)
    return responses


_DUCK_COLUMNS = """{
    message_id: 'VARCHAR', context_id: 'VARCHAR', parent_id: 'VARCHAR', role: 'VARCHAR', message_type: 'VARCHAR',
    created_at: 'TIMESTAMPTZ', text: 'STRUCT(content VARCHAR)',
    streaming_response: 'STRUCT(content VARCHAR, started_at TIMESTAMPTZ, completed_at TIMESTAMPTZ, model VARCHAR,
        finish_reason VARCHAR, usage STRUCT(prompt_tokens BIGINT, completion_tokens BIGINT, total_tokens BIGINT),
        chunks STRUCT(sequence INT, delta VARCHAR, "timestamp" TIMESTAMPTZ, accumulated_chars INT)[])'
}"""
_DUCK_MESSAGES = """select message_id, context_id, parent_id, role, message_type, created_at,
    length(coalesce(text.content, streaming_response.content)) n_chars from raw"""
_DUCK_RESPONSES = """select message_id, s.chunks[1].timestamp first_at, len(s.chunks) n_chunks, s.started_at,
    s.completed_at, s.model, s.finish_reason, s.usage.prompt_tokens, s.usage.completion_tokens, s.usage.total_tokens
    from (select message_id, streaming_response s from raw where streaming_response is not null)"""
_DUCK_CHUNKS = """select message_id, c.sequence, c.delta, c.timestamp, c.accumulated_chars
    from (select message_id, unnest(streaming_response.chunks) c from raw where streaming_response is not null)"""


def duckdb_tables(root: Path) -> Tables:
    """DuckDB: ``read_json`` with the schema given, and ``unnest``."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    source = f"'{root}/contexts/*/messages/*.json'"
    options = f"format='unstructured', maximum_object_size=67108864, columns={_DUCK_COLUMNS}"
    connection.execute(f"create temp table raw as select * from read_json({source}, {options})")  # noqa: S608
    made = [connection.sql(query).to_arrow_table().to_pandas() for query in _DUCK_QUERIES]
    return Tables(made[0], with_ttft(made[1]), made[2])


_DUCK_QUERIES = (_DUCK_MESSAGES, _DUCK_RESPONSES, _DUCK_CHUNKS)


def polars_tables(root: Path) -> Tables:
    """Polars: ``scan_ndjson`` with the schema given, ``explode`` and ``unnest``."""
    import polars as pl

    read = pl.scan_ndjson(files_of(root), schema=_polars_schema()).collect()
    response = pl.col("streaming_response").struct
    content = pl.coalesce(pl.col("text").struct.field("content"), response.field("content"))
    messages = read.select(*MESSAGE, n_chars=content.str.len_chars()).with_columns(_polars_times("created_at"))
    answers = read.filter(pl.col("streaming_response").is_not_null() & response.field("chunks").is_not_null())
    opened = answers.select("message_id", pl.col("streaming_response").struct.unnest())
    chunks = pl.col("chunks").list
    responses = opened.select(
        "message_id",
        *RESPONSE,
        pl.col("usage").struct.unnest(),
        first_at=chunks.first().struct.field("timestamp"),
        n_chunks=chunks.len(),
    ).with_columns(_polars_times("started_at", "completed_at", "first_at"))
    rows = opened.select("message_id", "chunks").explode("chunks").unnest("chunks")
    rows = rows.with_columns(_polars_times("timestamp"))
    return Tables(messages.to_pandas(), with_ttft(responses.to_pandas()), rows.to_pandas())


def _polars_times(*names: str) -> list[pl.Expr]:
    import polars as pl

    return [pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC") for name in names]


def _polars_schema() -> dict[str, Any]:
    import polars as pl

    chunk = {"sequence": pl.Int32, "delta": pl.String, "timestamp": pl.String, "accumulated_chars": pl.Int32}
    text = dict.fromkeys(("content", *RESPONSE), pl.String)
    response = {"chunks": pl.List(pl.Struct(chunk)), "usage": pl.Struct(dict.fromkeys(TOKENS, pl.Int64))}
    return {
        **dict.fromkeys(MESSAGE, pl.String),
        "text": pl.Struct({"content": pl.String}),
        "streaming_response": pl.Struct(text | response),
    }


def chatkit_tables(root: Path) -> Tables:
    """chatkit: three tables, with its cache as it is found."""
    import chatkit as ck

    return Tables(ck.messages_df(root), ck.responses_df(root), ck.chunks_df(root))


def chatkit_snapshot(root: Path) -> Tables:
    """chatkit: three tables of one moment, so that the files are looked at once."""
    import chatkit as ck

    with ck.snapshot():
        return chatkit_tables(root)


def chatkit_chunks(root: Path) -> Tables:
    """chatkit: the chunks alone, with its cache as it is found."""
    import chatkit as ck

    return Tables(chunks=ck.chunks_df(root))


def chatkit_chunks_uncached(root: Path) -> Tables:
    """chatkit: the chunks alone, parsed anew, no cache read or written."""
    import chatkit as ck

    return Tables(chunks=ck.chunks_df(root, cache=False))


def chatkit_one_context(root: Path) -> Tables:
    """chatkit: the chunks of one context, with its cache as it is found."""
    import chatkit as ck

    return Tables(chunks=ck.chunks_df(root, context_id=first_context(root)))


def chatkit_one_context_uncached(root: Path) -> Tables:
    """chatkit: the chunks of one context, parsed anew."""
    import chatkit as ck

    return Tables(chunks=ck.chunks_df(root, context_id=first_context(root), cache=False))


def chatkit_two_columns(root: Path) -> Tables:
    """chatkit: two columns of the chunks, with its cache as it is found."""
    import chatkit as ck

    return Tables(chunks=ck.chunks_df(root, columns=["message_id", "gap_ms"]))


def first_context(root: Path) -> str:
    return min(entry.name for entry in (root / "contexts").iterdir())


def same_tables(found: Tables, expected: Tables) -> None:
    """Hold that a loader made what the naive one made, in the columns that all have; rows in any order.

    Raises:
        AssertionError: it did not.
    """
    keys = (["message_id"], ["message_id"], ["message_id", "sequence"])
    columns = ([*MESSAGE, "n_chars"], ["message_id", *RESPONSE, *TOKENS, "n_chunks", "ttft_ms"], ["message_id", *CHUNK])
    for got, wanted, by, names in zip(found, expected, keys, columns, strict=True):
        if got is not None and wanted is not None:
            pd.testing.assert_frame_equal(_plain(got[names], by), _plain(wanted[names], by), check_dtype=False)


def _plain(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the rows in order, and each column in one type, whoever made it; ids as categories, which sort fast."""
    frame = frame.copy()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.as_unit("us").dt.tz_convert("UTC")
        elif pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype("float64")
        else:
            frame[name] = frame[name].astype("str")
    ids = frame["message_id"].astype("category")
    return frame.assign(message_id=ids).sort_values(by, ignore_index=True)


LOADERS: dict[str, Callable[[Path], Tables]] = {
    made.__name__: made
    for made in (
        limit, naive, naive_chunks, naive_old, duckdb_tables, polars_tables, chatkit_tables, chatkit_snapshot,
        chatkit_chunks, chatkit_chunks_uncached, chatkit_one_context, chatkit_one_context_uncached, chatkit_two_columns,
    )
}  # fmt: skip


def rows_of(made: Iterable[pd.DataFrame | None]) -> int:
    """Count the rows of the tables."""
    return sum(len(frame) for frame in made if frame is not None)
