"""What tests of the migration share: no waiting for young files, and a source of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.migration.sources import mixed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file younger than a second that does not parse is read again: at once."""
    monkeypatch.setattr("chatkit.store.json_files._PAUSE_S", 0)


@pytest.fixture(autouse=True)
def _disk_that_is_always_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forcing data to the disk takes most of the time, and changes nothing that can be seen here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small source: two contexts and a file that is cut off."""
    return mixed(tmp_path)
