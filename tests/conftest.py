"""Fixtures that several folders of tests share: a cache of their own, and Chromium, found on the machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that drive Chromium last.

    From its start to its end Playwright's event loop counts as running in this thread, where no other can run then.
    """
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


def _missing(reason: str) -> NoReturn:
    """Skip, but fail on a build server: there a missing browser is a fault of the set-up."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what tests cache out of the user's own cache, in processes they start too."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATKIT_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Run the machine's Chromium, headless."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - without it other tests still run
    except ImportError:
        _missing("playwright is not installed: pip install 'chatkit-lab[dev]'")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        _missing(f"no Chromium on this machine: none of {', '.join(_NAMES)} is on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """Open a tab without network, in which an error of a script fails the test."""
    context = chromium.new_context(offline=True, viewport={"width": 900, "height": 600})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert errors == []
