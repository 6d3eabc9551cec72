"""One load in a process of its own: how long it took, and how much memory.

``python load_process.py LOADER STORE WARM_UP_STORE`` loads the small warm-up store first, so that imports and first
calls are in no figure, and prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import time
from pathlib import Path

from load_peers import LOADERS, rows_of

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def main(loader: str, store: Path, warm_up: Path) -> None:
    load = LOADERS[loader]
    own_cache = os.environ["CHATKIT_CACHE_DIR"]
    os.environ["CHATKIT_CACHE_DIR"] = f"{own_cache}-of-warm-up"
    load(warm_up)
    os.environ["CHATKIT_CACHE_DIR"] = own_cache
    settle()
    before, kept_before = peak_bytes(reset=True), kept_bytes()
    started = time.perf_counter()
    made = load(store)
    took_s = time.perf_counter() - started
    peak = peak_bytes() - before
    settle()
    print(json.dumps({"s": took_s, "rows": rows_of(made), "peak": peak, "kept": kept_bytes() - kept_before}))


def settle() -> None:
    """Give back what was freed, where the platform can be told to."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def peak_bytes(*, reset: bool = False) -> int:
    """Return the most memory that this process held so far; on Linux since the last reset."""
    if _STATUS.exists():
        if reset:
            _CLEAR.write_text("5")
        return _status("VmHWM")
    import resource  # noqa: PLC0415 - Windows has none

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def kept_bytes() -> int:
    """Return the memory of its own that this process holds: mapped files are the system's; 0 where unknown."""
    return _status("RssAnon") if _STATUS.exists() else 0


def _status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
