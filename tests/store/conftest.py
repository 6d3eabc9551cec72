"""What tests of stores share: a filled store, and an ear on opened files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.store.trees import filled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store import Store

_opened: list[list[str]] = []
"""Lists to note opened files in; an audit hook can't be taken away, so one is installed and listens to these."""


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened[-1].append(os.fsdecode(arguments[0]))


@pytest.fixture(scope="session")
def _audit_hook() -> None:
    sys.addaudithook(_note)


@pytest.fixture
def opened_files(_audit_hook: None) -> Iterator[list[str]]:
    """Paths of the files opened from here on."""
    _opened.append([])
    yield _opened[-1]
    _opened.pop()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of one context with three questions and their answers."""
    return filled(tmp_path / "store")
