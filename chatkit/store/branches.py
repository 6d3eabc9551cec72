"""Titles, states and branches of a context: changes of its metadata that touch no message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatkit.models import Branch
from chatkit.store.bookkeeping import active_branch, branch_ids, branches_in
from chatkit.store.ids import resolve
from chatkit.store.splice import Object, change_file, raw
from chatkit.store.writing import writing
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from msgspec import Raw

    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder


def set_title(folder: ContextFolder, title: str | None) -> None:
    """Give the context a title."""
    _set(folder, {"title": title})


def set_state(folder: ContextFolder, state: State) -> None:
    """Say what the context is doing."""
    _set(folder, {"current_state": state})


def add_branch(folder: ContextFolder, name: str, *, until: str | None, switch: bool) -> None:
    """Begin a branch that shares the messages of the active one up to ``until`` (an id or a beginning; None: all).

    Raises:
        NotFoundError: the active branch has no such message.
        ValueError: there is a branch of this name, or it holds half a character: names are keys, which can't.
    """
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise ValueError(f"{name!r} holds half a character, which the name of a branch can't")

    def put(content: Object) -> bool:
        branches = branches_in(content, folder)
        if name in branches:
            raise ValueError(f"there is a branch {name!r} in context {folder.context_id} already")
        active = active_branch(content, folder)
        shared = branch_ids(content, active, folder) if active in branches else []
        if until is not None:
            shared = shared[: shared.index(resolve(until, shared, "message")) + 1]
        branches[name] = raw(Branch(name=name, message_ids=tuple(shared)).to_dict())
        content["branches"] = raw(branches)
        if switch:
            content["active_branch_name"] = raw(name)
        content["updated_at"] = _now()
        return True

    with writing(folder):
        change_file(folder.metadata_path, put)


def switch_branch(folder: ContextFolder, name: str) -> None:
    """Make a branch the active one.

    Raises:
        NotFoundError: there is no such branch.
    """

    def put(content: Object) -> bool:
        branch_ids(content, name, folder)
        content["active_branch_name"] = raw(name)
        content["updated_at"] = _now()
        return True

    with writing(folder):
        change_file(folder.metadata_path, put)


def _set(folder: ContextFolder, values: dict[str, object]) -> None:
    def put(content: Object) -> bool:
        content.update({key: raw(value) for key, value in values.items()})
        content["updated_at"] = _now()
        return True

    with writing(folder):
        change_file(folder.metadata_path, put)


def _now() -> Raw:
    return raw(format_stamp(datetime.now(UTC)))
