"""What ``player.py`` runs in the notebook's kernel: recordings, and the replay that a user would write."""

from __future__ import annotations

import html
import random
import threading
import time
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from chatkit.models import Message, Piece, Response
from chatkit.player import Player
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    from collections.abc import Callable

    import ipywidgets

    Deltas = list[tuple[float, str]]

SENT = datetime(2026, 1, 1, tzinfo=UTC)
TTFT_MS = 200.0
SPREAD = 1.2
"""Of uneven gaps: some are 25 times the median, and tinted."""


@cache
def recording(name: str) -> Deltas:
    """Return the chunks of a recording: each one's arrival in ms, and its text."""
    return RECORDINGS[name](random.Random(name))


def steady(_: random.Random) -> Deltas:
    return [(TTFT_MS + 12 * index, word(index)) for index in range(700)]


def stalled(_: random.Random) -> Deltas:
    """A pace of 15 ms, 4 s of nothing, then what was held back in one burst."""
    times = [15.0 * index for index in range(120)]
    times += [times[-1] + 4000.0] * 30
    times += [times[-1] + 15.0 * index for index in range(1, 121)]
    return [(TTFT_MS + at, word(index)) for index, at in enumerate(times)]


def uneven(dice: random.Random, count: int, median_ms: float, text: Callable[[int], str]) -> Deltas:
    gaps = [dice.lognormvariate(0, SPREAD) * median_ms for _ in range(count)]
    return [(TTFT_MS + at, text(index)) for index, at in enumerate(accumulate(gaps))]


def word(index: int) -> str:
    """Words in lines of some 80 characters, a paragraph every ten lines."""
    end = ("\n\n" if index % 140 == 139 else "\n") if index % 14 == 13 else " "
    return f"{'abcdefgh'[: 2 + index * 5 % 7]}{end}"


def of_one_line(index: int) -> str:
    return word(index).replace("\n", " ")


RECORDINGS: dict[str, Callable[[random.Random], Deltas]] = {
    "12 ms gaps": steady,
    "a stall of 4 s": stalled,
    "1,500 chunks": lambda dice: uneven(dice, 1500, 7, word),
    "20,000 chunks": lambda dice: uneven(dice, 20_000, 4, word),
    "20,000 chunks, one line": lambda dice: uneven(dice, 20_000, 4, of_one_line),
    "20,000 line ends": lambda dice: uneven(dice, 20_000, 4, lambda _: "\n"),
    "1 MB in one line": lambda dice: uneven(dice, 20_000, 4, lambda index: of_one_line(index) * 9),
    "1 MB in one chunk": lambda _: [(TTFT_MS, "".join(map(of_one_line, range(160_000)))), (1000.0, "end")],
}


def message(name: str) -> Message:
    pieces = [Piece(to_us(SENT) + round(at * 1000), text) for at, text in recording(name)]
    ended = datetime.fromtimestamp(pieces[-1].at_us / 1e6, tz=UTC)
    response = Response.from_pieces(pieces, started_at=SENT, completed_at=ended, model="made")
    return Message.from_response(response)


def players(name: str, count: int, speed: float, from_ms: float) -> ipywidgets.VBox:
    import ipywidgets  # noqa: PLC0415 - the process that measures does without

    made = [Player(message(name), speed=speed, layout={"width": "48%"}) for _ in range(count)]
    for player in made:
        player.seek(from_ms)
    return ipywidgets.Box(made, layout={"flex_flow": "row wrap"})


class KernelReplay:
    """Types recordings out from the kernel: sleep until a chunk is due, then set the value of a widget."""

    def __init__(self, name: str, count: int, speed: float, from_ms: float) -> None:
        import ipywidgets  # noqa: PLC0415 - as above

        self.chunks, self.speed, self.from_ms = recording(name), speed, from_ms
        self.boxes = [ipywidgets.HTML(layout={"height": "200px", "width": "48%"}) for _ in range(count)]
        self.view = ipywidgets.Box(self.boxes, layout={"flex_flow": "row wrap"})

    def run(self) -> None:
        """Replay, and note in files that it began and ended: what is printed can be dropped, as values are."""
        began = time.time()
        Path("began").write_text(str(began * 1000))
        shown = ""
        for at, text in self.chunks:
            shown += text
            due = began + (at - self.from_ms) / 1000 / self.speed
            if at < self.from_ms:
                continue
            time.sleep(max(0.0, due - time.time()))
            for box in self.boxes:
                box.value = f"<pre style='white-space: pre-wrap'>{html.escape(shown)}</pre>"
        Path("ended").touch()

    def run_beside_work(self) -> None:
        """The same in a thread, while the kernel computes: in its main thread it would not even begin."""
        replay = threading.Thread(target=self.run)
        replay.start()
        while replay.is_alive():
            compute_for(0.1)
        replay.join()


def compute_for(seconds: float) -> None:
    """Keep the kernel busy."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
