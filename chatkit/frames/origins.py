"""Where rows come from: stores read fast, contexts that only the models read, and single messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chatkit.errors import CorruptFileError
from chatkit.frames.files import MESSAGES
from chatkit.frames.folder_scan import FolderScan
from chatkit.frames.old_scan import old_rows
from chatkit.frames.parsing import BATCH, parts_of_messages
from chatkit.frames.part import Selection, Wanted
from chatkit.frames.places import Contexts, contexts_of, row_of_context
from chatkit.frames.source import each_once
from chatkit.store import Context, Store
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import is_id
from chatkit.store.locate import CONTEXTS, CONVERSATIONS, find_contexts
from chatkit.store.problems import Problem, Problems
from chatkit.store.remote import looking

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from chatkit.frames.folder_scan import FolderRows
    from chatkit.frames.places import ContextRow
    from chatkit.frames.progress import Progress
    from chatkit.models import Message


class Found(NamedTuple):
    """Something wrong, on its way to the problems of a store.

    Attributes:
        problem: what is wrong.
        is_error: whether a strict store raises it; else the file was read all the same.
        is_missing: whether it says no more than that a message is not there, which something else may explain.
    """

    problem: Problem
    is_error: bool = True
    is_missing: bool = False

    def tell(self, problems: Problems) -> None:
        """Note it, or raise it."""
        path, context_id, message_id, where, reason = self.problem
        if self.is_missing and problems.has_named(context_id or "", message_id or ""):
            return
        if self.is_error:
            problems.add(CorruptFileError(path, where, reason), context_id, message_id)
        else:
            problems.note(self.problem)


@dataclass(frozen=True, slots=True)
class Origin:
    """Contexts read in one way, in the order of their creation.

    Attributes:
        contexts: the contexts, with the places of their messages.
        messages: for each place its message; where none can be read, the part is -1.
        problems: those of the store.
        found: by context id, what is wrong with its index and messages, to be told there.
    """

    contexts: Contexts
    messages: Selection
    problems: Problems
    found: dict[str, list[Found]] = field(default_factory=dict)


class Reader(NamedTuple):
    """How stores are read.

    Attributes:
        keep: which columns of messages and chunks are wanted.
        cache: whether columns are kept in the user's cache folder.
        progress: told of each file that is parsed.
    """

    keep: Wanted
    cache: bool
    progress: Progress

    def store(self, store: Store, wanted: Collection[str] | None) -> list[Origin]:
        """Read a store, or some contexts of it; what is wrong with contexts' metadata is told at once."""
        with looking(store.path):
            folder = store.path / CONTEXTS
            if _is_usual(store.path):
                scan = self._scan(folder)
                listing = scan.listing(wanted)
                if not listing.others and (listing.context_ids or isinstance(store.path, Path)):
                    problems = store._problems  # noqa: SLF001 - the tables' problems are the store's
                    return [self._told(scan.read(listing, wanted), folder, problems, listing.context_ids)]
            return self._mixed(store, wanted)

    def contexts(self, contexts: Iterable[Context], problems: Problems | None = None) -> Origin:
        """Read contexts by the models, which note what is wrong where the contexts belong; in order of creation."""
        rows: list[ContextRow] = []
        numbers: dict[tuple[str, str], int] = {}
        parts = parts_of_messages(_counted(each_once([*contexts]), rows, numbers), self.keep)
        places = [numbers.get((row.context_id, place[0]), -1) for row in rows for place in row.places]
        at = np.array(places, dtype=np.int64)
        messages = Selection(parts, np.where(at < 0, -1, at // BATCH), at % BATCH)
        return Origin(contexts_of(rows)[0], messages, problems or Problems())

    def messages(self, messages: Iterable[Message]) -> Selection:
        """Return single messages in their order."""
        parts = parts_of_messages(messages, self.keep)
        at = np.arange(sum(part.messages.num_rows for part in parts))
        return Selection(parts, at // BATCH, at % BATCH)

    def _scan(self, folder: Path) -> FolderScan:
        return FolderScan(folder, self.keep, self.progress, cache=self.cache)

    def _mixed(self, store: Store, wanted: Collection[str] | None) -> list[Origin]:
        """Read a store that is not, or not only, contexts in our own format in the usual place."""
        problems = store._problems  # noqa: SLF001 - as above
        known = find_contexts(store.path, problems)
        chosen = {one: files for one, files in known.items() if wanted is None or one in wanted}
        own: dict[Any, list[str]] = {}
        for context_id, files in chosen.items():
            if isinstance(files, ContextFolder):
                own.setdefault(files.path.parent, []).append(context_id)
        origins = []
        for folder, ids in own.items():
            scan = self._scan(folder)
            listing = scan.listing(ids)
            origins.append(self._told(scan.read(listing, ids), folder, problems, listing.context_ids))
        old = old_rows(
            [files for files in chosen.values() if not isinstance(files, ContextFolder)], self.keep, self.progress
        )
        others = _readable([Context(files, problems) for files in old.others], problems)
        return [*origins, Origin(old.contexts, old.messages, problems), self.contexts(others, problems)]

    def _told(self, rows: FolderRows, folder: Path, problems: Problems, context_ids: Sequence[str]) -> Origin:
        for context_id in context_ids:
            for problem in rows.problems.get(context_id, ((), ()))[0]:
                Found(problem).tell(problems)
        return Origin(rows.contexts, rows.messages, problems, _found_in(rows, folder))


def _counted(
    contexts: Iterable[Context], rows: list[ContextRow], numbers: dict[tuple[str, str], int]
) -> Iterator[Message]:
    """Yield the messages of contexts; keep the row of each context, and the number of each message."""
    counter = count()
    for context in contexts:
        messages = context.messages()
        rows.append(row_of_context(context))  # after them: an old format makes its entries of the messages read
        for message, number in zip(messages, counter, strict=False):
            numbers.setdefault((context.context_id, message.message_id), number)  # an index may list it twice
            yield message


def _readable(contexts: Iterable[Context], problems: Problems) -> Iterator[Context]:
    """Yield the contexts that can be told anything of; the others are problems."""
    for context in contexts:
        try:
            _ = context.metadata
        except CorruptFileError as error:
            problems.add(error, context.context_id)
        else:
            yield context


def _found_in(rows: FolderRows, folder: Path) -> dict[str, list[Found]]:
    """Return what is wrong with indexes and messages, by context id, in the order in which it is met."""
    found = {one: [Found(problem) for problem in of_index] for one, (_, of_index) in rows.problems.items()}
    is_there = rows.messages.part >= 0
    there, read = np.flatnonzero(is_there), rows.messages.where(is_there)
    is_wrong = np.asarray(read.column("reason").is_valid())
    wrong = read.where(is_wrong).messages(["is_read", "where", "reason"]).to_pylist() if is_wrong.any() else []
    by_place = dict(zip(there[is_wrong].tolist(), wrong, strict=True))
    if not (by_place or rows.errors):
        return found
    of_context = np.repeat(np.arange(rows.contexts.rows.num_rows), rows.contexts.counts)
    ids = rows.contexts.rows["context_id"].to_pylist()
    for place in sorted({*by_place, *rows.errors}):
        context_id, message_id = ids[of_context[place]], rows.contexts.places["message_id"][place].as_py()
        if place in rows.errors:
            error = rows.errors[place]
            problem = Problem(error.path, context_id, message_id, error.where, error.reason)
            one = Found(problem, is_missing=error.path == str(folder / context_id))
        else:
            path = str(folder / context_id / MESSAGES / f"{message_id}.json")
            told = by_place[place]
            one = Found(Problem(path, context_id, message_id, told["where"], told["reason"]), not told["is_read"])
        found.setdefault(context_id, []).append(one)
    return found


def _is_usual(root: Path) -> bool:
    """Whether contexts can only be in the usual place, in whatever format."""
    if root.name in {"", "..", CONTEXTS, CONVERSATIONS} or is_id(root.stem):
        return False
    return not isinstance(root, Path) or not any((root / name).exists() for name in ("data", CONVERSATIONS))
