"""What messages tell of their context: the order of its index, its branches, its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chatkit.models import Branch, ContextMetadata
from chatkit.models.context import MAIN
from chatkit.models.states import AWAITING, IDLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chatkit.models import IndexEntry
    from chatkit.models.context import State


class Known(NamedTuple):
    """What index and metadata say of a message that is there: its reference, its place, and the state it leaves."""

    entry: IndexEntry
    position: int | None
    branch: str | None
    state: State | None

    @property
    def message_id(self) -> str:
        """The message's id."""
        return self.entry.message_id

    def order(self) -> tuple[bool, int, bool, float, str]:
        """Return what an index is sorted by: position, then time, unknown last, then id."""
        created_at = self.entry.created_at
        at_s = created_at.timestamp() if created_at else 0.0
        return self.position is None, self.position or 0, created_at is None, at_s, self.message_id


def metadata_told(context_id: str, messages: list[Known], *, in_flight: bool) -> ContextMetadata:
    """Return what a context is, as far as its messages tell: what readers go by, and repair writes, without a file.

    Args:
        context_id: the context.
        messages: all of them, in their order.
        in_flight: whether a response is being recorded, or was left so.
    """
    moments = [message.entry.created_at for message in messages if message.entry.created_at is not None]
    return ContextMetadata(
        context_id=context_id,
        branches={name: Branch(name=name, message_ids=ids) for name, ids in _lines(messages).items()},
        active_branch_name=next((message.branch for message in reversed(messages) if message.branch), MAIN),
        current_state=AWAITING if in_flight else last_state(messages),
        created_at=min(moments, default=None),
        updated_at=max(moments, default=None),
    )


def last_state(messages: list[Known]) -> State:
    """Return the state that the last response left."""
    return next((message.state for message in reversed(messages) if message.state is not None), IDLE)


def missing(metadata: ContextMetadata, there: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield branch and id of each message that a branch lists and that is not there."""
    for name, branch in metadata.branches.items():
        for message_id in branch.message_ids:
            if message_id not in there:
                yield name, message_id


def _lines(messages: list[Known]) -> dict[str, tuple[str, ...]]:
    """Tell the branches from the messages: each has its own, behind the ancestors of the first of them."""
    own: dict[str, list[str]] = {MAIN: []}
    for message in messages:
        own.setdefault(message.branch or MAIN, []).append(message.message_id)
    parents = {message.message_id: message.entry.parent_id for message in messages}
    return {
        name: tuple(dict.fromkeys([*_ancestors(ids[0], parents), *ids])) if ids else () for name, ids in own.items()
    }


def _ancestors(message_id: str, parents: dict[str, str | None]) -> list[str]:
    found: list[str] = []
    parent = parents[message_id]
    while parent in parents and parent != message_id and parent not in found:  # a circle would have no end
        found.append(parent)
        parent = parents[parent]
    return found[::-1]
