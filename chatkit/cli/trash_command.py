"""``chatkit trash``: what was deleted, and removing it for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.cli.places import folder
from chatkit.store import Store
from chatkit.store.trash import empty_trash, trashed

if TYPE_CHECKING:
    import argparse


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "trash",
        help="list what was deleted, or remove it for good",
        description="List what lies in a store's trash. To take something back, move it to where its path says.",
    )
    parser.add_argument("store", type=folder, help="a store")
    parser.add_argument("--empty", action="store_true", help="remove all of it for good")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, or empty."""
    root = Store(arguments.store).path
    if arguments.empty:
        print(f"{empty_trash(root)} deletions removed for good")
        return 0
    for path in trashed(root):
        print(path)
    print(f"{len(trashed(root))} deletions in the trash")
    return 0
