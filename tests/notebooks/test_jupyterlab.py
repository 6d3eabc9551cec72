"""The quickstart in a real JupyterLab, in a real browser."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import chatkit as ck
from tests.notebooks.lab import ROOT, Lab, open_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.browser
def test_the_quickstarts_player_types_the_response_out(chromium: Browser, lab: Lab) -> None:
    for part in ("notebooks", "data/store"):
        shutil.copytree(ROOT / part, lab.folder / part)
    message = ck.Store(lab.folder / "data" / "store").message("badfc5a8")
    page = open_notebook(chromium, lab, "notebooks/01_quickstart.ipynb")
    page.get_by_role("heading", name="How the words arrived").click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    player = page.locator(".ck-player").first
    player.wait_for(timeout=90_000)
    player.get_by_label("Speed").select_option("8")
    player.get_by_role("button", name="Play").click()
    log = player.get_by_role("log")
    log.filter(has_text=message.content[-12:].strip()).wait_for(timeout=20_000)
    assert log.evaluate("element => element.textContent") == message.content
    page.close()
