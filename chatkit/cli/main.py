"""``chatkit``: the arguments, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from typing import TYPE_CHECKING

from chatkit import __version__
from chatkit.cli import (
    cache_command,
    check_command,
    import_command,
    lab_command,
    migrate_command,
    play_command,
    proxy_command,
    report_command,
    schema_command,
    serve_command,
    trash_command,
)
from chatkit.errors import ChatkitError, CorruptFileWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    report_command,
    lab_command,
    play_command,
    serve_command,
    proxy_command,
    import_command,
    migrate_command,
    check_command,
    trash_command,
    schema_command,
    cache_command,
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="chatkit",
        description="See how a language model's words arrive: tables, pictures and replays of streamed responses.",
    )
    top.add_argument("--version", action="version", version=f"chatkit {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 1 for an error, 2 for wrong arguments, 130 for Ctrl-C."""
    chosen = parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning
            return int(chosen.run(chosen))
    except BrokenPipeError:
        # Whoever reads our output has had enough (head, less). Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ChatkitError, OSError) as error:
        print(f"chatkit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Write a warning for a person: which file, not which line of our code."""
    kind = "" if issubclass(category, CorruptFileWarning) else f"{category.__name__}: "
    print(f"chatkit: {kind}{message}", file=sys.stderr)
