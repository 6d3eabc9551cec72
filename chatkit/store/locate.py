"""Finding contexts under a path, and telling their formats apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatkit.errors import CorruptFileError, FormatError
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import is_id
from chatkit.store.json_files import read_json
from chatkit.store.single_file import SingleFile
from chatkit.store.split import SplitFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.store.context_files import ContextFiles

FORMAT_NAME, VERSION = "chatkit", 1
STORE_FILE, CONTEXTS, CONVERSATIONS = "store.json", "contexts", "conversations"


def check_is_store(root: Path) -> None:
    """Look at a path before it is used as a store.

    Raises:
        FormatError: nothing is there, it is no store, or one of a newer version.
    """
    if not root.exists():
        raise FormatError(f"{root}: no such folder; Store.create(path) makes a new store")
    if root.is_dir() and (root / STORE_FILE).exists():
        _check_version(root / STORE_FILE)
    elif next(_found(root), None) is None:
        raise FormatError(
            f"{root}: not a store: no {STORE_FILE}, no {CONTEXTS}/*/metadata.json, and neither of the old formats "
            f"({CONVERSATIONS}/*.json, {CONTEXTS}/*/context.json); Store.create(path) makes a new store"
        )


def find_contexts(root: Path) -> dict[str, ContextFiles]:
    """Return the files of every context under a path, by id; where an id is there in two formats, ours counts."""
    found: dict[str, ContextFiles] = {}
    for files in _found(root):
        known = found.get(files.context_id)
        if known is None or known.format_name != FORMAT_NAME:
            found[files.context_id] = files
    return found


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


def _found(root: Path) -> Iterator[ContextFiles]:
    """Look at the path itself, at the folders that hold contexts, and at those one level up."""
    if root.name in {"", ".."}:  # a path that does not say which folder it is, such as "."
        root = root.resolve()
    if root.is_file():
        if is_id(root.stem):
            yield SingleFile(root)
        return
    yield from _in_folder(root)
    for folder in (root, root / "data"):
        for name in (CONTEXTS, CONVERSATIONS):
            yield from _children(folder / name)
    if root.name in {CONTEXTS, CONVERSATIONS}:
        yield from _children(root)


def _children(folder: Path) -> Iterator[ContextFiles]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix == ".json" and is_id(path.stem):
            yield SingleFile(path)
        else:
            yield from _in_folder(path)


def _in_folder(path: Path) -> Iterator[ContextFiles]:
    """Yield the context whose folder this is, if it is one."""
    if not is_id(path.name):
        return
    if (path / "metadata.json").exists() or (path / "messages").is_dir():
        yield ContextFolder(path)
    elif (path / "context.json").exists():
        yield SplitFolder(path)
