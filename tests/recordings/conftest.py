"""The captures made by hand, imported once for the files of tests that ask for them."""

from __future__ import annotations

import pytest

from tests.recordings.hand_made import CAPTURES, HandMade
from tests.recordings.imported import import_captures


@pytest.fixture(scope="session")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> HandMade:
    return HandMade(import_captures(CAPTURES, tmp_path_factory.mktemp("handmade") / "store"))
