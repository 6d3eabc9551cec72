"""When Dask is worth it: one question asked of a store by a plain loop, by threads, and by processes.

Run with ``python benchmarks/load_dask.py [N_MESSAGES]``. The question is the longest gap by kind of chunk; no cache.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Client, LocalCluster
from store_generator import generate

import chatkit as ck

if TYPE_CHECKING:
    from collections.abc import Callable

N_TRIES = 3


def main(n_messages: int, folder: Path) -> None:
    made = generate(folder / "store", n_messages)
    print(f"{made.n_messages:,} messages, {made.n_chunks:,} chunks, {made.n_bytes / 1e6:.0f} MB\n")
    print("| way | seconds | x plain |\n|---|---|---|")
    store = made.path
    plain_s = best_s(lambda: answer(ck.chunks_df(store, cache=False)))
    show("`chunks_df`, one process", plain_s, plain_s)
    lazy = ck.chunks_ddf(store)
    for scheduler in ("threads", "processes"):
        show(f"`chunks_ddf`, {scheduler}", best_s(lambda: answer(lazy).compute(scheduler=scheduler)), plain_s)  # noqa: B023
    for n_workers in (1, 2):
        options: dict[str, Any] = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(host="127.0.0.1", **options) as cluster, Client(cluster):
            show(f"`chunks_ddf`, {n_workers} `distributed` worker(s)", best_s(lambda: answer(lazy).compute()), plain_s)


def answer(chunks: Any) -> Any:
    return chunks.groupby("kind")["gap_ms"].max()


def best_s(job: Callable[[], object]) -> float:
    """Run a job once to warm it up, then a few times; return the shortest time."""
    took = []
    for _ in range(1 + N_TRIES):
        started = time.perf_counter()
        job()
        took.append(time.perf_counter() - started)
    return min(took[1:])


def show(way: str, took_s: float, plain_s: float) -> None:
    print(f"| {way} | {took_s:.2f} | {plain_s / took_s:.2f} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, Path(temporary))
