"""Everything chatkit raises, in one tree.

ChatkitError
├── NotFoundError        (LookupError)    no such context or message
├── CorruptFileError     (ValueError)     a file that does not say what it should
├── FormatError          (ValueError)     not a store, or a newer version than this chatkit reads
├── StreamStateError     (RuntimeError)   a chunk after the end, an end without a beginning
├── ReadOnlyError        (RuntimeError)   a write to an old-format or read-only store
├── StoreBusyError       (TimeoutError)   another writer holds the context
├── ServerError          (ConnectionError) a server can't be reached, or refuses
└── MissingExtraError    (ImportError)    an optional dependency is not installed

A message says what went wrong, with which file or id, and what to do next.
"""

from __future__ import annotations


class ChatkitError(Exception):
    """The root of every error that chatkit raises on purpose."""


class NotFoundError(ChatkitError, LookupError):
    """No context or message has this id, or several begin like it."""


class CorruptFileError(ChatkitError, ValueError):
    """A file does not say what it should.

    Attributes:
        path: the file.
        where: the place in it (``line 3 column 7``, ``streaming_response.chunks.4.timestamp``), or "".
        reason: what is wrong there.
    """

    def __init__(self, path: str, where: str, reason: str) -> None:
        super().__init__(f"{path}: {where}: {reason}" if where else f"{path}: {reason}")
        self.path = path
        self.where = where
        self.reason = reason


class FormatError(ChatkitError, ValueError):
    """A path holds no store, or one of a newer version than this chatkit reads."""


class StreamStateError(ChatkitError, RuntimeError):
    """A call that the life cycle of a streamed response does not allow now."""


class ReadOnlyError(ChatkitError, RuntimeError):
    """A write to a store that is only read."""


class StoreBusyError(ChatkitError, TimeoutError):
    """Another writer holds the context for longer than one waits; the message says who."""


class ServerError(ChatkitError, ConnectionError):
    """A server can't be reached, refuses, or broke off; the message has its own words."""


class MissingExtraError(ChatkitError, ImportError):
    """An optional dependency is not installed; the message has the exact pip line."""


class CorruptFileWarning(UserWarning):
    """Some files of a store could not be read; the others were."""


class SlowConsumerWarning(UserWarning):
    """The code that read a stream held it up while it was recorded, so that its gaps are partly that code's."""
