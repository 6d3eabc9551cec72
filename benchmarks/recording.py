"""What recording costs: time added to each chunk, and how true a recorded gap is while the loop body is slow.

    python benchmarks/recording.py

Aims: 50 µs p50, 200 µs p99 and 2 ms at most added per chunk, at the default durability.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chatkit.capture import record
from chatkit.errors import SlowConsumerWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

RECORDING = Path(__file__).parents[1] / "data" / "recordings" / "chat-ctx00-t0.jsonl"
N_CHUNKS = 2000
GAP_S = 0.002
BODY_GAP_S, BODY_S = 0.010, 0.020


class Timed:
    """A stream that gives an event every so often, and knows when it gave each and was asked for the next."""

    def __init__(self, events: list[Any], gap_s: float) -> None:
        self.events, self.gap_s = events, gap_s
        self.given_ns: list[int] = []

    def __iter__(self) -> Iterator[Any]:
        for event in self.events:
            time.sleep(self.gap_s)
            self.given_ns.append(time.perf_counter_ns())
            yield event


def main() -> None:
    texts = [json.loads(line)["event"] for line in RECORDING.read_text(encoding="utf-8").splitlines()[2:-3]]
    print(f"Python {sys.version.split()[0]}, {N_CHUNKS} chunks, one every {GAP_S * 1000:g} ms\n")
    print(f"{'µs added per chunk':34} {'p50':>8} {'p99':>8} {'max':>8}")
    for name, make in FORMS.items():
        events = make(texts)
        repeated = [events[place % len(events)] for place in range(N_CHUNKS)]
        for how, is_recorded in (("not recorded", False), ("recorded", True)):
            print_row(f"{name}, {how}", handing_on_us(Timed(repeated, GAP_S), is_recorded=is_recorded))
    print(f"\n{'µs taken per chunk, all at once':34} {'mean':>8}")
    for name, make in FORMS.items():
        print(f"{name:34} {taken_us(make(texts)):8.1f}")
    print(f"\n{'ms by which a recorded gap is wrong':34} {'p50':>8} {'p99':>8} {'max':>8}")
    for name, ahead in (("tee", False), ("tee, ahead=True", True)):
        print_row(f"loop body of {BODY_S * 1000:g} ms, {name}", gap_error_ms(texts, ahead=ahead))


def handing_on_us(stream: Timed, *, is_recorded: bool) -> NDArray[np.float64]:
    """Time from when an event was there to when the loop body has it."""
    read_ns: list[int] = []
    if not is_recorded:
        read_ns.extend(time.perf_counter_ns() for _ in stream)
    else:
        with tempfile.TemporaryDirectory() as folder, record(folder) as recorder:
            read_ns.extend(time.perf_counter_ns() for _ in recorder.tee(stream))
    return (np.array(read_ns) - np.array(stream.given_ns)) / 1e3


def taken_us(events: list[Any]) -> float:
    """What recording takes of the processor for a chunk, which adds up where chunks wait already."""
    events = [events[place % len(events)] for place in range(N_CHUNKS)]
    with tempfile.TemporaryDirectory() as folder, record(folder) as recorder:
        started_ns = time.perf_counter_ns()
        for _ in recorder.tee(events):
            pass
        return (time.perf_counter_ns() - started_ns) / 1e3 / N_CHUNKS


def gap_error_ms(texts: list[str], *, ahead: bool) -> NDArray[np.float64]:
    """How far recorded gaps are from the server's, while the loop body takes longer than a gap."""
    stream = Timed(dicts(texts)[:100], BODY_GAP_S)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore", SlowConsumerWarning)
        with record(folder) as recorder:
            for _ in recorder.tee(stream, ahead=ahead):
                time.sleep(BODY_S)
    response = recorder.message.streaming_response
    if response is None:
        raise TypeError("a recorder stores a response")
    return np.abs(np.diff(response.arrivals_ms) - BODY_GAP_S * 1000)


def dicts(texts: list[str]) -> list[Any]:
    return [json.loads(text.removeprefix("data: ")) for text in texts]


def raw_bytes(texts: list[str]) -> list[Any]:
    return [f"{text}\n\n".encode() for text in texts]


def models(texts: list[str]) -> list[Any]:
    from openai.types.chat import ChatCompletionChunk  # noqa: PLC0415 - the other rows do without the SDK

    return [ChatCompletionChunk.model_validate(event) for event in dicts(texts)]


FORMS: dict[str, Callable[[list[str]], list[Any]]] = {
    "bare text": lambda texts: [f"{len(text)} " for text in texts],
    "dicts": dicts,
    "bytes": raw_bytes,
    "models of the openai SDK": models,
}


def print_row(name: str, values: NDArray[np.float64]) -> None:
    p50, p99 = np.percentile(values, [50, 99])
    print(f"{name:34} {p50:8.1f} {p99:8.1f} {values.max():8.1f}")


if __name__ == "__main__":
    main()
