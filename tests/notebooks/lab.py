"""A real JupyterLab on 127.0.0.1, and a notebook that is open in it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
START_S = 60
WIDGETS = ".settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    folder: Path
    address: str
    token: str

    def url(self, path: str = "") -> str:
        return f"{self.address}/lab{path}?token={self.token}&reset"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def jupyterlab(folder: Path) -> Iterator[Lab]:
    """Run JupyterLab on a folder, with settings of its own; notebooks are saved with the state of widgets."""
    (folder / WIDGETS).parent.mkdir(parents=True)
    (folder / WIDGETS).write_text('{"saveState": true}', encoding="utf-8")
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
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            lab = Lab(folder, f"http://127.0.0.1:{port}", token)
            wait_until_it_answers(f"{lab.address}/api/status?token={token}", server)
            yield lab
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with code {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - our own server on 127.0.0.1
                return
        except OSError:
            time.sleep(0.2)  # a real server of its own process: there is no clock to pass in
    raise TimeoutError(f"JupyterLab did not answer within {START_S} s")


def write_notebook(path: Path, sources: Sequence[str]) -> None:
    """Write a notebook of code cells for this Python."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}},
    )
    nbformat.write(notebook, path)


def open_notebook(browser: Browser, lab: Lab, name: str, script: str = "") -> Page:
    """Open a notebook in a window of its own, in which a script ran first, and wait for its kernel."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.add_init_script(script)
    page.goto(lab.url(f"/tree/{name}"))
    page.get_by_text("| Idle").first.wait_for(timeout=90_000)
    return page


def begin(page: Page, code: str, cell: int = 0) -> None:
    """Put code into a cell of the open notebook and run it, without waiting for its end."""
    page.evaluate(
        """([code, cell]) => {
            const notebook = jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = cell;
            notebook.activeCell.model.sharedModel.setSource(code);
            void jupyterapp.commands.execute("notebook:run-cell");
        }""",
        [code, cell],
    )


def run(page: Page, code: str, cell: int = 0) -> None:
    """The same, and wait for its end."""
    begin(page, code, cell)
    wait_for_end(page, cell)


def wait_for_end(page: Page, cell: int = 0) -> None:
    page.wait_for_function(
        "cell => jupyterapp.shell.currentWidget.content.widgets[cell].prompt !== '*'", arg=cell, timeout=60_000
    )
