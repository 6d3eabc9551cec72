"""Dask frames are the pandas frames, made by groups of contexts on any worker."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import chatkit as ck
from chatkit.errors import NotFoundError
from chatkit.frames import dask_frames, tables
from chatkit.frames.segment import SUFFIX
from chatkit.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "store"
TABLES: list[tuple[Any, Any]] = [(ck.responses_ddf, ck.responses_df), (ck.chunks_ddf, ck.chunks_df)]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a partition hold 20 contexts, so that the sample store has several."""
    monkeypatch.setattr(dask_frames, "_CONTEXTS_A_PARTITION", 20)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two worker processes on this machine; other tests compute with threads, in this process."""
    from distributed import Client, LocalCluster  # noqa: PLC0415 - an extra

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by id, and ids as strings."""
    ids = {name: "str" for name in ("message_id", "context_id") if name in frame.columns}
    by = [name for name in ("message_id", "sequence") if name in frame.columns]
    return frame.astype(ids).sort_values(by, ignore_index=True)


@pytest.mark.parametrize(("lazy", "eager"), TABLES)
def test_a_dask_frame_computed_is_the_pandas_frame_but_for_the_kind_of_ids(lazy: Any, eager: Any) -> None:
    frame = lazy(SAMPLE, labels=["scenario", "concurrency"])
    assert frame.npartitions == 5  # of 93 contexts
    expected = eager(SAMPLE, labels=["scenario", "concurrency"])
    pd.testing.assert_frame_equal(ordered(frame.compute()), ordered(expected))
    assert frame.dtypes.to_dict() == expected.dtypes.to_dict() | {"message_id": "str", "context_id": "str"}


@pytest.mark.parametrize(("lazy", "eager"), TABLES)
def test_a_cluster_of_processes_computes_the_same(cluster: Client, lazy: Any, eager: Any) -> None:
    assert len(cluster.scheduler_info()["workers"]) == 2
    frame = cluster.compute(lazy(SAMPLE), sync=True)
    pd.testing.assert_frame_equal(ordered(frame), ordered(eager(SAMPLE)))


@pytest.mark.parametrize(("lazy", "eager"), TABLES)
def test_filters_and_columns_ask_for_the_same_rows(lazy: Any, eager: Any) -> None:
    everything = ck.responses_df(SAMPLE)
    one, model = everything["context_id"].iloc[7], everything["model"].iloc[7]
    names = ["message_id", "context_id", "n_chars"]
    for asked in (
        {"context_id": one[:13]},
        {"model": model, "columns": names},
        {"since": "2026-11-23T09:02", "until": "2026-11-23T11:05", "columns": names},
    ):
        expected = eager(SAMPLE, **asked)
        found = lazy(SAMPLE, **asked).compute()
        assert list(found) == list(expected)
        assert len(found) == len(expected) > 0
        assert found["n_chars"].sum() == expected["n_chars"].sum()


def test_a_computation_loads_only_the_columns_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watching(source: Any, **options: Any) -> pd.DataFrame:
        asked.append(options["columns"])
        return ck.chunks_df(source, **options)

    monkeypatch.setitem(dask_frames._TABLES, "chunks", (tables.CHUNKS, watching))
    longest = ck.chunks_ddf(SAMPLE)["gap_ms"].max().compute(scheduler="synchronous")
    assert asked == [["gap_ms"]] * 5
    assert longest == ck.chunks_df(SAMPLE)["gap_ms"].max()


def test_a_store_that_is_open_is_a_source_and_a_url_is_one(tmp_path: Path) -> None:
    expected = ordered(ck.responses_df(SAMPLE))
    for source in (Store(SAMPLE), str(SAMPLE), f"file://{SAMPLE}"):
        pd.testing.assert_frame_equal(ordered(ck.responses_ddf(source).compute()), expected)
    archive = shutil.make_archive(str(tmp_path / "store"), "zip", SAMPLE)
    pd.testing.assert_frame_equal(ordered(ck.responses_ddf(f"zip://::{archive}").compute()), expected)


def test_what_a_worker_is_sent_is_small_and_can_be_pickled() -> None:
    graph = ck.chunks_ddf(SAMPLE).optimize().dask
    assert len(pickle.dumps(dict(graph))) < 20_000


def test_a_store_without_contexts_is_a_frame_without_rows(tmp_path: Path) -> None:
    frame = ck.responses_ddf(Store.create(tmp_path / "store"), labels="scenario")
    assert len(frame.compute()) == 0
    assert frame.columns.tolist() == [*ck.responses_df(SAMPLE).columns, "scenario"]


def test_an_unknown_context_is_refused_before_anything_is_computed() -> None:
    with pytest.raises(NotFoundError):
        ck.chunks_ddf(SAMPLE, context_id="ffffffff-0000")
    with pytest.raises(KeyError, match="no column 'ttft'"):
        ck.responses_ddf(SAMPLE, columns=["ttft"])


def test_a_context_that_is_gone_when_it_is_loaded_has_no_rows(tmp_path: Path) -> None:
    store = shutil.copytree(SAMPLE, tmp_path / "store")
    frame = ck.responses_ddf(store)
    gone = ck.contexts_df(store)["context_id"].tolist()[3]
    shutil.rmtree(store / "contexts" / gone)
    found = frame.compute()
    assert len(found) == len(ck.responses_df(store)) > 0
    assert gone not in set(found["context_id"])


def test_a_frame_asked_for_anew_sees_what_has_changed(cluster: Client, tmp_path: Path) -> None:
    store = shutil.copytree(SAMPLE, tmp_path / "store")
    kept = cluster.persist(ck.responses_ddf(store))
    n_before = cluster.submit(len, cluster.compute(kept)).result()
    shutil.rmtree(next((store / "contexts").iterdir()))
    assert len(cluster.compute(ck.responses_ddf(store), sync=True)) == len(ck.responses_df(store)) < n_before


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """The sample store, where contexts after the first twenty have text where the others have numbers."""
    store = shutil.copytree(SAMPLE, tmp_path / "store")
    for place, context in enumerate(sorted((store / "contexts").iterdir())):
        for path in (context / "messages").glob("*.json"):
            message = json.loads(path.read_bytes())
            message["metadata"] = {"grade": place if place < 20 else "late"}
            path.write_text(json.dumps(message), encoding="utf-8")
    return store


def test_a_label_that_is_of_another_kind_further_on_is_refused_with_the_way_out(labelled: Path) -> None:
    with pytest.raises(ValueError, match=r"label 'grade' has values that are no Int64.*labels=\{'grade': 'object'\}"):
        ck.responses_ddf(labelled, labels="grade").compute()


def test_the_dtype_of_a_label_can_be_said(labelled: Path) -> None:
    frame = ck.responses_ddf(labelled, labels={"grade": "object"}).compute()
    expected = ck.responses_df(labelled, labels="grade")
    pd.testing.assert_series_equal(ordered(frame)["grade"], ordered(expected)["grade"])
    assert {*frame["grade"]} >= {0, "late"}


METRICS: list[Any] = [
    ck.summarize,
    lambda responses: ck.summarize(responses, ["ttft_ms", "n_chunks"], by=["model", "scenario"]),
    lambda responses: ck.goodput(responses, ttft_ms=300, tpot_ms=40),
    lambda responses: ck.goodput(responses, e2e_ms=2000, by="scenario"),
    ck.throughput,
    lambda responses: ck.throughput(responses, by=["model"]),
]


@pytest.mark.parametrize("numbers", METRICS)
def test_numbers_across_responses_are_the_same_of_either_kind_of_frame(numbers: Any) -> None:
    lazy = ck.responses_ddf(SAMPLE, labels="scenario")
    eager = ck.responses_df(SAMPLE, labels="scenario")
    pd.testing.assert_frame_equal(numbers(lazy), numbers(eager), check_exact=True)


def test_numbers_load_only_their_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def watching(source: Any, **options: Any) -> pd.DataFrame:
        asked.append(sorted(options["columns"]))
        return ck.responses_df(source, **options)

    monkeypatch.setitem(dask_frames._TABLES, "responses", (tables.RESPONSES, watching))
    ck.throughput(ck.responses_ddf(SAMPLE))
    needed = ["completed_at", "completion_tokens", "started_at", "streaming_ms", "ttft_ms"]
    assert asked == [needed] * 5


def test_a_column_that_is_missing_is_named_before_anything_is_computed() -> None:
    frame = ck.responses_ddf(SAMPLE, columns=["ttft_ms"])
    with pytest.raises(KeyError, match="no column 'status'"):
        ck.goodput(frame, ttft_ms=300)


def test_without_dask_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['dask'] = None\n"
        "import chatkit as ck\n"
        "try: ck.responses_ddf('data/store')\n"
        "except ck.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 'pip install "chatkit-lab[dask]"' in done.stdout


def test_workers_write_a_cache_only_where_told_to(tmp_path: Path, cache_dir: Path) -> None:
    store = shutil.copytree(SAMPLE, tmp_path / "store")
    expected = ordered(ck.chunks_df(store, cache=False))
    pd.testing.assert_frame_equal(ordered(ck.chunks_ddf(store).compute()), expected)
    assert not list(cache_dir.rglob(f"*{SUFFIX}"))
    time.sleep(0.2)  # files at rest are cached
    for _ in range(2):
        pd.testing.assert_frame_equal(ordered(ck.chunks_ddf(store, cache=True).compute()), expected)
    assert list(cache_dir.rglob(f"*{SUFFIX}"))
