"""Where a store is, as it is typed: a path, or a URL for what only reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from chatkit.store.urls import is_url


def place(text: str) -> Path | str:
    """Return a path; a URL stays as it was typed, since a path would spoil it."""
    return text if is_url(text) else Path(text)


def folder(text: str) -> Path:
    """Return a path, for a command that writes."""
    if is_url(text):
        raise argparse.ArgumentTypeError(f"{text} is a URL, where stores are only read; give the path of a folder")
    return Path(text)
