"""A bar for what takes longer than a second, where somebody is looking."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

_AFTER_S = 1.0


class Progress:
    """Counts the files that are parsed; says so in terminals and notebooks only, and not before a second has passed.

    >>> with Progress() as progress:
    ...     progress.expect(2)
    ...     progress.step()
    """

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, n_files: int) -> None:
        """Say that so many files more are to be parsed."""
        if self._bar is None and n_files and is_watched():
            self._bar = _bar()
        if self._bar is not None:
            self._bar.total += n_files

    def step(self, n_files: int = 1) -> None:
        """Say that files were parsed."""
        if self._bar is not None:
            self._bar.update(n_files)


def is_watched() -> bool:
    """Whether a person looks at this process: a terminal, or a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return True
    return sys.stderr is not None and sys.stderr.isatty()


def _bar() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook without widgets tqdm warns, and shows a bar of text
        from tqdm.auto import tqdm  # noqa: PLC0415 - only where somebody is looking
    return tqdm(total=0, desc="reading messages", unit=" files", delay=_AFTER_S, leave=False)
