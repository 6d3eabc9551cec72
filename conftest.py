"""Runs the code in README and docs as tests, in a folder that has the sample store where a checkout has it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parent


def enter_copy(namespace: dict[str, Any]) -> None:
    """Work in a new folder with a copy of the sample store, so that examples may write."""
    mpl.use("Agg")
    namespace["_left"] = Path.cwd()
    namespace["_folder"] = Path(tempfile.mkdtemp())
    shutil.copytree(ROOT / "data" / "store", namespace["_folder"] / "data" / "store")
    namespace["_patch"] = patch = pytest.MonkeyPatch()
    patch.setenv("CHATKIT_CACHE_DIR", str(namespace["_folder"] / "cache"))
    os.chdir(namespace["_folder"])


def leave_copy(namespace: dict[str, Any]) -> None:
    """Go back, and remove the folder."""
    os.chdir(namespace["_left"])
    namespace["_patch"].undo()
    shutil.rmtree(namespace["_folder"])


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    setup=enter_copy,
    teardown=leave_copy,
).pytest()
