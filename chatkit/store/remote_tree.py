"""A tree of files behind a URL, over fsspec: listed and read with as few round trips as it takes."""

from __future__ import annotations

import errno
import hashlib
import math
import re
import secrets
import threading
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.errors import ChatkitError
from chatkit.store.file_systems import open_file_system

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CHANGED_KEYS = ("mtime", "LastModified", "last_modified", "modified", "updated", "created")
_TAG_KEYS = ("ETag", "etag", "CRC", "md5Hash", "content_md5", "generation")
_NS = 1_000_000_000
_SECRET = re.compile("//[^/@:]*:?[^/@]*@")
"""A user and a password in a URL: nobody is told them."""


class Stat(NamedTuple):
    """What a listing says of a file, in the words of ``os.stat``.

    Attributes:
        st_size: bytes.
        st_mtime_ns: the last change; 0 where that is not told.
        st_ino: made of what tells one version of a file from the next (etag, checksum). Where nothing does, and no
            time either, it is another one each time: such a file is never known to be unchanged.
        is_folder: whether it is one.
    """

    st_size: int
    st_mtime_ns: int
    st_ino: int
    is_folder: bool = False

    @property
    def st_mtime(self) -> float:
        """The last change in s, NaN where that is not told."""
        return self.st_mtime_ns / _NS if self.st_mtime_ns else math.nan

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Stat:
        """Read an entry of a listing."""
        if info.get("type") == "directory" or str(info.get("name", "")).endswith("/"):
            return cls(0, 0, 0, is_folder=True)
        changed_ns = next((_ns(info[key]) for key in _CHANGED_KEYS if info.get(key)), 0)
        tag = next((str(info[key]) for key in _TAG_KEYS if info.get(key)), None)
        number = _number(tag) if tag is not None else 0 if changed_ns else secrets.randbits(63)
        return cls(int(info.get("size") or 0), changed_ns, number)


class _Look(threading.local):
    """What one thread remembers while it looks: others look for themselves."""

    def __init__(self) -> None:
        self.depth = 0
        self.end()

    def end(self) -> None:
        """Forget."""
        self.mark = object()
        self.listings: dict[str, dict[str, Stat]] = {}
        self.contents: dict[str, bytes | OSError] = {}
        self.is_listed = False


class RemoteTree:
    """The files under a URL. Paths in it are relative, with ``/``; the root is ``""``.

    In a look (:meth:`looking`) what was listed is remembered, and what was read ahead is kept until it is asked for.
    Outside of one, every question is a new one, so that what was written elsewhere is seen.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.url = url
        self.options = dict(options)
        self.shown_url = _SECRET.sub("//", url)
        first, separator, rest = self.shown_url.partition("::")
        self._head = (first if "://" in first else f"{first}://").rstrip("/")
        self._head += "//" if self._head.endswith(":") else "/"
        self._tail = separator + rest
        try:
            self._files, root = open_file_system(url, options)
        except ChatkitError:
            raise
        except Exception as error:
            raise as_os_error(error, self.shown_url) from error
        self._root: str = root.rstrip("/")
        self._look = _Look()

    def __reduce__(self) -> tuple[type[RemoteTree], tuple[str, dict[str, Any]]]:
        return RemoteTree, (self.url, self.options)

    def url_of(self, path: str) -> str:
        """Return a file's own URL."""
        return f"{self._head}{path}{self._tail}" if path else self.shown_url

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the root's path, outermost first; those of an archive before those in it."""
        said = [*self._tail.removeprefix("::").split("::")[::-1], self._head]
        return tuple(part for url in said for part in url.split("/") if part and not part.endswith(":"))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Remember what is listed, and read ahead, until the end of the outermost block."""
        self._look.depth += 1
        try:
            yield
        finally:
            self._look.depth -= 1
            if not self._look.depth:
                self._look.end()

    def mark(self) -> object:
        """Return what stays the same within one look only: folders have no time of change here."""
        return self._look.mark if self._look.depth else object()

    def read(self, path: str) -> bytes:
        """Read a file whole.

        Raises:
            OSError: also for whatever the network does.
        """
        ahead = self._look.contents.pop(path, None)
        if ahead is None:
            return self._bytes(path)
        if isinstance(ahead, OSError):
            raise ahead
        return ahead

    def read_ahead(self, paths: Sequence[str]) -> None:
        """Read files at the same time and keep them until they are asked for, in this look."""
        if self._look.depth:
            self._look.contents.update(zip(paths, self.read_all(paths), strict=True))

    def read_all(self, paths: Sequence[str]) -> list[bytes | OSError]:
        """Read files at the same time; of each its bytes, or what went wrong."""
        found = self._files.cat_ranges([self._full(path) for path in paths], None, None, on_error="return")
        return [
            as_os_error(data, self.url_of(path)) if isinstance(data, Exception) else bytes(data)
            for path, data in zip(paths, found, strict=True)
        ]

    def find(self, path: str = "") -> dict[str, Stat]:
        """List all files under a path, however deep, in one go."""
        with _told(self.url_of(path)):
            found = self._files.find(self._full(path), detail=True)
        return {self._relative(name): Stat.of(info) for name, info in found.items() if not name.endswith("/")}

    def list_ahead(self) -> None:
        """List the whole tree at once and remember it in this look."""
        if not self._look.depth:
            return
        listings: dict[str, dict[str, Stat]] = {"": {}}
        for path, stat in self.find().items():
            below, name = "", path
            while "/" in name:
                folder, name = name.split("/", 1)
                listings[below].setdefault(folder, Stat(0, 0, 0, is_folder=True))
                below = f"{below}/{folder}" if below else folder
                listings.setdefault(below, {})
            listings[below][name] = stat
        self._look.listings, self._look.is_listed = listings, True

    def names(self, path: str) -> list[str]:
        """List a folder, sorted.

        Raises:
            FileNotFoundError: there is none.
        """
        known = self._look.listings.get(path)
        if known is None:
            if self._is_known_absent(path):
                raise FileNotFoundError(errno.ENOENT, "no such folder", self.url_of(path))
            known = self._list(path)
            if self._look.depth:
                self._look.listings[path] = known
        return sorted(known)

    def stat(self, path: str) -> Stat:
        """Return what is known of a file or folder.

        Raises:
            FileNotFoundError: there is none.
        """
        above, _, name = path.rpartition("/")
        if path and above in self._look.listings and name in self._look.listings[above]:
            return self._look.listings[above][name]
        if path and self._is_known_absent(path):
            raise FileNotFoundError(errno.ENOENT, "no such file", self.url_of(path))
        with _told(self.url_of(path)):
            return Stat.of(self._files.info(self._full(path)))

    @property
    def is_listed(self) -> bool:
        """Whether the whole tree was listed in this look."""
        return self._look.is_listed

    def is_known_file(self, path: str) -> bool | None:
        """Whether a file is there, as far as it was read ahead; None where it was not."""
        ahead = self._look.contents.get(path)
        return None if ahead is None else not isinstance(ahead, FileNotFoundError)

    def _is_known_absent(self, path: str) -> bool:
        above, _, name = path.rpartition("/")
        if above in self._look.listings:
            return name not in self._look.listings[above]
        return above != "" and self._is_known_absent(above)

    def _list(self, path: str) -> dict[str, Stat]:
        with _told(self.url_of(path)):
            found = self._files.ls(self._full(path), detail=True)
        own = self._full(path).strip("/")
        return {
            info["name"].rstrip("/").rsplit("/", 1)[-1]: Stat.of(info)
            for info in found
            if info["name"].strip("/") != own  # a folder's own placeholder, or a file that was listed
        }

    def _bytes(self, path: str) -> bytes:
        with _told(self.url_of(path)):
            return bytes(self._files.cat_file(self._full(path)))

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path and self._root else path or self._root

    def _relative(self, name: str) -> str:
        return name.strip("/").removeprefix(self._root.strip("/")).strip("/")


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise as_os_error(error, url) from error


def as_os_error(error: Exception, url: str) -> OSError:
    """Return what went wrong behind a URL as an error of the kind that local files have, by the file's URL.

    Each transport has its own: what it can't find, may not read, or waits too long for is told by the kinds that
    Python has, and where it has none, by the name of the error's class.
    """
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError | NotADirectoryError | KeyError):  # KeyError: of an archive
        return FileNotFoundError(errno.ENOENT, "no such file", url)
    if isinstance(error, PermissionError) or "Credentials" in kind:
        return PermissionError(errno.EACCES, f"no permission ({error}); check storage_options", url)
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        return TimeoutError(errno.ETIMEDOUT, f"no answer in time ({kind})", url)
    if isinstance(error, OSError) and error.strerror:
        return OSError(error.errno or errno.EIO, error.strerror, url)
    return OSError(errno.EIO, f"{kind}: {error}", url)


def _ns(moment: Any) -> int:
    """Return a listing's time in ns since the epoch: a datetime, seconds, or RFC 3339; 0 for anything else."""
    if isinstance(moment, int | float):
        return int(moment * _NS)
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return 0
    return int(moment.timestamp() * 1_000_000) * 1000 if isinstance(moment, datetime) else 0


def _number(tag: str) -> int:
    return int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest()) >> 1
