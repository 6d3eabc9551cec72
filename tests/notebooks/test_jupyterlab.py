"""The quickstart in a real JupyterLab, in a real browser."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chatkit as ck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
START_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def jupyterlab(folder: Path) -> Iterator[tuple[str, str]]:
    """Run JupyterLab on a folder, with settings of its own; gives its address and its token."""
    port, token = free_port(), secrets.token_hex(16)
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".workspaces"),
        "PYTHONPATH": str(ROOT),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(f"{address}/api/status?token={token}", server)
            yield address, token
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert server.poll() is None, "JupyterLab ended"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server on 127.0.0.1
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)  # a real server of its own process: there is no clock to pass in
    pytest.fail("JupyterLab did not answer")


@pytest.mark.browser
def test_the_quickstarts_player_types_the_response_out(chromium: Browser, tmp_path: Path) -> None:
    for part in ("notebooks", "data/store"):
        shutil.copytree(ROOT / part, tmp_path / part)
    message = ck.Store(tmp_path / "data" / "store").message("badfc5a8")
    with jupyterlab(tmp_path) as (address, token):
        page = chromium.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(f"{address}/lab/tree/notebooks/01_quickstart.ipynb?token={token}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
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
