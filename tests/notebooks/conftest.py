"""One JupyterLab for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebooks.lab import Lab, jupyterlab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run JupyterLab on an empty folder."""
    with jupyterlab(tmp_path_factory.mktemp("lab")) as running:
        yield running
