"""What a server needs besides the base, and how to get it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chatkit.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = {"fastapi", "httpx", "starlette", "uvicorn"}


@contextmanager
def server_extra() -> Iterator[None]:
    """Import in a ``with`` block what the extra brings.

    Raises:
        MissingExtraError: it is not installed; the message has the pip line.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise MissingExtraError(
            f'serving needs {error.name}, which is not installed: pip install "chatkit-lab[server]"'
        ) from error
