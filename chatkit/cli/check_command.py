"""``chatkit check`` and ``chatkit repair``: what is half-done or damaged in a store, and mending it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chatkit.cli.places import folder, place
from chatkit.errors import ReadOnlyError
from chatkit.store import Store
from chatkit.store.checking import check_store, context_folders
from chatkit.store.repair import repair_store

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from chatkit.store.checking import Finding


def add_to(commands: Any) -> None:
    """Add the arguments of both commands."""
    check = commands.add_parser(
        "check",
        help="look a store over for what is damaged or half-done",
        description="Look a store over; nothing is changed. Exit code 1 if anything was found.",
    )
    check.set_defaults(run=run_check)
    repair = commands.add_parser(
        "repair",
        help="mend what a crash has left half-done",
        description="Say what would be mended; with --apply, mend it. What can't be mended is left as it is, and "
        "named. A response that is being recorded is left alone. Exit code 1 if anything is left to do.",
    )
    repair.add_argument("--apply", action="store_true", help="mend; without it nothing is changed")
    repair.set_defaults(run=run_repair)
    check.add_argument("store", type=place, help="a store")
    repair.add_argument("store", type=folder, help="a store")
    for parser in (check, repair):
        parser.add_argument("--json", action="store_true", help="print JSON")


def run_check(arguments: argparse.Namespace) -> int:
    """Print what was found."""
    root = _root(arguments.store)
    found = check_store(root)
    if arguments.json:
        _print_json(findings=found)
    else:
        for finding in found:
            print(finding)
        print(f"{len(found)} findings in {len(context_folders(root))} contexts")
    return 1 if found else 0


def run_repair(arguments: argparse.Namespace) -> int:
    """Print what would be mended, or was."""
    root = _root(arguments.store)
    if not arguments.apply:
        found = check_store(root)
        mended, left = [finding for finding in found if finding.remedy], found
    else:
        mended, left = repair_store(root)
    if arguments.json:
        _print_json(mended=mended, left=left, applied=arguments.apply)
        return 1 if left else 0
    for finding in mended:
        print(finding)
    for finding in left:
        if finding not in mended:
            print(finding)
    if arguments.apply:
        print(f"{len(mended)} mended, {len(left)} left")
    else:
        print(f"{len(mended)} can be mended: run again with --apply" if mended else "nothing to mend")
    return 1 if left else 0


def _root(named: Path | str) -> Path:
    """Return the folder of a store in our format.

    Raises:
        FormatError: it is no store.
        ReadOnlyError: it is in an old format.
    """
    store = Store(named)
    if not context_folders(store.path) and store.contexts():
        raise ReadOnlyError(f"{named}: an old format is only read; 'chatkit migrate' makes a store that can be mended")
    return store.path


def _print_json(**content: Any) -> None:
    print(json.dumps({key: _plain(value) for key, value in content.items()}, ensure_ascii=False, indent=1))


def _plain(value: Sequence[Finding] | bool) -> Any:
    return value if isinstance(value, bool) else [finding.to_dict() for finding in value]
