"""``chatkit play``: a response typed out as it arrived."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from chatkit.cli.places import place
from chatkit.replay import play
from chatkit.store import Store
from chatkit.timing.schedule import check_idle_limit, check_speed

if TYPE_CHECKING:
    from collections.abc import Callable


def add_to(commands: Any) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "play",
        help="type a response out as it arrived",
        description="Type a response out in the terminal as it arrived, with its waits and its stalls. Ctrl-C ends it.",
    )
    parser.add_argument("store", type=place, help="a store, in the new or an old format")
    parser.add_argument("message_id", help="the message's id, or a unique beginning of it (8 characters or more)")
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="2 is twice as fast, 0 prints at once")
    parser.add_argument(
        "--idle-limit", type=_idle_limit, metavar="MS", help="shorten every longer wait to this many milliseconds"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Read the message and play it."""
    play(Store(arguments.store).message(arguments.message_id), arguments.speed, idle_limit_ms=arguments.idle_limit)
    return 0


def _speed(text: str) -> float:
    return _checked(text, check_speed)


def _idle_limit(text: str) -> float:
    return _checked(text, check_idle_limit)


def _checked(text: str, check: Callable[[float], None]) -> float:
    try:
        number = float(text)
        check(number)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return number
