"""How late the player's text is on the screen, in JupyterLab in headless Chromium, beside a loop in the kernel.

    python -m benchmarks.player [case ...]

Prints a table in markdown, in about twelve minutes. Lateness is painted minus due, measured in the page; due counts
from the click on Play, or from the beginning of the kernel's loop. A chunk that never showed is not late, but
lost: the share that showed says so. Drift is the median lateness of the last tenth of chunks minus that of the
first. Aims: lateness of 25 ms at the 95th percentile (33 ms with five players), no drift, and frames of 50 ms at
the 99th percentile.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.player_notebook import recording
from tests.notebooks.lab import begin, jupyterlab, open_notebook, run, wait_for_end, write_notebook

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Page

    Floats = NDArray[np.float64]

PROBE = Path(__file__).with_name("player_probe.js")
LONGEST_MS = 25_000.0
"""A replay that takes longer begins where this much of it is left: with most of its text on the page."""

RATE_WINDOW_MS = 3500
"""After this long a server that dropped a kernel's messages lets them through again (``rate_limit_window``)."""


@dataclass(frozen=True)
class Case:
    """One row: a recording at a speed, in how many players, and whether the kernel computes meanwhile."""

    recording: str
    speed: float
    count: int = 1
    is_busy: bool = False
    has_peer: bool = True
    longest_ms: float = LONGEST_MS

    @property
    def title(self) -> str:
        """What stands in the row's first column."""
        more = f", {self.count} players" if self.count > 1 else ""
        return self.recording + more + (", kernel busy" if self.is_busy else "")

    @property
    def from_ms(self) -> float:
        """Where in the recording the replay begins."""
        return max(0.0, recording(self.recording)[-1][0] - self.longest_ms * self.speed)


SPEEDS = (1.0, 2.0, 8.0)
CASES = [
    *(Case("12 ms gaps", speed) for speed in SPEEDS),
    *(Case("a stall of 4 s", speed) for speed in SPEEDS),
    *(Case("1,500 chunks", speed) for speed in SPEEDS),
    *(Case("1,500 chunks", speed, is_busy=True) for speed in SPEEDS),
    *(Case("1,500 chunks", speed, count=5) for speed in SPEEDS),
    *(Case("20,000 chunks", speed) for speed in (1.0, 2.0)),
    Case("20,000 chunks", 8.0),
    *(Case("20,000 chunks, one line", speed, has_peer=False, longest_ms=10_000) for speed in SPEEDS),
    Case("20,000 line ends", 8.0, has_peer=False),
    Case("1 MB in one line", 8.0, has_peer=False),
    Case("1 MB in one chunk", 1.0, has_peer=False),
]


@dataclass(frozen=True)
class Measured:
    """What was seen of a replay: how late each chunk that showed was, which share did, times from frame to frame."""

    late_ms: Floats
    shown: float
    frames_ms: Floats

    def columns(self) -> list[str]:
        """Lateness, drift, and the share that showed."""
        tenth = max(1, len(self.late_ms) // 10)
        if not len(self.late_ms):
            return ["-", "-", f"{self.shown:.0%}"]
        p50, p95 = np.percentile(self.late_ms, [50, 95])
        drift = np.median(self.late_ms[-tenth:]) - np.median(self.late_ms[:tenth])
        return [f"{p50:.0f} / {p95:.0f} / {self.late_ms.max():.0f}", f"{drift:+.0f}", f"{self.shown:.0%}"]


def frame_times(frames_ms: Floats) -> str:
    return f"{np.percentile(frames_ms, 99):.0f} / {frames_ms.max():.0f}"


def main(names: list[str]) -> None:
    cases = [case for case in CASES if not names or case.recording in names]
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_notebook(folder / "bench.ipynb", [""] * 2)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        with jupyterlab(folder) as lab:
            print_table(open_notebook(browser, lab, "bench.ipynb"), folder, cases)
        browser.close()


def print_table(page: Page, folder: Path, cases: list[Case]) -> None:
    page.add_script_tag(content=PROBE.read_text(encoding="utf-8"))
    run(page, "from benchmarks.player_notebook import KernelReplay, compute_for, players")
    version = page.evaluate("navigator.userAgentData.brands.find(({ brand }) => brand === 'Chromium').version")
    rest = np.diff(np.array(page.evaluate("rest(3000)")["samples"])[:, 0])
    load = f"load {os.getloadavg()[0]:.1f} at the beginning"
    print(f"Chromium {version}, {os.cpu_count()} cores, {load}; frames of the page at rest: {frame_times(rest)} ms\n")
    print("| recording | speed | player: p50 / p95 / max ms | drift | shown | frames: p99 / max ms |"
        " loop in the kernel: p50 / p95 / max ms | drift | shown |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for case in cases:
        player = play(page, case)
        peer = type_out(page, folder, case).columns() if case.has_peer else ["", "", ""]
        row = [case.title, f"{case.speed:g}x", *player.columns(), frame_times(player.frames_ms), *peer]
        print(f"| {' | '.join(row)} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


def play(page: Page, case: Case) -> Measured:
    run(page, f"players({case.recording!r}, {case.count}, {case.speed}, {case.from_ms})")
    page.locator(".ck-player").nth(case.count - 1).wait_for()
    settle(page)
    left_ms = (recording(case.recording)[-1][0] - case.from_ms) / case.speed
    if case.is_busy:
        begin(page, f"print('busy'); compute_for({left_ms / 1000 + 3})", cell=1)
        page.locator(".jp-OutputArea-output").get_by_text("busy").wait_for()
    seen = page.evaluate("limit => playAll(limit)", left_ms + 5000)
    if case.is_busy:
        wait_for_end(page, cell=1)
        run(page, "", cell=1)
    return measured(case, seen, seen["began"])


def type_out(page: Page, folder: Path, case: Case) -> Measured:
    run(page, f"loop = KernelReplay({case.recording!r}, {case.count}, {case.speed}, {case.from_ms}); loop.view")
    page.locator(".widget-html-content").nth(case.count - 1).wait_for()
    settle(page)
    left_ms = (recording(case.recording)[-1][0] - case.from_ms) / case.speed
    page.evaluate("limit => { window.watched = watchTyped(limit); }", 3 * left_ms + 5000)
    ended = folder / "ended"
    ended.unlink(missing_ok=True)
    begin(page, "loop.run_beside_work()" if case.is_busy else "loop.run()", cell=1)
    while not ended.exists():  # that the cell has ended may not come through
        page.wait_for_timeout(100)
    page.evaluate("window.isTyped = true")
    seen = page.evaluate("window.watched")
    page.wait_for_timeout(RATE_WINDOW_MS)
    run(page, "", cell=1)
    return measured(case, seen, [float((folder / "began").read_text()) + seen["toPageMs"]] * case.count)


def measured(case: Case, seen: dict[str, Any], began: list[float]) -> Measured:
    """Compare what was painted with what was due, for the chunks that come after the replay's beginning."""
    chunks = [(at, text) for at, text in recording(case.recording) if text]
    arrivals = np.array([at for at, _ in chunks])
    ends = np.cumsum([len(text) for _, text in chunks])
    samples = np.array(seen["samples"])
    late, n_due = [], 0
    for pane in range(case.count):
        lengths = np.maximum.accumulate(samples[:, 2 + pane])
        first = np.searchsorted(arrivals, case.from_ms, side="right")
        frame = np.searchsorted(lengths, ends[first:])
        is_shown = frame < len(samples)
        due = began[pane] + (arrivals[first:] - case.from_ms) / case.speed
        late.append(samples[frame[is_shown], 1] - due[is_shown])
        n_due += len(due)
    in_order = np.concatenate([np.stack([np.arange(len(each)), each]) for each in late], axis=1)
    late_ms = in_order[1, np.argsort(in_order[0], kind="stable")]
    return Measured(late_ms, len(late_ms) / n_due, np.diff(np.append(began[0], samples[:, 0])))


def settle(page: Page) -> None:
    """Let the page come to rest."""
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(sys.argv[1:])
