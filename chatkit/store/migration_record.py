"""What a migration wrote of one context, so that an update can tell its own work from changes made in the target."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.store.json_files import dump_json, read_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Written:
    """Digests of the files of one context, and its metadata as it was written.

    An update that was killed has written some files and not the others, so that each may be in one of two states.

    Attributes:
        digests: the SHA-256 of each file's possible contents.
        metadata: the possible contents of ``metadata.json``.
        is_all: whatever there is was written by us, as nobody else writes before a migration is complete.
    """

    digests: dict[str, tuple[str, ...]]
    metadata: tuple[dict[str, Any], ...]
    is_all: bool = False

    @classmethod
    def of(cls, files: dict[str, bytes], metadata: dict[str, Any]) -> Written:
        """Describe the files of a context."""
        return cls({name: (digest(data),) for name, data in files.items()}, (_as_read(metadata),))

    @classmethod
    def read(cls, path: Path) -> Written:
        """Read a record; without one, or with one that is damaged, nothing is known to be ours."""
        try:
            content = read_json(path)
            digests = {str(name): tuple(map(str, found)) for name, found in content["files"].items()}
            return cls(digests, tuple(map(dict, content["metadata"])))
        except (FileNotFoundError, CorruptFileError, KeyError, TypeError, ValueError, AttributeError):
            return cls({}, ())

    def either(self, other: Written) -> Written:
        """Return the record of files that may be in the one state or the other."""
        names = dict.fromkeys([*self.digests, *other.digests])
        return Written(
            {name: _once([*self.digests.get(name, ()), *other.digests.get(name, ())]) for name in names},
            (*self.metadata, *(found for found in other.metadata if found not in self.metadata)),
        )

    def has(self, name: str, data: bytes) -> bool:
        """Whether these bytes are what a migration wrote there."""
        return self.is_all or digest(data) in self.digests.get(name, ())

    def said(self, key: str, value: Any) -> bool:
        """Whether this is what a migration wrote under a key of the metadata."""
        return any(key in content and content[key] == _as_read(value) for content in self.metadata)

    def branch_ids(self, name: str) -> set[str]:
        """Return the ids that a migration has listed in a branch."""
        branches = [content.get("branches", {}).get(name, {}) for content in self.metadata]
        return {message_id for branch in branches for message_id in branch.get("message_ids", [])}

    def said_branch(self, name: str, branch: dict[str, Any]) -> bool:
        """Whether a migration wrote a branch of this name just so."""
        return any(content.get("branches", {}).get(name) == _as_read(branch) for content in self.metadata)

    def to_bytes(self) -> bytes:
        """Return the record's file."""
        return dump_json({"files": self.digests, "metadata": self.metadata})


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes."""
    return sha256(data).hexdigest()


def _as_read(value: Any) -> Any:
    """Return a value as JSON gives it back: tuples are lists there."""
    if isinstance(value, dict):
        return {key: _as_read(part) for key, part in value.items()}
    return [_as_read(part) for part in value] if isinstance(value, list | tuple) else value


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
