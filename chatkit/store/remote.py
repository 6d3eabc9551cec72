"""Files behind URLs as readers of a store see them: like paths, but only read."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from chatkit.errors import ReadOnlyError
from chatkit.store.urls import is_url, local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chatkit.store.remote_tree import RemoteTree, Stat

READ_AT_ONCE = 200
"""Files that are read ahead at a time: enough to hide the round trips, few enough to hold."""


class RemotePath:
    """A file or folder behind a URL. Of what a :class:`~pathlib.Path` can do it does what reading takes.

    It is no path of this machine: whatever would open or write it as one fails with a TypeError.
    """

    __slots__ = ("_path", "tree")

    def __init__(self, tree: RemoteTree, path: str = "") -> None:
        self.tree = tree
        self._path = path

    def __reduce__(self) -> tuple[type[RemotePath], tuple[RemoteTree, str]]:
        return RemotePath, (self.tree, self._path)

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.tree, f"{self._path}/{name}" if self._path else name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __lt__(self, other: RemotePath) -> bool:
        return str(self) < str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.tree.url_of(self._path)

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def as_posix(self) -> str:
        """Return the URL."""
        return str(self)

    def resolve(self) -> RemotePath:
        """Return itself: a URL is whole."""
        return self

    @property
    def relative(self) -> str:
        """The path under the tree's root."""
        return self._path

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1] if self.parts else ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path, without the scheme."""
        return (*self.tree.parts, *filter(None, self._path.split("/")))

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The last part's suffix."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> RemotePath:
        """The folder above; of the root, itself."""
        return RemotePath(self.tree, self._path.rpartition("/")[0])

    def with_suffix(self, suffix: str) -> RemotePath:
        """Return the same path with another suffix."""
        return RemotePath(self.tree, f"{self._path.removesuffix(self.suffix)}{suffix}")

    def read_bytes(self) -> bytes:
        """Read the file whole."""
        return self.tree.read(self._path)

    def stat(self) -> Stat:
        """Return size, time and version, as far as they are told."""
        return self.tree.stat(self._path)

    def exists(self) -> bool:
        """Whether there is such a file or folder."""
        known = self.tree.is_known_file(self._path)
        return self._kind() is not None if known is None else known

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self._kind() is True

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self._kind() is False

    def iterdir(self) -> Iterator[RemotePath]:
        """Yield what is in the folder."""
        for name in self.tree.names(self._path):
            yield self / name

    def _kind(self) -> bool | None:
        try:
            return self.stat().is_folder
        except FileNotFoundError:
            return None


def path_of(place: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Path:
    """Return the path that is meant; of a URL, what stands in for one where files are only read.

    Args:
        place: a path or a URL; a ``UPath``, which has options of its own, too.
        storage_options: what fsspec takes for the URL.

    Raises:
        FormatError: the URL is of no kind that can be read.
        MissingExtraError: what reads this kind of URL is not installed.
        ValueError: there are options, but no URL.
    """
    if isinstance(place, RemotePath):
        return cast("Path", place)
    text = os.fspath(place) if isinstance(place, str | Path) else str(place)  # a UPath's is its URL
    options = storage_options if storage_options is not None else getattr(place, "storage_options", None)
    local = local_path(text) if is_url(text) else place
    if local is not None:
        if storage_options:
            raise ValueError(f"{text}: storage_options are for URLs, and this is the path of a folder")
        return Path(local)
    from chatkit.store.remote_tree import RemoteTree  # noqa: PLC0415 - fsspec is slow to import, and few need it

    # What readers ask of a path a RemotePath answers; what writes is refused before it has one in hand.
    return cast("Path", RemotePath(RemoteTree(text, options or {})))


def check_is_local(path: Path) -> None:
    """Refuse to write behind a URL.

    Raises:
        ReadOnlyError: the path is a URL.
    """
    if isinstance(path, RemotePath):
        raise ReadOnlyError(f"{path}: stores behind URLs are only read; copy it to a folder to write to it")


def is_remote(path: Path) -> bool:
    """Whether files are behind a URL, where each question is a round trip."""
    return isinstance(path, RemotePath)


def looking(path: Path) -> AbstractContextManager[None]:
    """Take what is asked in a ``with`` block for one look: behind a URL, what was listed is not listed again in it."""
    return path.tree.looking() if isinstance(path, RemotePath) else nullcontext()


def list_ahead(path: Path) -> None:
    """In a look: list all that is under the path at once, where that saves round trips."""
    if isinstance(path, RemotePath):
        path.tree.list_ahead()


def read_ahead(paths: Iterable[Path]) -> None:
    """In a look: read files behind a URL at the same time; they are kept until they are asked for.

    Give :data:`READ_AT_ONCE` at a time at most, and ask for them before the next.
    """
    remote = [cast("RemotePath", path) for path in paths if is_remote(path)]
    if remote:
        remote[0].tree.read_ahead([path.relative for path in remote])


def ahead(message_ids: Sequence[str], file_of: Callable[[str], Path]) -> Iterator[str]:
    """In a look: yield ids; behind a URL, as many of their files as can be held are read at the same time before."""
    for start in range(0, len(message_ids), READ_AT_ONCE):
        several = message_ids[start : start + READ_AT_ONCE]
        if is_remote(file_of(several[0])):
            paths = {file_of(message_id) for message_id in several}
            read_ahead(paths if len(paths) > 1 else ())
        yield from several


def is_listed(path: Path) -> bool:
    """Whether it costs no round trip to know if a file is there."""
    return not isinstance(path, RemotePath) or path.tree.is_listed


def names_in(folder: Path) -> list[str]:
    """List a folder; of ten thousand names no paths are made.

    Raises:
        FileNotFoundError: there is none.
    """
    if isinstance(folder, RemotePath):
        return folder.tree.names(folder.relative)
    return os.listdir(folder)  # noqa: PTH208 - no paths needed


def folder_mark(folder: Path) -> object:
    """Return what is equal for as long as nothing comes or goes in a folder; behind a URL, for one look."""
    return folder.tree.mark() if isinstance(folder, RemotePath) else folder.stat().st_mtime_ns
