"""Looking a store over: what a crash or somebody else has left half-done, and what repair does about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.models import ContextMetadata, Index
from chatkit.store.atomic import TEMPORARY_PREFIX
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import is_id
from chatkit.store.json_files import read_record
from chatkit.store.locate import CONTEXTS
from chatkit.store.locks import is_journal_held
from chatkit.store.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chatkit.models import Message

UNFINISHED_STATES = ("awaiting_llm_response", "streaming_llm_response", "processing_llm_response")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        path: the file or folder.
        kind: ``damaged``, ``missing``, ``index``, ``branch``, ``journal``, ``metadata``, ``state`` or ``temporary``.
        what: what is wrong.
        remedy: what repair does about it; None where it can do nothing and leaves it as it is.
        context_id: the context, where it is one's.
        message_id: the message, where it is one's.
    """

    path: str
    kind: str
    what: str
    remedy: str | None
    context_id: str | None = None
    message_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.path}: {self.what} [{self.remedy or 'left as it is'}]"


def check_store(root: Path) -> list[Finding]:
    """Look over every context in our format, and what lies beside them; nothing is changed."""
    found = [*_temporary(root), *_temporary(root / CONTEXTS)]
    for folder in context_folders(root):
        found.extend(check_folder(folder))
    return found


def context_folders(root: Path) -> list[ContextFolder]:
    """Return the folder of every context in our format, damaged ones too."""
    contexts = root / CONTEXTS
    paths = sorted(contexts.iterdir()) if contexts.is_dir() else []
    return [ContextFolder(path) for path in paths if is_id(path.name) and not (path / "context.json").exists()]


def check_folder(folder: ContextFolder) -> list[Finding]:
    """Look over one context; nothing is changed."""
    found = [
        *_damaged(folder),
        *_temporary(folder.path, folder.context_id),
        *_temporary(folder.messages_path, folder.context_id),
        *_journals(folder),
        *_index(folder),
        *_metadata(folder),
    ]
    return [finding if finding.context_id else _of(folder, finding) for finding in found]


def readable_messages(folder: ContextFolder) -> list[Message]:
    """Read every message that can be read, in the order of their positions; those in flight as begun."""
    index = folder.rebuilt_index(Problems())
    return [folder.message(entry.message_id) for entry in index.messages]


def unlisted(metadata: ContextMetadata, messages: list[Message]) -> list[Message]:
    """Return the messages whose own branch does not list them."""
    listed = {name: set(branch.message_ids) for name, branch in metadata.branches.items()}
    return [m for m in messages if m.branch is not None and m.message_id not in listed.get(m.branch, ())]


def _of(folder: ContextFolder, finding: Finding) -> Finding:
    return Finding(**{**finding.to_dict(), "context_id": folder.context_id})


def _reason(error: CorruptFileError) -> str:
    return f"{error.where}: {error.reason}" if error.where else error.reason


def _damaged(folder: ContextFolder) -> Iterator[Finding]:
    for message_id in folder.message_ids():
        try:
            folder.message(message_id)
        except CorruptFileError as error:
            if message_id not in folder.journal_ids():
                yield Finding(error.path, "damaged", _reason(error), None, message_id=message_id)
        except FileNotFoundError:
            continue  # gone since it was listed


def _temporary(path: Path, context_id: str | None = None) -> Iterator[Finding]:
    what = "left over from a write that was cut short"
    for left in sorted(path.glob(f"{TEMPORARY_PREFIX}*")):
        yield Finding(str(left), "temporary", what, "removed", context_id)


def _journals(folder: ContextFolder) -> Iterator[Finding]:
    for message_id in folder.journal_ids():
        if is_journal_held(folder.path, message_id):
            continue
        path = str(folder.journal_file(message_id))
        if folder.message_file(message_id).exists():
            yield Finding(path, "journal", "its message is finished", "removed", message_id=message_id)
        else:
            remedy = "what came is stored as an interrupted response"
            yield Finding(path, "journal", "its recorder has died", remedy, message_id=message_id)


def _index(folder: ContextFolder) -> Iterator[Finding]:
    path, remedy = str(folder.index_path), "made anew from the messages"
    try:
        index = read_record(folder.index_path, Index)
    except FileNotFoundError:
        yield Finding(path, "index", "is missing", remedy)
        return
    except CorruptFileError as error:
        yield Finding(path, "index", _reason(error), remedy)
        return
    rebuilt = folder.rebuilt_index(Problems())
    if index != rebuilt:
        yield Finding(path, "index", _difference(index, rebuilt), remedy)


def _difference(index: Index, rebuilt: Index) -> str:
    listed = {entry.message_id for entry in index.messages}
    there = {entry.message_id for entry in rebuilt.messages}
    if listed == there:
        return "has another order than the messages, or says something else of them"
    return f"lacks {len(there - listed)} messages, and lists {len(listed - there)} that are not there or can't be read"


def _metadata(folder: ContextFolder) -> Iterator[Finding]:
    path = str(folder.metadata_path)
    try:
        metadata = read_record(folder.metadata_path, ContextMetadata)
    except FileNotFoundError:
        yield Finding(path, "metadata", "is missing", "made anew, as far as the messages tell")
        return
    except CorruptFileError as error:
        yield Finding(path, "metadata", _reason(error), "kept under another name, and made anew")
        return
    for message in unlisted(metadata, readable_messages(folder)):
        what = f"branch {message.branch} does not list {message.message_id}"
        yield Finding(path, "branch", what, "added to the branch", message_id=message.message_id)
    there = set(folder.message_ids())
    for name, branch in metadata.branches.items():
        for message_id in branch.message_ids:
            if message_id not in there:
                what = f"branch {name} lists {message_id}, of which there is no message"
                yield Finding(path, "missing", what, None, message_id=message_id)
    if metadata.current_state in UNFINISHED_STATES and not folder.journal_ids():
        what = f"the state is {metadata.current_state}, but nothing is in flight"
        yield Finding(path, "state", what, "set by the last response")
