"""URLs told from paths, without opening anything."""

from __future__ import annotations

import re
import sys
from urllib.parse import unquote, urlsplit

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
"""Two letters at least: ``C:\\`` and ``C://`` are drives."""
_LOCAL = {"file", "local"}
_AROUND = {"zip", "tar", "libarchive", "simplecache", "filecache", "blockcache", "dir", "reference"}
"""What a chain of URLs may begin with that ends in a path of this machine."""


def is_url(text: str) -> bool:
    r"""Whether the text is a URL of fsspec, also a chained one, and not a path.

    >>> is_url("s3://bucket/store"), is_url("zip::s3://bucket/store.zip"), is_url(r"C:\stores"), is_url("data/store")
    (True, True, False, False)
    """
    found = _URL.match(text)
    return found is not None and (found[1] == "://" or "://" in text or text[: found.start(1)] in _AROUND)


def local_path(url: str) -> str | None:
    """Return the path that a ``file://`` URL means: such a store is like any other on this machine; else None."""
    parts = urlsplit(url)
    if parts.scheme not in _LOCAL or "::" in url:
        return None
    path = unquote(parts.path)
    return path.lstrip("/") if sys.platform == "win32" else path
