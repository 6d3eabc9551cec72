"""Loaders and writers at once on one store and one cache, killed at random moments: ``python fire.py [SECONDS]``.

Every file of the store says in each of its chunks which version it is. A writer counts a version as done when its file
is in place; a loader notes what is done, loads, and holds that it got no older version, none that is torn, and every
message. Processes are forked from this one, which starts no threads; it kills them and starts others in their place.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import pandas as pd

import chatkit as ck
from benchmarks.store_generator import stamp
from chatkit.frames.segment_cache import SegmentCache

N_LOADERS, N_WRITERS, N_MESSAGES = 4, 2, 8
_NINE_US = 1_795_424_400_000_000


def ids(writer: int, number: int) -> tuple[str, str]:
    """Context and message of a writer's file of this number."""
    return f"{writer:08x}-c000-4000-8000-00000000000c", f"{16 * writer + number:08x}-a000-4000-8000-00000000000a"


def message(writer: int, number: int, version: int) -> dict[str, Any]:
    """A response in which each chunk says the version; all versions have the same size."""
    context_id, message_id = ids(writer, number)
    chunks = [
        {"sequence": place + 1, "delta": f"{version:08d} ", "timestamp": stamp(_NINE_US + place * 10_000)}
        for place in range(20)
    ]
    content = "".join(str(chunk["delta"]) for chunk in chunks)
    response = {"content": content, "chunks": chunks, "started_at": stamp(_NINE_US), "finish_reason": "stop"}
    known = {"schema": 1, "message_id": message_id, "context_id": context_id, "role": "assistant"}
    return known | {"message_type": "streaming_response", "streaming_response": response}


def replace(path: Path, content: Any) -> None:
    """Put a file in place as a whole."""
    temporary = path.with_name(f".{os.getpid()}.part")
    temporary.write_text(json.dumps(content), encoding="utf-8")
    os.replace(temporary, path)  # noqa: PTH105 - what writers of stores do


def make_store(root: Path) -> None:
    """Write all files in version 0."""
    for writer in range(N_WRITERS):
        folder = root / "contexts" / ids(writer, 0)[0]
        (folder / "messages").mkdir(parents=True)
        replace(folder / "metadata.json", {"context_id": folder.name})
        entries = []
        for number in range(N_MESSAGES):
            content = message(writer, number, 0)
            replace(folder / "messages" / f"{content['message_id']}.json", content)
            entries.append({key: content[key] for key in ("message_id", "role", "message_type")})
        replace(folder / "index.json", {"messages": entries})


class Done:
    """The versions that are in place, in memory that all processes share."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8 * N_WRITERS * N_MESSAGES)

    def __getitem__(self, place: int) -> int:
        return int(struct.unpack_from("q", self._shared, 8 * place)[0])

    def __setitem__(self, place: int, version: int) -> None:
        struct.pack_into("q", self._shared, 8 * place, version)

    def by_message(self) -> dict[str, int]:
        """The versions by message id."""
        places = [(writer, number) for writer in range(N_WRITERS) for number in range(N_MESSAGES)]
        return {ids(*place)[1]: self[n] for n, place in enumerate(places)}


def write(root: Path, writer: int, done: Done, until: float) -> None:
    """Put new versions of random files in place, some with the time of change that the old one had."""
    chance = random.Random()  # noqa: S311 - no secret
    while time.monotonic() < until:
        number = chance.randrange(N_MESSAGES)
        context_id, message_id = ids(writer, number)
        path = root / "contexts" / context_id / "messages" / f"{message_id}.json"
        version = json.loads(path.read_bytes())["streaming_response"]["chunks"][0]["delta"]
        before = path.stat()
        replace(path, message(writer, number, int(version) + 1))
        if chance.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        done[writer * N_MESSAGES + number] = int(version) + 1
        time.sleep(chance.choice((0.0, 0.01, 0.3)))


def load(root: Path, done: Done, until: float) -> None:
    """Load until the time is up, and hold each load to what was in place before it."""
    while time.monotonic() < until:
        before = done.by_message()
        hold(ck.chunks_df(root), before)


def hold(chunks: pd.DataFrame, before: dict[str, int]) -> None:
    """Hold that every message is there, whole, and no older than it was before.

    Raises:
        AssertionError: one is not.
    """
    versions = chunks.groupby("message_id", observed=True)["delta"].agg(["nunique", "first", "size"])
    assert len(versions) == len(before), f"{len(versions)} messages of {len(before)}"
    assert versions["nunique"].eq(1).all(), "two versions in one message"
    assert versions["size"].eq(20).all(), "chunks are missing"
    found = versions["first"].astype(int)
    stale = {one: (found[one], version) for one, version in before.items() if found[one] < version}
    assert not stale, f"older than what was in place before: {stale}"


def fork(job: Any, *arguments: Any) -> int:
    """Run a job in a process of its own, and return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        job(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - a child that goes on would do its parent's work
        traceback.print_exc()
    os._exit(code)


def burn(folder: Path, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Let loaders and writers run, kill them at random moments, and hold the end to a load without a cache."""
    root, done = folder / "store", Done()
    chance = random.Random(seed)  # noqa: S311 - no secret
    make_store(root)
    until = time.monotonic() + seconds
    jobs: list[tuple[Any, ...]] = [(load, root, done, until)] * N_LOADERS
    jobs += [(write, root, writer, done, until) for writer in range(N_WRITERS)]
    running = {fork(*job): job for job in jobs}
    n_killed, failed = 0, 0
    while time.monotonic() < until and not failed:
        time.sleep(chance.uniform(0.02, 0.3))
        victim = chance.choice(list(running))
        os.kill(victim, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1])
        n_killed += status == -signal.SIGKILL
        failed += status > 0
        job = running.pop(victim)
        running[fork(*job)] = job
    failed += sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in running)
    time.sleep(0.2)  # files at rest are cached
    for table in (ck.messages_df, ck.responses_df, ck.chunks_df):
        expected = table(root, cache=False)
        for _ in range(2):
            pd.testing.assert_frame_equal(table(root), expected)
    n_segments = len(SegmentCache.of(str((root / "contexts").resolve())).names())
    versions = sum(done.by_message().values())
    return {"killed": n_killed, "failed": failed, "versions": versions, "segments": n_segments}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["CHATKIT_CACHE_DIR"] = f"{temporary}/cache"
        print(json.dumps(burn(Path(temporary), float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)))
