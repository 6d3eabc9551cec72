"""``chatkit report``: a summary in the terminal, and one HTML file with pictures and players."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatkit.cli.places import place
from chatkit.store import Store

if TYPE_CHECKING:
    import argparse


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "report",
        help="summarise a store, and write a report with pictures and players",
        description="Print a summary of a store and write one HTML file with it, its pictures and three players.",
    )
    parser.add_argument("store", type=place, help="a store, in the new or an old format")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="default: report.html")
    parser.add_argument(
        "--by",
        action="append",
        metavar="NAME",
        help="group by a label of the messages (scenario) or a column (model); may be given several times",
    )
    parser.add_argument("--compare", type=place, metavar="STORE", help="a second store, to compare the first with")
    parser.add_argument("--no-text", action="store_true", help="leave the conversations' words out")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the store once, print, and write."""
    from chatkit.reports.material import read_material  # noqa: PLC0415 - pandas only for those who need it
    from chatkit.reports.notes import notes  # noqa: PLC0415 - as above
    from chatkit.reports.overview import written  # noqa: PLC0415 - as above
    from chatkit.reports.writing import write_report  # noqa: PLC0415 - as above

    other = Store(arguments.compare) if arguments.compare else None
    material = read_material(Store(arguments.store), arguments.by, compare_with=other)
    print(written(material.overview).to_string(index=False))
    for note in notes(material.responses, len(material.problems)):
        print(f"\n{note}")
    path = write_report(material, arguments.output, text=not arguments.no_text)
    print(f"\nReport: {path.resolve()}")
    print("Go on in the notebook: chatkit lab, or in Python:")
    print(f"    import chatkit as ck; responses = ck.responses_df({str(arguments.store)!r})")
    return 0
