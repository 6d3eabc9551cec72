"""``chatkit cache``: what is kept of the stores that were read, and removing it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from chatkit.frames.cache_state import CachedPlace, cache_info, cached_places, clear_cache

if TYPE_CHECKING:
    import argparse

_MB = 1e6


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "cache",
        help="show what is cached of stores, or remove it",
        description=(
            "Show what is kept of the stores that were read, so that tables of them come at once the next time. "
            "It lies in your cache folder (CHATKIT_CACHE_DIR says another), never in a store, and can be removed "
            "at any time: tables are then made from the files again."
        ),
    )
    parser.add_argument("store", nargs="?", help="a store; all by default")
    parser.add_argument("--clear", action="store_true", help="remove it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show, or remove."""
    if arguments.store is None:
        _all(clear=arguments.clear)
    elif arguments.clear:
        print(f"{clear_cache(arguments.store) / _MB:.1f} MB removed")
    else:
        _show(arguments.store)
    return 0


def _all(*, clear: bool) -> None:
    places = cached_places()
    for one in places:
        if clear:
            shutil.rmtree(one.path, ignore_errors=True)
        print(_line(one))
    print(f"{sum(one.n_bytes for one in places) / _MB:.1f} MB of {len(places)} stores{' removed' * clear}")


def _line(one: CachedPlace) -> str:
    return f"{one.n_bytes / _MB:8.1f} MB  {one.place}"


def _show(store: str) -> None:
    found = cache_info(store)
    written = found.written_at.isoformat(sep=" ", timespec="seconds") if found.written_at else "never"
    print(f"path      {found.path}")
    print(f"size      {found.n_bytes / _MB:.1f} MB in {found.n_segments} segments")
    print(f"rows      {found.n_live} live, {found.n_dead} dead (contexts and messages)")
    print(f"written   {written}")
