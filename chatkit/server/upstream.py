"""The model that answers what is posted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatkit.store import Store


@dataclass(frozen=True)
class Upstream:
    """TODO."""

    def answer(self, store: Store, context_id: str) -> None:
        """Start the answer."""
