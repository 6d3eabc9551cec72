"""File systems behind URLs, by fsspec: whatever it reads, a store can be on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.core import url_to_fs

from chatkit.errors import FormatError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fsspec import AbstractFileSystem

_ARCHIVES = {"zip", "tar", "libarchive"}
_S3 = {"s3", "s3a"}
_S3_CONNECTIONS = 64
"""Open at a time; the ten of the default make a thousand small files wait for each other."""

_S3_PARTS = 1
"""Of a file at a time: to read one in several, its size would have to be asked for before each read."""


def open_file_system(url: str, options: Mapping[str, Any]) -> tuple[AbstractFileSystem, str]:
    """Return the file system behind a URL, and the path in it. Nothing it lists is kept for later.

    Raises:
        MissingExtraError: what reads this kind of URL is not installed.
        FormatError: there is no such kind, or the URL or the options are not what it takes.
        OSError: an archive that can't be opened.
    """
    _check_protocols(url)
    if _protocol(url) in _ARCHIVES and "::" not in url and "fo" not in options:
        raise FormatError(f"{url}: where is the archive? {_protocol(url)}://FOLDER_IN_IT::PATH_OR_URL_OF_IT")
    is_chained = "::" in url  # the table of contents of an archive is read once, when it is opened
    known: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": is_chained, **options}
    if _protocol(url) in _S3:
        known = {"max_concurrency": _S3_PARTS, **known}
        known["config_kwargs"] = {"max_pool_connections": _S3_CONNECTIONS, **known.get("config_kwargs", {})}
    try:
        file_system, path = url_to_fs(url, **known)
    except (ValueError, TypeError) as error:
        raise FormatError(f"{url}: not a URL that can be opened: {error}; see storage_options of ck.Store") from error
    return file_system, str(path)


def _check_protocols(url: str) -> None:
    """Look whether there is something that reads each part of a chain."""
    for part in url.split("::"):
        protocol = _protocol(part)
        if "://" not in part and protocol not in _protocols():
            continue  # a path
        try:
            fsspec.get_filesystem_class(protocol)
        except ImportError as error:
            hint = 'pip install "chatkit-lab[s3]"' if protocol in _S3 else str(error)
            raise MissingExtraError(f"{url}: {protocol}:// needs a package that is not installed: {hint}") from error
        except ValueError as error:
            raise FormatError(
                f"{url}: unknown scheme {protocol}://; a store is a folder, or behind a URL that fsspec reads "
                "(s3://, gs://, abfs://, https://, sftp://, memory://, zip://…)"
            ) from error


def _protocol(url: str) -> str:
    return re.split("://|::", url, maxsplit=1)[0]


def _protocols() -> set[str]:
    return set(fsspec.available_protocols())
