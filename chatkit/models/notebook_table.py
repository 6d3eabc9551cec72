"""A small HTML table as notebooks show it, in whatever colours the page has."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from chatkit.models.one_line import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    Cell = str | int | datetime | None

_LONGEST = 300
_LEFT = ' style="text-align: left"'
UNKNOWN = "-"


def notebook_table(
    title: str, rows: Sequence[Sequence[Cell]], headings: Sequence[str] = (), note: str = "", longest: int = _LONGEST
) -> str:
    """Return a titled table as HTML. Whatever is given is text: none of it becomes markup.

    Args:
        title: what is shown; it stands above.
        rows: the cells of each row; None is not known.
        headings: of the columns; without them the first cell of each row says what the row is.
        note: a line beneath, such as what was left out.
        longest: characters of a cell; more are cut.

    >>> notebook_table("Context 1a2b3c4d", [("title", "<b>")])
    '<div><strong>Context 1a2b3c4d</strong><table><tbody><tr><th style="text-align: left">title</th><td \
style="text-align: left">&lt;b&gt;</td></tr></tbody></table></div>'
    """
    head = f"<thead><tr>{''.join(_cell('th', name, longest) for name in headings)}</tr></thead>" if headings else ""
    body = "".join(f"<tr>{_row(row, longest, has_name=not headings)}</tr>" for row in rows)
    table = f"<table>{head}<tbody>{body}</tbody></table>" if rows else ""
    beneath = f"<small>{_text(note, _LONGEST)}</small>" if note else ""
    return f"<div><strong>{_text(title, _LONGEST)}</strong>{table}{beneath}</div>"


def moment_text(moment: datetime | None) -> str:
    """Write a moment to the second, in UTC.

    >>> moment_text(None)
    '-'
    """
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _row(row: Sequence[Cell], longest: int, *, has_name: bool) -> str:
    return "".join(_cell("th" if has_name and place == 0 else "td", cell, longest) for place, cell in enumerate(row))


def _cell(tag: str, cell: Cell, longest: int) -> str:
    return f"<{tag}{_LEFT}>{_text(cell, longest)}</{tag}>"


def _text(cell: Cell, longest: int) -> str:
    if cell is None or isinstance(cell, datetime):
        return moment_text(cell)
    return escape(one_line(f"{cell:,}" if isinstance(cell, int) else cell, longest))
