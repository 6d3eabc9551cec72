"""How fast a store becomes tables: chatkit beside loading by hand, DuckDB, polars, and the physical limit.

Run with ``python benchmarks/load.py [--sizes 200 2000 20000] [--tries 3] [--large 100000] [--folder FOLDER]``
(``pip install "chatkit-lab[benchmarks]"``). Each load runs in a process of its own, the ways taking turns; the best
of the tries counts. What every way made is first held equal to what was made by hand. Prints markdown, and writes
``load.json`` and ``load.png`` beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from load_peers import LOADERS, same_tables
from load_picture import draw
from store_generator import Generated, generate

HERE = Path(__file__).parent
PEERS = ("limit", "naive", "naive_chunks", "duckdb_tables", "polars_tables")
UNCACHED = ("chatkit_chunks_uncached", "chatkit_one_context_uncached")
WARM = ("chatkit_tables", "chatkit_snapshot", "chatkit_chunks", "chatkit_one_context", "chatkit_two_columns")
ROWS = {
    "limit": ("read all bytes and parse them (simdjson), build nothing", "naive"),
    "naive": ("by hand: `json.load`, dicts, `pd.DataFrame`, `to_datetime`", "naive"),
    "duckdb_tables": ("DuckDB `read_json` + `unnest`", "naive"),
    "polars_tables": ("polars `scan_ndjson`", "naive"),
    "cold": ("**chatkit, cold**: three tables, cache written", "naive"),
    "chatkit_tables": ("**chatkit, warm**: three tables", "naive"),
    "chatkit_snapshot": ("**chatkit, warm**: three tables of one moment (`ck.snapshot`)", "naive"),
    "appended": ("chatkit, 1 % appended since: three tables", "naive"),
    "rewritten": ("chatkit, 1 % rewritten since: three tables", "naive"),
    "naive_chunks": ("by hand, chunks alone", "naive_chunks"),
    "chatkit_chunks_uncached": ("**chatkit, `cache=False`**: chunks alone", "naive_chunks"),
    "chatkit_chunks": ("**chatkit, warm**: chunks alone", "naive_chunks"),
    "chatkit_two_columns": ("chatkit, warm: two columns of the chunks", "naive_chunks"),
    "chatkit_one_context": ("chatkit, warm: chunks of one context", "naive_chunks"),
    "chatkit_one_context_uncached": ("chatkit, `cache=False`: chunks of one context", "naive_chunks"),
}
"""What is measured, in the order of the printed table: what it is called, and whose time it is a ratio of."""

Figures = dict[str, float]


class Bench:
    """Loads of stores under one folder, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.warm_up = folder / "warm-up"
        self.old_warm_up = folder / "old-warm-up"
        generate(self.warm_up, 20)
        generate(self.old_warm_up, 20, layout="split")

    def run(self, loader: str, store: Path) -> Figures:
        """Load a store once."""
        warm_up = self.warm_up if (store / "contexts").exists() else self.old_warm_up
        command = [sys.executable, str(HERE / "load_process.py"), loader, str(store), str(warm_up)]
        environment = os.environ | {"CHATKIT_CACHE_DIR": str(self.cache)}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return dict(json.loads(done.stdout))

    def cold(self, store: Path, loader: str = "chatkit_tables") -> Figures:
        """Load a store without any cache of it, and leave one."""
        shutil.rmtree(self.cache, ignore_errors=True)
        return self.run(loader, store)

    def check(self, store: Path, *others: str) -> None:
        """Hold what chatkit, and others, make of a store equal to what is made of it by hand."""
        os.environ["CHATKIT_CACHE_DIR"] = str(self.cache)
        expected = LOADERS["naive"](store)
        for loader in (*others, "chatkit_tables", "chatkit_chunks_uncached"):
            same_tables(LOADERS[loader](store), expected)


def measure(bench: Bench, n_messages: int, tries: int) -> dict[str, Any]:
    """Measure every way on a store of one size."""
    store = bench.folder / f"store-{n_messages}"
    made = generate(store, n_messages)
    bench.check(store, "duckdb_tables", "polars_tables")
    found: dict[str, list[Figures]] = {name: [] for name in ROWS}
    seeds = count(1)
    for _ in range(tries):
        for name in (*PEERS, *UNCACHED):
            found[name].append(bench.run(name, store))
        found["cold"].append(bench.cold(store))
        bench.run("chatkit_tables", store)  # files as young as the scan that read them are read once more
        for name in WARM:
            found[name].append(bench.run(name, store))
        added = generate(store, max(2, n_messages // 100), seed=next(seeds))
        found["appended"].append(bench.run("chatkit_tables", store))
        rewrite(made, max(1, n_messages // 100))
        found["rewritten"].append(bench.run("chatkit_tables", store))
        bench.check(store)
        remove(added)
    return {"n_messages": n_messages, "n_chunks": made.n_chunks, "n_bytes": made.n_bytes, "ways": best(found)}


def best(found: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Return the smallest of each figure over the tries, by way."""
    return {name: {key: min(one[key] for one in tries) for key in tries[0]} for name, tries in found.items() if tries}


def rewrite(made: Generated, n_files: int) -> None:
    """Change the label of some messages in place; sizes change, and times."""
    for path in made.message_files[:: len(made.message_files) // n_files][:n_files]:
        message = json.loads(path.read_bytes())
        message["metadata"]["rewritten"] = message["metadata"].get("rewritten", "") + "!"
        path.write_text(json.dumps(message, ensure_ascii=False), encoding="utf-8")


def remove(added: Generated) -> None:
    """Take back what was appended."""
    for folder in {path.parents[1] for path in added.message_files}:
        shutil.rmtree(folder)


def measure_old(bench: Bench, n_messages: int, tries: int) -> dict[str, Any]:
    """Measure both old formats: by hand, cold and warm."""
    found = {}
    for layout in ("single-file", "split"):
        store = bench.folder / layout
        made = generate(store, n_messages, layout=layout)
        ways: dict[str, list[Figures]] = {"naive_old": [], "chatkit_chunks_uncached": [], "chatkit_chunks": []}
        bench.cold(store, "chatkit_chunks")
        bench.run("chatkit_chunks", store)
        for _ in range(tries):
            for name, figures in ways.items():
                figures.append(bench.run(name, store))
        found[layout] = {"n_messages": n_messages, "n_chunks": made.n_chunks, "ways": best(ways)}
    return found


def measure_large(bench: Bench, n_messages: int) -> dict[str, Any]:
    """Load one large store once each way: its memory is what is asked for."""
    store = bench.folder / "large"
    made = generate(store, n_messages)
    ways = {"chatkit_chunks_uncached": bench.run("chatkit_chunks_uncached", store), "cold": bench.cold(store)}
    bench.run("chatkit_tables", store)
    ways["chatkit_tables"] = bench.run("chatkit_tables", store)
    return {"n_messages": n_messages, "n_chunks": made.n_chunks, "n_bytes": made.n_bytes, "ways": ways}


def show(size: dict[str, Any]) -> None:
    """Print one size as a markdown table."""
    ways = size["ways"]
    print(f"\n**{size['n_messages']:,} messages**, {size['n_chunks']:,} chunks, {size['n_bytes'] / 1e6:.0f} MB\n")
    print("| way | seconds | rows/s | x by hand | peak bytes a row | kept |\n|---|---|---|---|---|---|")
    for name, (title, base) in ROWS.items():
        print(line(title, ways[name], ways[base]["s"] if base else None))


def line(title: str, way: Figures, base_s: float | None) -> str:
    """Return one line of a table."""
    rows = way["rows"]
    pace = f"{rows / way['s'] / 1e6:.2f} M" if rows else ""
    memory = [f"{way[key] / rows:.0f}" if rows > 10_000 else "" for key in ("peak", "kept")]
    ratio = "" if base_s is None else f"{base_s / way['s']:.2f}"
    return f"| {title} | {way['s']:.3f} | {pace} | {ratio} | {' | '.join(memory)} |"


def show_old(old: dict[str, Any]) -> None:
    for layout, size in old.items():
        print(f"\n**{layout}**, {size['n_messages']:,} messages, {size['n_chunks']:,} chunks, chunks alone\n")
        print("| way | seconds | rows/s | x by hand | peak bytes a row | kept |\n|---|---|---|---|---|---|")
        names = {"naive_old": "by hand", "chatkit_chunks_uncached": "chatkit, `cache=False`", "chatkit_chunks": "warm"}
        for name, title in names.items():
            print(line(title, size["ways"][name], size["ways"]["naive_old"]["s"]))


def show_large(large: dict[str, Any]) -> None:
    print(f"\n**{large['n_messages']:,} messages**, {large['n_chunks']:,} chunks, {large['n_bytes'] / 1e6:.0f} MB\n")
    print("| way | seconds | rows/s | x by hand | peak bytes a row | kept |\n|---|---|---|---|---|---|")
    for name, way in large["ways"].items():
        print(line(ROWS[name][0], way, None))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sizes", type=int, nargs="*", default=[200, 2_000, 20_000], help="messages")
    asked.add_argument("--tries", type=int, default=3, help="processes for each way and size; the best counts")
    asked.add_argument("--old", type=int, default=2_000, help="messages of the old formats' stores, 0 for none")
    asked.add_argument("--large", type=int, default=0, help="messages of one more store, whose memory is measured")
    asked.add_argument("--folder", type=Path, help="where the stores are made; a temporary folder by default")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        bench = Bench(Path(temporary))
        result: dict[str, Any] = {"python": platform.python_version(), "n_cores": os.cpu_count(), "sizes": []}
        for n_messages in options.sizes:
            result["sizes"].append(measure(bench, n_messages, options.tries))
            show(result["sizes"][-1])
        if options.old:
            result["old"] = measure_old(bench, options.old, options.tries)
            show_old(result["old"])
        if options.large:
            result["large"] = measure_large(bench, options.large)
            show_large(result["large"])
    (HERE / "load.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(result["sizes"], HERE / "load.png")


if __name__ == "__main__":
    main()
