"""Looking a store over: what a crash or somebody else has left half-done, and what repair does about it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.models import ContextMetadata, Index
from chatkit.store.atomic import TEMPORARY_PREFIX
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import is_id
from chatkit.store.journal_reading import is_without_header, read_journal
from chatkit.store.json_files import is_young, read_record
from chatkit.store.known import missing
from chatkit.store.locate import CONTEXTS
from chatkit.store.locks import is_journal_held
from chatkit.store.problems import Problem, Problems
from chatkit.store.remote import is_remote, list_ahead, looking, names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from chatkit.models import IndexEntry
    from chatkit.store.known import Known

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
    with looking(root):
        list_ahead(root)
        found = [*_temporary(root), *_temporary(root / CONTEXTS)]
        for folder in context_folders(root):
            found.extend(check_folder(folder))
    return found


def context_folders(root: Path) -> list[ContextFolder]:
    """Return the folder of every context in our format, damaged ones too."""
    contexts = root / CONTEXTS
    names = sorted(names_in(contexts)) if contexts.is_dir() else []
    return [ContextFolder(contexts / name) for name in names if is_id(name) and _is_ours(contexts / name)]


def _is_ours(path: Path) -> bool:
    return not (path / "context.json").exists() and any(
        (path / name).exists() for name in ("metadata.json", "index.json", "messages")
    )


def check_folder(folder: ContextFolder) -> list[Finding]:
    """Look over one context; nothing is changed."""
    problems = Problems()
    messages = folder.survey(problems)
    journals = folder.journal_ids()
    found = [
        *_damaged(problems, journals),
        *_temporary(folder.path, folder.context_id),
        *_temporary(folder.messages_path, folder.context_id, folder.left_over),
        *_journals(folder, journals),
        *_index(folder, messages),
        *_metadata(folder, messages, journals),
    ]
    return [finding if finding.context_id else _of(folder, finding) for finding in found]


def loose_ends(folder: ContextFolder, metadata: ContextMetadata, listed: Collection[str]) -> Iterator[Problem]:
    """Yield what lists and files of a context say differently, for a reader who has read all that is listed.

    Args:
        folder: the context.
        metadata: what it is.
        listed: the ids that its index lists.
    """
    there = folder.message_ids()
    for name, message_id in missing(metadata, {*there, *listed}):
        reason = f"lists {message_id}, of which there is no message"
        yield Problem(str(folder.metadata_path), folder.context_id, message_id, f"branches.{name}", reason)
    for message_id in there:
        if message_id not in listed and (path := _settled_file(folder, message_id)) is not None:
            reason = "no index lists it; 'chatkit repair' does"
            yield Problem(str(path), folder.context_id, message_id, "", reason)


def _settled_file(folder: ContextFolder, message_id: str) -> Path | None:
    """Return the file of a message; None where it came a moment ago, so that the index may be on its way."""
    for path in (folder.message_file(message_id), folder.journal_file(message_id)):
        with suppress(FileNotFoundError):
            return None if is_young(path) else path
    return None


def unlisted(metadata: ContextMetadata, messages: list[Known]) -> list[Known]:
    """Return the messages whose own branch does not list them."""
    listed = {name: set(branch.message_ids) for name, branch in metadata.branches.items()}
    return [m for m in messages if m.branch is not None and m.message_id not in listed.get(m.branch, ())]


def mended_entries(folder: ContextFolder, listed: list[IndexEntry], messages: list[Known]) -> list[IndexEntry]:
    """Return what the index should list: every message in its order, each entry with the unknown keys it has now.

    What has no position of its own stays behind the one that it stands behind now: a message of an application that
    gives none, and one whose file is there but can't be read. That one may be brought back from a backup, and as long
    as it is listed it is named as damaged.
    """
    before = {entry.message_id: entry for entry in reversed(listed)}
    entries = {m.message_id: _with_extra(m.entry, before.get(m.message_id)) for m in messages}
    right = [m.message_id for m in messages if m.position is not None or m.message_id not in before]
    places, there = set(right), set(folder.message_ids())
    behind: dict[str, list[str]] = {}
    last = ""
    for message_id in dict.fromkeys(entry.message_id for entry in listed):
        if message_id in places:
            last = message_id
        elif message_id in there:
            behind.setdefault(last, []).append(message_id)
    order = [*behind.get("", []), *(one for placed in right for one in (placed, *behind.get(placed, [])))]
    return [entries.get(message_id) or before[message_id] for message_id in order]


def _with_extra(entry: IndexEntry, before: IndexEntry | None) -> IndexEntry:
    return entry.model_copy(update=before.model_extra) if before is not None and before.model_extra else entry


def _of(folder: ContextFolder, finding: Finding) -> Finding:
    return Finding(**{**finding.to_dict(), "context_id": folder.context_id})


def _reason(error: CorruptFileError) -> str:
    return f"{error.where}: {error.reason}" if error.where else error.reason


def _damaged(problems: Problems, journals: list[str]) -> Iterator[Finding]:
    for problem in problems:
        if problem.message_id not in journals:
            what = f"{problem.where}: {problem.reason}" if problem.where else problem.reason
            yield Finding(problem.path, "damaged", what, None, message_id=problem.message_id)


def _is_temporary(name: str) -> bool:
    return name.startswith(TEMPORARY_PREFIX)


def _temporary(
    path: Path, context_id: str | None = None, is_left: Callable[[str], bool] = _is_temporary
) -> Iterator[Finding]:
    what = "left over from a write that was cut short"
    for name in sorted(names_in(path)) if path.is_dir() else ():
        if is_left(name):
            yield Finding(str(path / name), "temporary", what, "removed", context_id)


def _journals(folder: ContextFolder, journals: list[str]) -> Iterator[Finding]:
    if is_remote(folder.path):
        return  # whether its recorder lives, only the machine knows that it runs on
    for message_id in journals:
        if is_journal_held(folder.path, message_id):
            continue
        path = folder.journal_file(message_id)
        try:
            what, remedy = _journal(folder, message_id)
        except FileNotFoundError:
            continue  # its recorder has ended it meanwhile
        except CorruptFileError as error:
            yield Finding(error.path, "damaged", _reason(error), None, message_id=message_id)
        else:
            yield Finding(str(path), "journal", what, remedy, message_id=message_id)


def _journal(folder: ContextFolder, message_id: str) -> tuple[str, str]:
    """Return what is to be said of a journal that nobody holds, and what is done about it."""
    if folder.message_file(message_id).exists():
        folder.finished_message(message_id)
        return "its message is finished", "removed"
    if is_without_header(folder.journal_file(message_id)):
        return "its recorder died before the first line was written", "removed"
    read_journal(folder.journal_file(message_id))
    return "its recorder has died", "what came is stored as an interrupted response"


def _index(folder: ContextFolder, messages: list[Known]) -> Iterator[Finding]:
    path, remedy = str(folder.index_path), "made anew from the messages"
    try:
        listed = list(read_record(folder.index_path, Index).messages)
    except FileNotFoundError:
        yield Finding(path, "index", "is missing", remedy)
        return
    except CorruptFileError as error:
        yield Finding(path, "index", _reason(error), remedy)
        return
    right = mended_entries(folder, listed, messages)
    if listed != right:
        yield Finding(path, "index", _difference(listed, right), remedy)


def _difference(listed: list[IndexEntry], right: list[IndexEntry]) -> str:
    said = {entry.message_id for entry in listed}
    there = {entry.message_id for entry in right}
    if said == there:
        return "has another order than the messages, or says something else of them"
    return f"lacks {len(there - said)} messages, and lists {len(said - there)} that are not there"


def _metadata(folder: ContextFolder, messages: list[Known], journals: list[str]) -> Iterator[Finding]:
    path = str(folder.metadata_path)
    try:
        metadata = read_record(folder.metadata_path, ContextMetadata)
    except FileNotFoundError:
        yield Finding(path, "metadata", "is missing", "made anew, as far as the messages tell")
        return
    except CorruptFileError as error:
        yield Finding(path, "metadata", _reason(error), "kept under another name, and made anew")
        return
    if metadata.context_id != folder.context_id:
        what = f"context_id: is {metadata.context_id}, unlike its folder"
        yield Finding(path, "metadata", what, "set to the folder's")
    for message in unlisted(metadata, messages):
        what = f"branch {message.branch} does not list {message.message_id}"
        yield Finding(path, "branch", what, "added to the branch", message_id=message.message_id)
    yield from _listed_only(metadata, set(folder.message_ids()), path)
    if metadata.current_state in UNFINISHED_STATES and not journals:
        what = f"the state is {metadata.current_state}, but nothing is in flight"
        yield Finding(path, "state", what, "set by the last response")


def _listed_only(metadata: ContextMetadata, there: set[str], path: str) -> Iterator[Finding]:
    """Messages that a branch lists and that are not there: nobody knows any more what they said."""
    for name, message_id in missing(metadata, there):
        what = f"branch {name} lists {message_id}, of which there is no message"
        yield Finding(path, "missing", what, None, message_id=message_id)
