"""A migrated context held against its source: message by message, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from chatkit.errors import CorruptFileError
from chatkit.store.migration_source import INDEX, METADATA, message_name
from chatkit.store.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from chatkit.models import Message
    from chatkit.store.folder import ContextFolder
    from chatkit.store.migration_source import Image

_CHANGED_BY_WRITING = ("updated_at", "current_state", "active_branch_name")
"""What changes in a context that goes on in the target, and is then no difference."""

_SHOWN_CHARS = 60
_ABSENT = object()


class Difference(NamedTuple):
    """One place where the target does not say what the source says.

    Attributes:
        context_id: the context.
        message_id: the message, where it is one's.
        where: the place in it, such as ``streaming_response.chunks.4.delta``.
        source: what the source says there, shortened.
        target: what the target says.
    """

    context_id: str
    message_id: str | None
    where: str
    source: str
    target: str

    def __str__(self) -> str:
        subject = f"context {self.context_id}" if self.message_id is None else f"message {self.message_id}"
        return f"{subject}: {self.where}: {self.source} in the source, {self.target} in the target"


@dataclass(slots=True)
class Verification:
    """What came of holding a whole migration against its source.

    Attributes:
        n_contexts: contexts compared.
        n_messages: messages compared.
        n_chunks: chunks compared, each by text, kind and time.
        differences: where they differ; empty if all is well.
        only_in_target: messages that were added in the target.
        unreadable: files of the source that can't be read, so that there is nothing to compare.
    """

    n_contexts: int = 0
    n_messages: int = 0
    n_chunks: int = 0
    differences: list[Difference] = field(default_factory=list)
    only_in_target: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether everything that can be read in the source is in the target, and says the same."""
        return not self.differences

    def add(self, image: Image, differences: list[Difference]) -> None:
        """Count a context that was compared."""
        self.n_contexts += 1
        self.n_messages += len(image.messages)
        self.n_chunks += n_chunks_of(image.messages)
        self.differences += differences

    def to_text(self) -> str:
        """Return what a person wants to know."""
        compared = f"{self.n_contexts} contexts, {self.n_messages} messages, {self.n_chunks} chunks compared"
        lines = [f"{compared}: {'all equal' if self.is_equal else f'{len(self.differences)} differences'}"]
        lines += [f"  {difference}" for difference in self.differences]
        if self.only_in_target:
            lines.append(f"In the target only: {', '.join(self.only_in_target)}")
        if self.unreadable:
            lines.append(f"Not compared, as they can't be read in the source: {', '.join(self.unreadable)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON types."""
        return {
            "contexts": self.n_contexts,
            "messages": self.n_messages,
            "chunks": self.n_chunks,
            "differences": [difference._asdict() for difference in self.differences],
            "only_in_target": self.only_in_target,
            "unreadable": self.unreadable,
        }


def n_chunks_of(messages: Collection[Message]) -> int:
    """Count the chunks of all responses among messages."""
    return sum(len(message.streaming_response.chunks) for message in messages if message.streaming_response)


def only_in_target(image: Image, target: ContextFolder) -> list[str]:
    """Return the ids that only the target's index lists, in its order."""
    known = image.message_ids
    index = target.index(Problems())
    return [entry.message_id for entry in index.messages if entry.message_id not in known]


def differences_in(
    image: Image, target: ContextFolder, *, kept: Collection[str] = (), kept_keys: Collection[str] = ()
) -> list[Difference]:
    """Compare a context of the source, read anew, with the one in the target.

    Args:
        image: the context, as the source has it.
        target: its folder in the target.
        kept: messages whose changes in the target are known, and no difference.
        kept_keys: keys of the metadata of which the same holds.
    """
    if not target.metadata_path.exists() and METADATA in image.files:
        return [Difference(image.context_id, None, METADATA, "there", "missing")]
    added = only_in_target(image, target)
    ignored = {*kept_keys, *(_CHANGED_BY_WRITING if added else ())}
    found = [*_in_metadata(image, target, added, ignored), *_in_order(image, target, added)]
    for message in image.messages:
        if message.message_id not in kept:
            found += _in_message(image.context_id, message, target)
    return [*found, *_in_other_files(image, target)]


def _in_metadata(
    image: Image, target: ContextFolder, added: Collection[str], ignored: Collection[str]
) -> Iterator[Difference]:
    """Compare title, state, configuration, times, branches and keys that nobody knows."""
    source, found = image.metadata.to_dict(), target.metadata(Problems()).to_dict()
    found["branches"] = {
        name: branch | {"message_ids": tuple(known for known in branch["message_ids"] if known not in added)}
        for name, branch in found["branches"].items()
        if name in source["branches"]  # others were added in the target
    }
    for key in source | found:
        if key not in ignored:
            for where, one, other in _unlike(source.get(key, _ABSENT), found.get(key, _ABSENT), key):
                yield Difference(image.context_id, None, where, one, other)


def _in_order(image: Image, target: ContextFolder, added: Collection[str]) -> Iterator[Difference]:
    """Compare the order of the index."""
    entries = target.index(Problems()).messages
    ids = [entry.message_id for entry in entries if entry.message_id not in added]
    for place, (one, other) in enumerate(zip_longest(image.listed, ids, fillvalue="nothing")):
        if one != other:
            yield Difference(image.context_id, None, f"{INDEX}: place {place}", one, other)
            return


def _in_message(context_id: str, message: Message, target: ContextFolder) -> Iterator[Difference]:
    try:
        found = target.message(message.message_id)
    except FileNotFoundError:
        yield Difference(context_id, message.message_id, "file", "there", "missing")
    except CorruptFileError as error:
        yield Difference(context_id, message.message_id, error.where or "file", "readable", error.reason)
    else:
        if message == found:  # far faster than looking for the places
            return
        for where, one, other in _unlike(message.to_dict(), found.to_dict()):
            yield Difference(context_id, message.message_id, where, one, other)


def _in_other_files(image: Image, target: ContextFolder) -> Iterator[Difference]:
    """Compare byte by byte what was copied and is no message that can be read."""
    compared = {INDEX, METADATA, *(message_name(message.message_id) for message in image.messages)}
    for name in image.files.keys() - compared:
        path = target.path / name
        if not path.is_file():
            yield Difference(image.context_id, None, name, "there", "missing")
        elif path.read_bytes() != image.files[name]:
            yield Difference(image.context_id, None, name, f"{len(image.files[name])} bytes", "other bytes")


def _unlike(source: Any, target: Any, where: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each place where two JSON values differ, with what stands there."""
    if isinstance(source, dict) and isinstance(target, dict):
        for key in source | target:
            yield from _unlike(source.get(key, _ABSENT), target.get(key, _ABSENT), f"{where}.{key}" if where else key)
    elif _is_list(source) and _is_list(target) and len(source) == len(target):
        for place, (one, other) in enumerate(zip(source, target, strict=True)):
            yield from _unlike(one, other, f"{where}.{place}")
    elif _is_list(source) and _is_list(target):
        if list(source) != list(target):
            yield where, f"{len(source)} entries", f"{len(target)} entries"
    elif source != target:
        yield where, _shown(source), _shown(target)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _shown(value: object) -> str:
    if value is _ABSENT:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
