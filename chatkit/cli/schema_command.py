"""``chatkit schema``: JSON Schemas of a store's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chatkit.store.schemas import schemas

if TYPE_CHECKING:
    import argparse


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "schema",
        help="print JSON Schemas of a store's files",
        description="Print JSON Schemas (draft 2020-12) of the files of a store, made from the models.",
    )
    parser.add_argument("file", nargs="?", choices=sorted(schemas()), help="only this one")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one schema, or all by name."""
    content = schemas()[arguments.file] if arguments.file else schemas()
    print(json.dumps(content, ensure_ascii=False, indent=2))
    return 0
