"""``chatkit lab``: JupyterLab on the notebooks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.errors import MissingExtraError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_PACKAGE = Path(__file__).resolve().parent.parent
_SHIPPED = _PACKAGE / "share"
"""Where a wheel carries the notebooks and the sample store."""
_PARTS = ("notebooks", "data")
_FIRST = "notebooks/01_quickstart.ipynb"
"""What is open when JupyterLab starts."""


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "lab",
        help="open JupyterLab on the notebooks",
        description="Open JupyterLab on the notebooks. In a folder without them, they and the sample store are "
        "copied there first; nothing that is there is written over.",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(), help="where to work (default: here)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--port", type=int, help="where JupyterLab listens (default: 8888, or the next free one)")
    parser.add_argument("--allow-root", action="store_true", help="run as root, as in a container")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Lay out the notebooks where they are missing, and run JupyterLab until it ends."""
    if find_spec("jupyterlab") is None:
        raise MissingExtraError('JupyterLab is not installed: pip install "chatkit-lab[lab]"')
    lay_out(arguments.folder)
    command = [sys.executable, "-m", "jupyterlab", *_options(arguments)]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter and arguments


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    yield f"--ServerApp.root_dir={arguments.folder.resolve()}"
    yield f"--LabApp.default_url=/lab/tree/{_FIRST}"
    if arguments.port is not None:
        yield f"--ServerApp.port={arguments.port}"
    if arguments.no_browser:
        yield "--no-browser"
    if arguments.allow_root:
        yield "--allow-root"


def lay_out(folder: Path) -> list[Path]:
    """Copy notebooks and sample store into a folder, as far as they are not there; return what was copied."""
    source = _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parent
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for part in _PARTS:
        target = folder / part
        if not target.exists():
            shutil.copytree(source / part, target, ignore=shutil.ignore_patterns("recordings", ".*"))
            copied.append(target)
            print(f"{part}/ laid out in {folder.resolve()}")
    return copied
