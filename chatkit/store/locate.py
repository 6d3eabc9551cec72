"""Finding contexts under a path, and telling their formats apart."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError, FormatError, ReadOnlyError
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import is_id
from chatkit.store.json_files import read_json
from chatkit.store.problems import Problem
from chatkit.store.remote import READ_AT_ONCE, is_listed, is_remote, looking, names_in, read_ahead
from chatkit.store.single_file import SingleFile
from chatkit.store.split import SplitFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store.context_files import ContextFiles
    from chatkit.store.problems import Problems

FORMAT_NAME, VERSION = "chatkit", 1
STORE_FILE, CONTEXTS, CONVERSATIONS = "store.json", "contexts", "conversations"
METADATA, OLD_CONTEXT = "metadata.json", "context.json"
_SPOILT_URL = re.compile(r"[a-z][a-z0-9+.-]+:[/\\]")
"""What is left of ``s3://…`` in a Path."""


def check_is_store(root: Path) -> None:
    """Look at a path before it is used as a store.

    Raises:
        FormatError: nothing is there, it is no store, or one of a newer version.
    """
    with looking(root):
        _check_is_store(root)


def check_is_ours(root: Path) -> None:
    """Look at a store before a context is made in it.

    Raises:
        ReadOnlyError: it is in an old format, or this is not its own folder.
    """
    if not ((root / STORE_FILE).exists() or any((root / CONTEXTS).glob(f"*/{METADATA}"))):
        raise ReadOnlyError(
            f"{root}: not the folder of a store in chatkit's own format, and an old format is only read; "
            "Store.create(path) makes a new store"
        )


def _check_is_store(root: Path) -> None:
    read_ahead([root / STORE_FILE])
    if (root / STORE_FILE).exists():
        _check_version(root / STORE_FILE)
    elif not root.exists():
        raise FormatError(f"{root}: {_absent(root)}")
    elif next(_found(root), None) is None:
        raise FormatError(
            f"{root}: not a store: no {STORE_FILE}, no {CONTEXTS}/*/metadata.json, and neither of the old formats "
            f"({CONVERSATIONS}/*.json, {CONTEXTS}/*/context.json); Store.create(path) makes a new store"
        )


def _absent(root: Path) -> str:
    if is_remote(root):
        return "nothing is there"
    if _SPOILT_URL.match(str(root)):
        return "no such folder; a Path can't hold a URL: give it as text"
    return "no such folder; Store.create(path) makes a new store"


def find_contexts(root: Path, problems: Problems | None = None, *, beginning: str = "") -> dict[str, ContextFiles]:
    """Return the files of every context under a path, by id, or of those whose ids begin like this.

    Where an id is there in two formats, the newer one counts: ours, then split, then single-file. Of two old ones the
    other is named in the problems: nobody means to have both, as one does after a migration.
    """
    found: dict[str, ContextFiles] = {}
    with looking(root):
        for files in _found(root, beginning):
            known = found.setdefault(files.context_id, files)
            taken, left = (known, files) if _rank(known) <= _rank(files) else (files, known)
            found[files.context_id] = taken
            if problems is not None and taken is not left and taken.format_name != FORMAT_NAME:
                problems.note(_twice(taken, left))
    return found


def _rank(files: ContextFiles) -> int:
    return (FORMAT_NAME, SplitFolder.format_name, SingleFile.format_name).index(files.format_name)


def _twice(taken: ContextFiles, left: ContextFiles) -> Problem:
    reason = f"is not read: the same context is in {taken.path}, in the {taken.format_name} format"
    return Problem(str(left.path), left.context_id, None, "", reason)


def _check_version(path: Path) -> None:
    try:
        content = read_json(path)
    except CorruptFileError as error:
        raise FormatError(f"{error}; it should be {{'format': 'chatkit', 'version': {VERSION}}}") from error
    name = content.get("format") if isinstance(content, dict) else None
    version = content.get("version") if isinstance(content, dict) else None
    if name != FORMAT_NAME or not isinstance(version, int):
        raise FormatError(f"{path}: not a chatkit store: it says format {name!r}, version {version!r}")
    if version > VERSION:
        raise FormatError(
            f"{path}: the store has version {version}, this chatkit reads up to version {VERSION}: install a newer one"
        )


def _found(root: Path, beginning: str = "") -> Iterator[ContextFiles]:
    """Look at the path itself, at the folders that hold contexts, and at those one level up."""
    if root.name in {"", ".."}:  # a path that does not say which folder it is, such as "."
        root = root.resolve()
    if is_id(root.stem) and root.is_file():
        if root.stem.startswith(beginning):
            yield SingleFile(root)
        return
    if is_remote(root):
        with suppress(FileNotFoundError):
            names_in(root)  # so that for folders that it has not nobody asks
    if root.name.startswith(beginning):
        yield from _in_folder(root)
    for folder in (root, root / "data"):
        for name in (CONTEXTS, CONVERSATIONS):
            yield from _children(folder / name, beginning)
    if root.name in {CONTEXTS, CONVERSATIONS}:
        yield from _children(root, beginning)


def _children(folder: Path, beginning: str) -> Iterator[ContextFiles]:
    if not folder.is_dir():
        return
    for several in _batched(sorted(name for name in names_in(folder) if name.startswith(beginning))):
        if not is_listed(folder):
            _probe([folder / name for name in several if is_id(name)])
        for name in several:
            if name.endswith(".json") and is_id(name.removesuffix(".json")):
                yield SingleFile(folder / name)
            else:
                yield from _in_folder(folder / name)


def _probe(folders: list[Path]) -> None:
    """Read what tells the formats of contexts, and is read of them first anyway."""
    read_ahead(folder / METADATA for folder in folders)
    read_ahead(folder / OLD_CONTEXT for folder in folders if not (folder / METADATA).exists())


def _batched(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), READ_AT_ONCE):
        yield names[start : start + READ_AT_ONCE]


def _in_folder(path: Path) -> Iterator[ContextFiles]:
    """Yield the context whose folder this is, if it is one."""
    if not is_id(path.name):
        return
    if (path / METADATA).exists():
        yield ContextFolder(path)
    elif (path / OLD_CONTEXT).exists():
        yield SplitFolder(path)
    elif (path / "messages").is_dir():
        yield ContextFolder(path)
