"""The player's JavaScript and CSS, as text.

The files are ES modules that import each other, as a browser and node take them from a folder. A notebook
loads a widget from a blob, where a relative import leads nowhere, so for it they are joined into one module.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = Path(__file__).parent
_PLAYER = (
    "core.js", "lane.js", "replay.js", "element.js", "pane.js", "marks.js", "lane_view.js", "waits.js",
    "scrubber.js", "tip.js", "pointing.js", "controls.js", "shared.js", "live.js", "view.js",
)  # fmt: skip
"""What the player is made of; a file imports only from those before it."""

_IMPORT = re.compile(r"""^import\s+\{[^}]*\}\s+from\s+["']\./[\w.]+["'];\n""", re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|class|const|let)\b)", re.MULTILINE)


@cache
def player_module() -> str:
    """Return the player as one ES module, whose default export is what anywidget renders."""
    return join_modules(_read(name) for name in _PLAYER)


@cache
def page_module() -> str:
    """Return the player as one ES module with ``startPage``, which puts it on a page of its own."""
    return join_modules(_read(name) for name in (*_PLAYER, "page.js"))


@cache
def server_module() -> str:
    """Return the server's page as one ES module, which starts itself."""
    return join_modules(_read(name) for name in (*_PLAYER, "page.js", "server_page.js")) + "\nstartServerPage();\n"


@cache
def picture_module() -> str:
    """Return the chart that goes with a player as an ES module, whose default export is what anywidget renders."""
    return _read("picture.js")


@cache
def player_style() -> str:
    """Return the player's style sheet."""
    return _read("style.css")


@cache
def page_template() -> str:
    """Return the page around a player: a ``string.Template`` of title, style, text, data and module."""
    return _read("page.html")


@cache
def server_style() -> str:
    """Return the style sheet of the server's page, the player's included."""
    return player_style() + _read("server_page.css")


@cache
def server_page() -> str:
    """Return the server's page."""
    return _read("server_page.html")


def join_modules(sources: Iterable[str]) -> str:
    """Join ES modules into one: imports of each other go, and only the default export stays an export.

    Raises:
        ValueError: an import or export is written in a way that is not taken apart here.
    """
    joined = "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)
    left = re.search(r"^(?:import\b|export\b(?! default)).*", joined, re.MULTILINE)
    if left:
        raise ValueError(f"can't join modules over this line: {left.group()}; write it as the others do")
    return joined


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
