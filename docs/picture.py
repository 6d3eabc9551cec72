"""Makes the README's picture: a player in mid-replay, photographed in Chromium.

Run it in a checkout with the development environment: ``python docs/picture.py``.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import chatkit as ck

ROOT = Path(__file__).parents[1]
MESSAGE = "badfc5a8"
"""A response that stands still for two seconds."""
POSITION_MS = 2600


def main() -> None:
    """Write ``docs/player.png``."""
    message = ck.Store(ROOT / "data" / "store").message(MESSAGE)
    page_path = Path(tempfile.mkdtemp()) / "player.html"
    ck.Player(message).to_html(page_path)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 330}, device_scale_factor=2)
        page.goto(page_path.as_uri())
        page.get_by_role("button", name="Play").first.click()
        page.wait_for_timeout(POSITION_MS)
        page.get_by_role("group").first.screenshot(path=ROOT / "docs" / "player.png")
        browser.close()


if __name__ == "__main__":
    main()
