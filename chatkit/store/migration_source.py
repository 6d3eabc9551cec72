"""One context of a migration's source, read whole: the files that the target is to hold of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chatkit.errors import CorruptFileError
from chatkit.models import Index
from chatkit.store.atomic import TEMPORARY_PREFIX
from chatkit.store.folder import ContextFolder, index_entry
from chatkit.store.inference import inferred_in_context, inferred_in_message, raw_context, raw_nodes
from chatkit.store.json_files import dump
from chatkit.store.locate import CONTEXTS, CONVERSATIONS
from chatkit.store.problems import Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from chatkit.models import ContextMetadata, Message
    from chatkit.models.record import Record
    from chatkit.store.context_files import ContextFiles

INDEX, METADATA = "index.json", "metadata.json"


class MissingMessage(NamedTuple):
    """An id that a branch lists and no file has; the branch keeps it."""

    context_id: str
    branch: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Image:
    """What the target is to hold of one context.

    Attributes:
        context_id: the context.
        format_name: its format in the source.
        path: its file or folder in the source.
        metadata: what it is.
        messages: those that can be read, in their order.
        listed: the ids of the index, in its order.
        files: bytes by name under the context's folder, in the order of writing: ``metadata.json`` comes last.
        damage: what could not be read.
        missing: messages that are listed only.
        inferred: for each kind of :data:`chatkit.store.inference.KINDS`, how often it was met.
    """

    context_id: str
    format_name: str
    path: Path
    metadata: ContextMetadata
    messages: tuple[Message, ...]
    listed: tuple[str, ...]
    files: dict[str, bytes]
    damage: tuple[Problem, ...]
    missing: tuple[MissingMessage, ...]
    inferred: Counter[str]

    @property
    def message_ids(self) -> set[str]:
        """The ids that the source has, whether or not their messages can be read."""
        return {*self.listed, *(message.message_id for message in self.messages)}

    @property
    def is_metadata_damaged(self) -> bool:
        """Whether what the context is could only be told from its messages."""
        return any(problem.message_id is None for problem in self.damage)


def message_name(message_id: str) -> str:
    """Return the name of a message's file under its context's folder."""
    return f"messages/{message_id}.json"


def read_image(files: ContextFiles) -> Image:
    """Read a context whole.

    Raises:
        CorruptFileError: nothing of it can be told.
        FileNotFoundError: it is gone.
    """
    problems = Problems()
    metadata = files.metadata(problems)
    if isinstance(files, ContextFolder):
        listed = [entry.message_id for entry in files.index(problems).messages]
        messages = _in_order(_read(files, problems))
        contents, inferred = _own_files(files, problems), Counter[str]()
    else:
        messages, contents = _written(files, metadata, _in_order(_read(files, problems)), problems)
        listed = [message.message_id for message in messages]
        inferred = _inferred(files, metadata, messages)
    return Image(
        context_id=files.context_id,
        format_name=files.format_name,
        path=files.path,
        metadata=metadata,
        messages=tuple(messages),
        listed=tuple(listed),
        files=contents,
        damage=tuple(problem for problem in problems if not _is_missing(problem)),
        missing=tuple(_missing(files.context_id, problems)),
        inferred=inferred,
    )


def shadowed(contexts: Mapping[str, ContextFiles], root: Path) -> list[Path]:
    """Return the files and folders of contexts that are under a root twice, and of which the other was taken."""
    folders = [root, *(above / name for above in (root, root / "data") for name in (CONTEXTS, CONVERSATIONS))]
    return [
        path
        for context_id in sorted(contexts)
        for folder in folders
        for path in (folder / context_id, folder / f"{context_id}.json")
        if path != contexts[context_id].path and path.exists()
    ]


def _missing(context_id: str, problems: Problems) -> list[MissingMessage]:
    branches = sorted(
        (problem.where.removeprefix("branches."), problem.message_id or "")
        for problem in problems
        if _is_missing(problem)
    )
    return [MissingMessage(context_id, branch, message_id) for branch, message_id in branches]


def _is_missing(problem: Problem) -> bool:
    """Whether a branch lists what is not there: an oddity of the source, and nothing that could be kept."""
    return problem.message_id is not None and problem.where.startswith("branches.")


def _read(files: ContextFiles, problems: Problems) -> list[Message]:
    """Read every message once; one that is gone meanwhile is none."""
    found = []
    for message_id in sorted(files.message_ids()):
        try:
            found.append(files.message(message_id))
        except CorruptFileError as error:
            problems.add(error, files.context_id, message_id)
        except FileNotFoundError:
            continue
    return found


def _in_order(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda message: (message.position is None, message.position or 0, message.message_id))


def _written(
    files: ContextFiles, metadata: ContextMetadata, ordered: list[Message], problems: Problems
) -> tuple[list[Message], dict[str, bytes]]:
    """Return the messages that JSON can hold, numbered without a gap, and the context's files in order of writing."""
    messages: list[Message] = []
    written: dict[str, bytes] = {}
    for message in ordered:
        placed = message.model_copy(update={"position": len(messages)})
        try:
            written[message.message_id] = _dumped(placed, files.message_file(message.message_id))
        except CorruptFileError as error:
            problems.add(error, files.context_id, message.message_id)
        else:
            messages.append(placed)
    entries = tuple(index_entry(message, len(written[message.message_id])) for message in messages)
    contents = {message_name(message_id): data for message_id, data in written.items()}
    contents[INDEX] = dump(Index(messages=entries))
    contents[METADATA] = _dumped(metadata, files.path)
    return messages, contents


def _dumped(record: Record, path: Path) -> bytes:
    """Return a model's bytes; a number such as 1e999, which Python reads and JSON has not, is damage."""
    try:
        return dump(record)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(str(path), "", f"cannot be written as JSON: {error}") from error


def _own_files(files: ContextFolder, problems: Problems) -> dict[str, bytes]:
    """Return the files of a context in our own format as they are; temporary ones are nobody's."""
    found = {}
    for path in sorted(files.path.rglob("*")):
        if not path.is_file() or path.name.startswith(TEMPORARY_PREFIX):
            continue
        name = path.relative_to(files.path).as_posix()
        try:
            found[name] = path.read_bytes()
        except FileNotFoundError:  # a journal whose response is finished
            continue
        except OSError as error:
            if not any(problem.path == str(path) for problem in problems):
                problems.add(CorruptFileError(str(path), "", error.strerror or str(error)), files.context_id)
    last = [name for name in (INDEX, METADATA) if name in found]
    return {name: data for name, data in found.items() if name not in last} | {name: found[name] for name in last}


def _inferred(files: ContextFiles, metadata: ContextMetadata, messages: list[Message]) -> Counter[str]:
    counts = Counter(inferred_in_context(raw_context(files), metadata))
    nodes = raw_nodes(files)
    listed = {message_id for branch in metadata.branches.values() for message_id in branch.message_ids}
    for message in messages:
        counts.update(inferred_in_message(nodes(message.message_id), message))
        counts["unlisted"] += message.message_id not in listed
    return +counts
