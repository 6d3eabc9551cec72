"""Titles, states and branches of a context: changes of its metadata that touch no message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chatkit.errors import NotFoundError
from chatkit.store.splice import Object, change_file, raw, read_object
from chatkit.store.writing import writing
from chatkit.timing.stamps import format_stamp

if TYPE_CHECKING:
    from msgspec import Raw

    from chatkit.models import Branch
    from chatkit.models.context import State
    from chatkit.store.folder import ContextFolder


def set_title(folder: ContextFolder, title: str | None) -> None:
    """Give the context a title."""
    _set(folder, {"title": title})


def set_state(folder: ContextFolder, state: State) -> None:
    """Say what the context is doing."""
    _set(folder, {"current_state": state})


def add_branch(folder: ContextFolder, branch: Branch) -> None:
    """Add a branch.

    Raises:
        ValueError: there is one of this name.
    """

    def put(content: Object) -> bool:
        branches = read_object(content["branches"], folder.metadata_path)
        if branch.name in branches:
            raise ValueError(f"there is a branch {branch.name!r} in context {folder.context_id} already")
        branches[branch.name] = raw(branch.to_dict())
        content["branches"] = raw(branches)
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
        branches = read_object(content["branches"], folder.metadata_path)
        if name not in branches:
            raise NotFoundError(f"no branch {name!r} in context {folder.context_id}: it has {', '.join(branches)}")
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
