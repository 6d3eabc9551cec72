"""A player inside a notebook's saved output."""

from __future__ import annotations

import html


class Embedded:
    """A page of its own in a frame: it is part of the output, so an exported notebook replays offline.

    The frame is a sandbox that allows scripts and nothing else: it can't reach the notebook.
    """

    def __init__(self, page: str, description: str, height_px: int) -> None:
        self._page = page
        self._description = description
        self._height_px = height_px

    def __repr__(self) -> str:
        return f"Embedded({self._description})"

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self._description)}"'
            f' style="width: 100%; height: {self._height_px}px; border: 0"'
            f' srcdoc="{html.escape(self._page)}"></iframe>'
        )
