"""``chatkit import``: raw captures into a store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.cli.places import folder
from chatkit.formats import import_recordings
from chatkit.store import Store

if TYPE_CHECKING:
    import argparse


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "import",
        help="import recordings into a store",
        description="Turn raw captures into contexts and messages. Importing twice adds nothing.",
    )
    parser.add_argument("recordings", nargs="+", type=Path, help="*.jsonl files, or folders of such")
    parser.add_argument("--store", required=True, type=folder, help="the store; made if there is none")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Import, say what was done, and return 1 if a file could not be read."""
    is_new = not arguments.store.exists() or not any(arguments.store.iterdir())
    store = Store.create(arguments.store) if is_new else Store(arguments.store)
    report = import_recordings(arguments.recordings, store)
    print(
        f"{report.n_recordings} recordings: {report.n_messages} messages in {report.n_contexts} new contexts"
        + (f"; {report.n_known} messages were there already" if report.n_known else "")
        + f". Store: {store.path}"
    )
    for path in report.cut:
        print(f"cut in the middle of a line, kept up to there: {path}", file=sys.stderr)
    for reason in report.unreadable:
        print(f"not imported: {reason}", file=sys.stderr)
    return 1 if report.unreadable else 0
