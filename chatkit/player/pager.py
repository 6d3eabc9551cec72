"""A list that shows a hundred entries at a time, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import ipywidgets as widgets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE = 100


class Entries(Protocol[T_co]):
    """What is listed: any sequence, or something that reads a part when it is asked for it."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, part: slice, /) -> Sequence[T_co]:
        """Those of a part; one that can't be read may be missing."""


class Pager(widgets.VBox, Generic[T]):  # type: ignore[misc] # ipywidgets ships no types
    """A list to choose one entry from; only the page that is shown is asked for and written.

    Args:
        noun: what is listed, in the plural.
        line_of: what is shown of an entry, on one line.
        on_choice: called with the chosen entry, or None where there is nothing to choose.
    """

    def __init__(self, noun: str, line_of: Callable[[T], str], on_choice: Callable[[T | None], object]) -> None:
        self._noun, self._line_of, self._on_choice = noun, line_of, on_choice
        self._entries: Entries[T] = ()
        self._start = 0
        self._page: Sequence[T] = ()
        self._select = widgets.Select(rows=9, layout={"width": "auto"})
        self._back = _button("arrow-left", "Previous page", lambda: self._turn(-PAGE))
        self._on = _button("arrow-right", "Next page", lambda: self._turn(PAGE))
        self._where = widgets.Label()
        head = widgets.HBox([self._where, self._back, self._on])
        super().__init__([head, self._select], layout={"flex": "1 1 280px", "min_width": "0"})
        self._select.observe(self._choose, "index")

    def offer(self, entries: Entries[T], at: int = 0, is_meant: Callable[[T], bool] = lambda _: True) -> None:
        """List other entries.

        Args:
            entries: which.
            at: the place of one that is on the page to show.
            is_meant: the first entry of that page for which this is true is chosen; its first where none is.
        """
        self._entries = entries
        self._show(at // PAGE * PAGE, is_meant)

    def _turn(self, step: int) -> None:
        self._show(self._start + step)

    def _show(self, start: int, is_meant: Callable[[T], bool] = lambda _: True) -> None:
        self._start = start
        total = len(self._entries)
        end = min(start + PAGE, total)
        page = self._page = self._entries[start:end]
        self._where.value = f"{start + 1:,} to {end:,} of {total:,} {self._noun}" if total else "none"
        turns = "visible" if total > PAGE else "hidden"
        self._back.layout.visibility = self._on.layout.visibility = turns
        self._back.disabled = start == 0
        self._on.disabled = end == total
        self._select.unobserve(self._choose, "index")
        self._select.options = [(self._line_of(each), place) for place, each in enumerate(page)]
        self._select.index = next((place for place, each in enumerate(page) if is_meant(each)), 0) if page else None
        self._select.observe(self._choose, "index")
        self._choose(None)

    def _choose(self, _: Any) -> None:
        index = self._select.index
        self._on_choice(None if index is None else self._page[index])


def _button(icon: str, tooltip: str, act: Callable[[], object]) -> widgets.Button:
    made = widgets.Button(icon=icon, tooltip=tooltip, layout={"width": "36px"})
    made.on_click(lambda _: act())
    return made
