"""A list that shows a hundred entries at a time, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import ipywidgets as widgets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

PAGE = 100


class Pager(widgets.VBox, Generic[T]):  # type: ignore[misc] # ipywidgets ships no types
    """A list to choose one entry from; lines are written only for the page that is shown.

    Args:
        noun: what is listed, in the plural.
        line_of: what is shown of an entry, on one line.
        on_choice: called with the chosen entry, or None where there is nothing to choose.
    """

    def __init__(self, noun: str, line_of: Callable[[T], str], on_choice: Callable[[T | None], object]) -> None:
        self._noun, self._line_of, self._on_choice = noun, line_of, on_choice
        self._entries: Sequence[T] = ()
        self._start = 0
        self._select = widgets.Select(rows=9, layout={"width": "auto"})
        self._back = _button("arrow-left", "Previous page", lambda: self._turn(-PAGE))
        self._on = _button("arrow-right", "Next page", lambda: self._turn(PAGE))
        self._where = widgets.Label()
        head = widgets.HBox([self._where, self._back, self._on])
        super().__init__([head, self._select], layout={"flex": "1 1 0", "min_width": "0"})
        self._select.observe(self._choose, "index")

    def offer(self, entries: Sequence[T], chosen: T | None = None) -> None:
        """List other entries, and choose one of them, the first by default."""
        self._entries = entries
        place = 0 if chosen is None else next(i for i, each in enumerate(entries) if each is chosen)
        self._show(place // PAGE * PAGE, place % PAGE)

    def _turn(self, step: int) -> None:
        self._show(self._start + step, 0)

    def _show(self, start: int, index: int) -> None:
        self._start = start
        page = self._entries[start : start + PAGE]
        total = len(self._entries)
        self._where.value = f"{start + 1:,} to {start + len(page):,} of {total:,} {self._noun}" if total else "none"
        turns = "visible" if total > PAGE else "hidden"
        self._back.layout.visibility = self._on.layout.visibility = turns
        self._back.disabled = start == 0
        self._on.disabled = start + PAGE >= total
        self._select.unobserve(self._choose, "index")
        self._select.options = [(self._line_of(each), place) for place, each in enumerate(page)]
        self._select.index = index if page else None
        self._select.observe(self._choose, "index")
        self._choose(None)

    def _choose(self, _: Any) -> None:
        index = self._select.index
        self._on_choice(None if index is None else self._entries[self._start + index])


def _button(icon: str, tooltip: str, act: Callable[[], object]) -> widgets.Button:
    made = widgets.Button(icon=icon, tooltip=tooltip, layout={"width": "36px"})
    made.on_click(lambda _: act())
    return made
