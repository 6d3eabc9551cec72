"""A context of an earlier import into which an earlier turn comes: found again, and made anew in the right order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.models.context import MAIN
from chatkit.store.remote import names_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.models import Message
    from chatkit.store import Context, Store


def contexts_by_label(store: Store) -> dict[str | None, list[Context]]:
    """Return the contexts that imports have made of recordings with a ``label.context``, by that."""
    found: dict[str | None, list[Context]] = {}
    for context in store.contexts():
        label = context.metadata.metadata.get("context")
        if label is not None:
            found.setdefault(str(label), []).append(context)
    return found


def is_imported(context: Context, stored: Sequence[Message]) -> bool:
    """Whether a context is as an import leaves it, so that its messages are all there is: nothing else would be kept.

    Where it is not, what is new is added at the end.
    """
    ids = [message.message_id for message in stored]
    names = {f"{message_id}.json" for message_id in ids}
    return (
        list(context.branches) == [MAIN]
        and list(context.branches[MAIN].message_ids) == ids == context.message_ids
        and names.issuperset(names_in(context.folder().messages_path))
    )


def made_anew(context: Context, store: Store) -> Context:
    """Move a context to the trash and make it again without messages."""
    metadata = context.metadata
    kept = metadata.model_dump(exclude={"context_id", "branches", "updated_at", "current_state", "config"})
    branch = context.branches[MAIN].model_copy(update={"message_ids": ()})
    context.delete()
    return store.create_context(context_id=context.context_id, config=metadata.config, branches={MAIN: branch}, **kept)
