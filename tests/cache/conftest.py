"""A store whose files are at rest, and a cache of its own for each test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.frames.stores import filled

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store import Store


@pytest.fixture(autouse=True)
def cache_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    root = tmp_path / "cache"
    monkeypatch.setenv("CHATKIT_CACHE_DIR", str(root))
    return root


class Clock:
    """The wall clock, ahead of what the files' times come from."""

    def __init__(self) -> None:
        self.ahead_ns = 60_000_000_000
        self._real = time.time_ns

    def time_ns(self) -> int:
        return self._real() + self.ahead_ns


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock by which files that were just written are a minute old: no test has to wait for that."""
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    return clock


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two contexts, eight messages, four of them responses."""
    return filled(tmp_path / "store")
