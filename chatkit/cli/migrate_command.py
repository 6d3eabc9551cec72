"""``chatkit migrate``: a store in an old format into a new one beside it; the source is only read."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from chatkit.cli.places import folder
from chatkit.store.migration import migrate, verify_migration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from chatkit.store.migration import Progress

_SHOWN_AFTER_S = 1.0


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "migrate",
        help="turn a store in an old format into a new one",
        description="Write the contexts of a store in an old format into a new store, and compare the two chunk by "
        "chunk. The source is not changed in any way. Killed and started again, it goes on from there. "
        "Exit code 1 if files of the source are damaged, or the comparison finds a difference.",
    )
    parser.add_argument("source", type=folder, help="the store; it is only read")
    parser.add_argument("target", nargs="?", type=folder, help="a new folder (default: SOURCE.chatkit)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--update", action="store_true", help="bring over what is new or has changed since")
    kind.add_argument("--verify", action="store_true", help="compare an earlier migration with its source")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done; nothing is written")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Migrate or verify, and say what came of it."""
    with _progress_bar() as progress:
        if arguments.verify:
            verification = verify_migration(arguments.source, arguments.target, progress=progress)
        else:
            report = migrate(
                arguments.source,
                arguments.target,
                dry_run=arguments.dry_run,
                update=arguments.update,
                progress=progress,
            )
    if arguments.verify:
        _print(verification, as_json=arguments.json)
        return 0 if verification.is_equal else 1
    _print(report, as_json=arguments.json)
    return 0 if report.is_clean else 1


def _print(found: Any, *, as_json: bool) -> None:
    print(json.dumps(found.to_dict(), ensure_ascii=False, indent=1) if as_json else found.to_text())


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """Show how far it is once it has taken a second, if a person is looking."""
    with tqdm(unit="context", delay=_SHOWN_AFTER_S, disable=None, leave=False, file=sys.stderr) as bar:

        def show(n_done: int, n_all: int) -> None:
            bar.total = n_all
            bar.update(n_done - bar.n)

        yield show
