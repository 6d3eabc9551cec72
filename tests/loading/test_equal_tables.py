"""Whatever way a store's files become tables, the tables are equal; and equal to those of a plain ``json`` reader.

The ways: files read fast, the models, a cache that is empty, one that is full, and Dask.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

import chatkit as ck
from benchmarks.store_generator import generate
from chatkit.errors import CorruptFileWarning
from chatkit.frames import dask_frames, files, folder_scan, parsing, part
from chatkit.store import Store
from tests.loading.drawn_stores import stores, write
from tests.loading.plain_frames import hold
from tests.loading.plain_tables import PlainTables, read_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Tables = dict[str, pd.DataFrame]
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "store"
LEGACY = ROOT / "tests" / "store" / "legacy"
LABELS = ["scenario", "n"]
TABLES: dict[str, Any] = {
    "contexts": ck.contexts_df,
    "messages": lambda source, **options: ck.messages_df(source, labels=LABELS, **options),
    "responses": lambda source, **options: ck.responses_df(source, labels=LABELS, **options),
    "chunks": lambda source, **options: ck.chunks_df(source, labels=LABELS, **options),
}
N_EXAMPLES = int(os.environ.get("CHATKIT_EXAMPLES", "0"))


def drawn(n_examples: int) -> settings:
    """So many drawn stores, the same each time; or more, others each time, with ``CHATKIT_EXAMPLES=1000``."""
    return settings(
        max_examples=N_EXAMPLES or n_examples,
        derandomize=not N_EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust files as soon as they are written: here nobody writes to them again."""
    monkeypatch.setattr(folder_scan, "_TICK_NS", 0)


def all_tables(source: Any, **options: Any) -> tuple[Tables, list[str]]:
    """Each table of a source, and what was warned of on the way."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CorruptFileWarning)
        tables = {name: table(source, **options) for name, table in TABLES.items()}
    return tables, [str(one.message) for one in told]


def hold_equal(found: Tables, expected: Tables, way: str) -> None:
    """Two ways made the same tables: values, order, dtypes, categories."""
    for name, frame in found.items():
        pd.testing.assert_frame_equal(frame, expected[name], check_exact=True, obj=f"{way}: {name}")


def hold_problems(root: Path, expected: PlainTables) -> None:
    """The files with problems are those that a plain reader can't read, or finds odd."""
    frame = ck.problems_df(root)
    messages = [None if pd.isna(message) else message for message in frame["message_id"]]
    assert set(zip(frame["path"], messages, strict=True)) == expected.problems
    assert frame["reason"].str.len().gt(0).all()


@drawn(25)
@given(stores())
def test_the_tables_of_every_way_are_those_of_a_plain_reader(drawn_files: dict[str, bytes]) -> None:
    note(repr(drawn_files))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATKIT_CACHE_DIR", f"{folder}/cache")
        root = write(drawn_files, Path(folder) / "store")
        tables, told = all_tables(root, cache=False)
        expected = read_store(root)
        for name, frame in tables.items():
            hold(frame.drop(columns=LABELS, errors="ignore"), getattr(expected, name), name)
        hold_problems(root, expected)

        by_models, _ = all_tables(_contexts(root))
        hold_equal(by_models, tables, "models")
        for way in ("cold", "warm", "warm again"):
            found, told_again = all_tables(root)
            hold_equal(found, tables, way)
            assert told_again == told
            hold_problems(root, expected)


@drawn(8)
@given(stores())
def test_dask_makes_the_same_tables_but_for_the_order_of_contexts_and_the_kind_of_ids(
    drawn_files: dict[str, bytes],
) -> None:
    note(repr(drawn_files))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        patch.setenv("CHATKIT_CACHE_DIR", f"{folder}/cache")
        patch.setattr(dask_frames, "_CONTEXTS_A_PARTITION", 1)
        root = write(drawn_files, Path(folder) / "store")
        for lazy, eager in ((ck.responses_ddf, ck.responses_df), (ck.chunks_ddf, ck.chunks_df)):
            frame = eager(root, cache=False).astype({"message_id": "str", "context_id": "str"})
            expected = frame.sort_values("context_id", kind="stable", ignore_index=True)
            found = lazy(root).compute(scheduler="synchronous").reset_index(drop=True)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_full_cache_is_read_in_place_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the equality above would say nothing of it."""
    expected, _ = all_tables(SAMPLE)

    def read(_: files.LocalFiles, paths: Sequence[str], __: Sequence[int]) -> Iterator[bytes]:
        assert not paths, "a file was read"
        return iter(())

    monkeypatch.setattr(files.LocalFiles, "read", read)
    found, _ = all_tables(SAMPLE)
    hold_equal(found, expected, "warm")
    with pytest.raises(AssertionError, match="a file was read"):
        ck.chunks_df(SAMPLE, cache=False)


def _contexts(root: Path) -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CorruptFileWarning)
        return Store(root).contexts()


def _in_flight(folder: Path) -> Store:
    """A store in which one response has ended and another has three chunks."""
    store = Store.create(folder / "store")
    context = store.create_context(title="Now")
    for text, ends in (("done", True), ("more to come", False)):
        message_id = store.begin_streaming_llm_response(context.context_id, model="fast")
        for delta in text.split(" "):
            store.append_streaming_chunk(message_id, delta)
        if ends:
            store.finalize_streaming_response(message_id, finish_reason="stop")
    return store


def test_a_response_in_flight_is_the_same_row_in_every_way(tmp_path: Path) -> None:
    store = _in_flight(tmp_path)
    until = time.monotonic() + 20
    while len(ck.chunks_df(store.path, cache=False)) < 4 and time.monotonic() < until:
        time.sleep(0.01)  # a thread of its own writes the journal
    tables, _ = all_tables(store.path, cache=False)
    assert tables["responses"]["status"].tolist() == ["complete", "streaming"]
    assert tables["chunks"]["delta"].tolist() == ["done", "more", "to", "come"]
    for source in (Store(store.path).contexts(), store.path, store.path):
        hold_equal(all_tables(source)[0], tables, "another way")
    [on_the_way] = store.contexts()[0].message_ids[1:]
    store.append_streaming_chunk(on_the_way, "!")
    store.finalize_streaming_response(on_the_way, finish_reason="stop")
    ended, _ = all_tables(store.path, cache=False)
    assert ended["responses"]["status"].tolist() == ["complete", "complete"]
    for _ in range(2):
        hold_equal(all_tables(store.path)[0], ended, "cached before")


@pytest.mark.parametrize("layout", ["single-file", "split", "mixed"])
def test_old_formats_are_the_same_tables_in_every_way(tmp_path: Path, layout: str) -> None:
    root = tmp_path / "store"
    if layout == "mixed":
        shutil.copytree(LEGACY / "split" / "data" / "contexts", root / "contexts")
        shutil.copytree(LEGACY / "single-file" / "conversations", root / "conversations")
        shutil.copytree(SAMPLE / "contexts", root / "contexts", dirs_exist_ok=True)
    else:
        shutil.copytree(LEGACY / layout, root)
    tables, told = all_tables(root, cache=False)
    assert len(tables["chunks"]) > 0
    hold_equal(all_tables(_contexts(root))[0], tables, "models")
    for way in ("cold", "warm"):
        found, told_again = all_tables(root)
        hold_equal(found, tables, way)
        assert told_again == told


def test_rows_that_lie_in_many_pieces_are_the_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a store of 100,000 messages, whose contexts lie in segments in another order than in tables."""
    expected, _ = all_tables(SAMPLE, cache=False)
    monkeypatch.setattr(part, "_MOST_PIECES", 1)
    for options in ({"cache": False}, {}, {}):
        hold_equal(all_tables(SAMPLE, **options)[0], expected, "many pieces")


@pytest.mark.parametrize("small", ["_BATCH_BYTES", "_FLUSH_ROWS", "BATCH"])
def test_tables_do_not_depend_on_how_many_messages_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: str
) -> None:
    """Short answers first and long ones then: what is expected of the first is too little for the last."""
    store = generate(tmp_path / "store", 150).path
    whole = [make(store, cache=False) for make in (ck.messages_df, ck.responses_df, ck.chunks_df)]
    monkeypatch.setattr(parsing, small, 7)
    for table, make in zip(whole, (ck.messages_df, ck.responses_df, ck.chunks_df), strict=True):
        pd.testing.assert_frame_equal(make(store, cache=False), table)
