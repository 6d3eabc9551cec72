"""The folder that a migration fills: whose it is, how far it has come, and what was written into it.

Beside the store's own files it has a folder ``migration/`` with ``state.json`` (which source, how far), ``report.json``
and, for each context, a record of what was written, so that a later update can tell its own work from changes
that were made in the target. Nothing in it depends on the time or on where source and target stand together.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from chatkit.errors import CorruptFileError, FormatError, StoreBusyError
from chatkit.store.atomic import TEMPORARY_PREFIX, remove, sync_folder, write_atomically
from chatkit.store.json_files import dump_json, read_json
from chatkit.store.locate import CONTEXTS, FORMAT_NAME, STORE_FILE, VERSION
from chatkit.store.locks import LOCKS, context_lock
from chatkit.store.migration_record import Written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

State = Literal["new", "running", "updating", "done"]
"""Nothing is there; begun for the first time; complete once and being updated; complete."""

MIGRATION, UNREADABLE = "migration", "unreadable"
_STATE_FILE, _REPORT_FILE = "state.json", "report.json"
_KIND, _STATE_VERSION = "chatkit migration", 1


class Target:
    """The folder of a migration.

    Args:
        path: the folder; new, empty, or an earlier migration of this source.
        source: what is migrated.

    Raises:
        FormatError: the folder is none of these; it is left as it is.
    """

    def __init__(self, path: Path, source: Path) -> None:
        self.path = path
        self.source_name = _name_from(path, source)
        _check_apart(path, source)
        self.state: State = self._read_state()
        self._is_begun = False

    @property
    def is_shared(self) -> bool:
        """Whether it was complete before, so that others may be writing to it."""
        return self.state in {"updating", "done"}

    @property
    def report_path(self) -> Path:
        """The file of the report."""
        return self.path / MIGRATION / _REPORT_FILE

    def context_path(self, context_id: str) -> Path:
        """Return the folder of a context."""
        return self.path / CONTEXTS / context_id

    def record_path(self, context_id: str) -> Path:
        """Return the file that says what was written of a context."""
        return self.path / MIGRATION / CONTEXTS / f"{context_id}.json"

    def written(self, context_id: str) -> Written:
        """Return what is known to be ours of a context."""
        if not self.is_shared:
            return Written({}, (), is_all=True)
        return Written.read(self.record_path(context_id))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other migrations out, and sweep up after one that was killed.

        Raises:
            StoreBusyError: another migration into this folder is running.
        """
        make_folder(self.path / LOCKS)
        try:
            with FileLock(self.path / LOCKS / "migration.lock", timeout=0):
                self.state = self._read_state()
                self._sweep()
                yield
        except Timeout as error:
            raise StoreBusyError(f"{self.path}: another migration into this folder is running; wait for it") from error

    def write(self, path: Path, data: bytes) -> None:
        """Write a file unless it says the same already; before the first, say that the migration is under way."""
        if path.is_file() and path.read_bytes() == data:
            return
        self.begin()
        make_folder(path.parent)
        write_atomically(path, data)

    def begin(self) -> None:
        """Say that the migration is under way."""
        if not self._is_begun:
            self._is_begun = True
            self._say("updating" if self.is_shared else "running")

    def finish(self) -> None:
        """Say that all is there and equal to the source."""
        if self.state == "done":
            return
        make_folder(self.path / CONTEXTS)
        self.write(self.path / STORE_FILE, dump_json({"format": FORMAT_NAME, "version": VERSION}))
        self._say("done")

    def _say(self, state: State) -> None:
        make_folder(self.path / MIGRATION)
        content = {"format": _KIND, "version": _STATE_VERSION, "source": self.source_name, "state": state}
        write_atomically(self.path / MIGRATION / _STATE_FILE, dump_json(content))
        self.state = state

    def _read_state(self) -> State:
        path = self.path / MIGRATION / _STATE_FILE
        if self.path.exists() and not path.is_file():
            if not self.path.is_dir() or not _is_empty(self.path):
                raise FormatError(
                    f"{self.path}: not empty, and no earlier migration; nothing was touched: give a new folder"
                )
            return "new"
        if not self.path.exists():
            return "new"
        try:
            content = read_json(path)
        except CorruptFileError as error:
            raise FormatError(f"{error}; nothing was touched: give a new folder") from error
        return self._checked(path, content)

    def _checked(self, path: Path, content: Any) -> State:
        content = content if isinstance(content, dict) else {}
        if content.get("format") != _KIND or content.get("version") != _STATE_VERSION:
            raise FormatError(f"{path}: not the state of a migration that this chatkit knows; give a new folder")
        if content.get("source") != self.source_name:
            raise FormatError(
                f"{self.path}: the migration of {content.get('source')}, not of {self.source_name}; nothing was "
                f"touched: give a new folder (or, where the source was moved, write its new place into {path})"
            )
        states: dict[Any, State] = {"running": "running", "updating": "updating", "done": "done"}
        if content.get("state") not in states:
            raise FormatError(f"{path}: unknown state {content.get('state')!r}; give a new folder")
        return states[content["state"]]

    @contextmanager
    def held(self, context_id: str) -> Iterator[None]:
        """Hold a context's lock where others may be writing to it, and sweep up in it."""
        if not self.is_shared:
            yield
            return
        with context_lock(self.context_path(context_id)):
            _sweep(self.context_path(context_id))
            yield

    def _sweep(self) -> None:
        """Sweep up in the whole target, or where others may write, in our own folders only."""
        for folder in (self.path / MIGRATION, self.path / UNREADABLE) if self.is_shared else (self.path,):
            _sweep(folder)


def default_target(source: Path) -> Path:
    """Return where a source is migrated to unless told: beside it, its name with ``.chatkit``.

    Raises:
        FormatError: the source is the root of the file system, beside which there is nothing.
    """
    if not source.name:
        raise FormatError(f"{source}: has no place beside it; name the folder to migrate into")
    return source.with_name(f"{source.name}.chatkit")


def _sweep(folder: Path) -> None:
    """Remove the temporary files that a killed migration left."""
    for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*")):
        remove(path)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably; it may be there already."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def _name_from(target: Path, source: Path) -> str:
    """Return where the source is, seen from the target: the same wherever the two stand together."""
    try:
        relative = os.path.relpath(source.resolve(), target.resolve())
    except ValueError:  # on another drive
        return source.resolve().as_posix()
    return relative.replace(os.sep, "/")


def _check_apart(target: Path, source: Path) -> None:
    """Make sure that writing to the target can't change the source."""
    one, other = target.resolve(), source.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise FormatError(f"{target}: source and target must stand apart from each other; give another folder")


def _is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but what a migration leaves that was killed before it said its name."""
    begun = {folder / LOCKS, folder / MIGRATION}
    return all(
        path in begun or (path.parent in begun and path.name.startswith((TEMPORARY_PREFIX, "migration.lock")))
        for path in folder.rglob("*")
    )
