"""A context: one conversation, read lazily."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError, NotFoundError, ReadOnlyError
from chatkit.models.states import AWAITING, STREAMING
from chatkit.store import nodes
from chatkit.store.branches import add_branch, set_state, set_title, switch_branch
from chatkit.store.checking import loose_ends
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import id_text, resolve
from chatkit.store.listing import Glance
from chatkit.store.problems import Problem, Problems, disorder_in
from chatkit.store.remote import ahead, check_is_local, looking
from chatkit.store.single_file import SingleFile
from chatkit.store.split import SplitFolder
from chatkit.store.trash import delete_folder
from chatkit.store.writing import append

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from chatkit.models import Branch, ContextMetadata, IndexEntry, Message
    from chatkit.models.context import State
    from chatkit.store.context_files import ContextFiles


_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


class Context:
    """One conversation of a store. Its metadata and index are read when first asked for, a message each time.

    ``store.context(id)`` gives one; asking the store again sees what has changed meanwhile.
    """

    def __init__(self, files: ContextFiles, problems: Problems) -> None:
        self._files = files
        self._problems = problems

    @property
    def context_id(self) -> str:
        """Its id, a UUID."""
        return self._files.context_id

    @property
    def format_name(self) -> str:
        """``chatkit``, or one of the old formats: ``single-file``, ``split``."""
        return self._files.format_name

    @cached_property
    def metadata(self) -> ContextMetadata:
        """What the context is: title, state, branches, times, configuration."""
        with looking(self._files.path), self._problems.one_warning():
            return self._files.metadata(self._problems)

    @cached_property
    def entries(self) -> tuple[IndexEntry, ...]:
        """References to its messages, in their order."""
        with looking(self._files.path), self._problems.one_warning():
            return self._files.index(self._problems).messages

    @property
    def title(self) -> str | None:
        """Its title, where it has one."""
        return self.metadata.title

    @property
    def current_state(self) -> State:
        """``idle``, ``streaming_llm_response``, …, or ``{"failed": {…}}``.

        From the first chunk of a response in flight it is ``streaming_llm_response``, though no file says so.
        """
        state = self.metadata.current_state
        if state == AWAITING and isinstance(self._files, ContextFolder) and self._files.is_streaming():
            return STREAMING
        return state

    @property
    def branches(self) -> dict[str, Branch]:
        """Its branches by name."""
        return self.metadata.branches

    @property
    def message_ids(self) -> list[str]:
        """The ids of its messages, in the order of its index; no message is opened where the format has an order.

        Ours has one, and the old formats' branches are one. A message of those that no branch lists stands behind its
        parent, which only the messages tell.
        """
        return list(self._order)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        if isinstance(self._files, SingleFile | SplitFolder):  # their references take all messages to make
            with looking(self._files.path):
                return tuple(self._files.order())
        return tuple(entry.message_id for entry in self.entries)

    def messages(
        self, start: int | None = None, stop: int | None = None, *, branch: str | None = None
    ) -> list[Message]:
        """Read messages ``start`` to ``stop`` (as in a slice) of the index, or of one branch.

        Only their files are opened. One that cannot be read is left out, noted in ``store.problems()`` and
        said in a warning.

        Raises:
            NotFoundError: there is no such branch.
        """
        found = self._read(self._ids_of(branch)[start:stop])
        if (start, stop, branch) == (None, None, None) and isinstance(self._files, SingleFile | SplitFolder):
            self.__dict__.setdefault("entries", tuple(map(nodes.index_entry, found)))  # they take all messages to make
        return found

    def message(self, message_id: Any) -> Message:
        """Read one message of the context by its id, a unique beginning of it, or a row of a table.

        Raises:
            NotFoundError: the context has none, or several.
            CorruptFileError: its file does not say what it should.
        """
        found = resolve(id_text(message_id, "message_id"), self.message_ids, "message")
        try:
            return self._files.message(found)
        except FileNotFoundError as error:
            raise NotFoundError(f"message {found} is gone from context {self.context_id}") from error

    def problems(self) -> list[Problem]:
        """Read every file of the context and return what is wrong with which, now; see ``Store.problems``."""
        self._problems.forget(self.context_id)
        self.look_over()
        return [problem for problem in self._problems if problem.context_id == self.context_id]

    def look_over(self) -> None:
        """Read every file of the context, so that whatever is wrong with one is noted in its store."""
        self.refresh()
        with looking(self._files.path), self._problems.no_warning():
            try:
                metadata, message_ids = self.metadata, self.message_ids
                self.messages()
            except CorruptFileError as error:
                self._problems.add(error, self.context_id)
            else:
                if isinstance(self._files, ContextFolder):
                    self._note_loose_ends(self._files, metadata, message_ids)

    def _note_loose_ends(self, folder: ContextFolder, metadata: ContextMetadata, listed: Sequence[str]) -> None:
        known = frozenset(listed)
        self._read([message_id for message_id in folder.message_ids() if message_id not in known])
        loose = loose_ends(folder, metadata, known)
        for problem in [one for one in loose if not self._problems.has_named(self.context_id, one.message_id or "")]:
            self._problems.note(problem)

    def append_message(self, message: Message, *, branch: str | None = None, at: datetime | None = None) -> Message:
        """Store a message at the end of the context, in the active branch unless another is named.

        When this returns, a power cut loses nothing of it.

        Args:
            message: its ``context_id``, ``position`` and ``branch`` are set here, and its ``parent_id`` to the
                last message of the branch where it has none.
            branch: the branch to write to.
            at: the context's new ``updated_at``; now by default.

        Returns:
            The message as it was stored.

        Raises:
            ReadOnlyError: the context is in an old format.
            NotFoundError: there is no such branch.
        """
        return self.append_messages([message], branch=branch, at=at)[0]

    def append_messages(
        self,
        messages: Sequence[Message],
        *,
        branch: str | None = None,
        at: datetime | None = None,
        state: State | None = None,
    ) -> list[Message]:
        """Store several messages one after the other, as :meth:`append_message` does one; ``state`` is set then."""
        stored = append(self.folder(), messages, branch=branch, at=at, state=state)
        self.refresh()
        return stored

    def set_title(self, title: str | None) -> None:
        """Give the context a title."""
        set_title(self.folder(), title)
        self.refresh()

    def set_state(self, state: State) -> None:
        """Say what the context is doing: ``idle``, ``executing_tool``, …, or ``{"failed": {…}}``."""
        set_state(self.folder(), state)
        self.refresh()

    def create_branch(self, name: str, *, until: Any = None, switch: bool = True) -> None:
        """Begin another line of the conversation, which shares the messages of the active one up to a message.

        Args:
            name: the new branch's name.
            until: the last message they share: an id, a unique beginning of it, or a row of a table; all by default.
            switch: whether the new branch becomes the active one.

        Raises:
            NotFoundError: the active branch has no such message.
            ValueError: there is a branch of this name.
        """
        last = None if until is None else id_text(until, "message_id")
        add_branch(self.folder(), name, until=last, switch=switch)
        self.refresh()

    def switch_branch(self, name: str) -> None:
        """Make a branch the active one, to which messages are added.

        Raises:
            NotFoundError: there is no such branch.
        """
        switch_branch(self.folder(), name)
        self.refresh()

    def delete(self) -> Path:
        """Move the whole context to the store's trash and return where it is now.

        Raises:
            ReadOnlyError: the context is in an old format.
            StoreBusyError: another writer holds the context, or a response of it is being recorded.
        """
        return delete_folder(self.folder())

    def refresh(self) -> None:
        """Forget what was read, so that changes made elsewhere are seen."""
        self.__dict__.pop("metadata", None)
        self.__dict__.pop("entries", None)
        self.__dict__.pop("_order", None)

    def change_mark(self) -> object:
        """Return something that is equal for as long as no message comes or goes."""
        return self._files.change_mark()

    def message_file(self, message_id: str) -> Path:
        """Return the file that holds a message; of one in flight, where it will be."""
        return self._files.message_file(message_id)

    def events_file(self, message_id: str) -> Path | None:
        """Return where the raw events of a response are, if they were kept; None in an old format, which has none."""
        return self._files.events_file(message_id) if isinstance(self._files, ContextFolder) else None

    def folder(self) -> ContextFolder:
        """Return the context's folder, for writing.

        Raises:
            ReadOnlyError: the context is in an old format, or behind a URL.
        """
        check_is_local(self._files.path)
        if not isinstance(self._files, ContextFolder):
            raise ReadOnlyError(
                f"{self._files.path}: the {self.format_name} format is only read; "
                "'chatkit migrate' makes a store that can be written to"
            )
        return self._files

    def _ids_of(self, branch: str | None) -> Sequence[str]:
        if branch is None:
            return self.message_ids
        if branch not in self.branches:
            raise NotFoundError(f"no branch {branch!r} in context {self.context_id}: it has {', '.join(self.branches)}")
        return self.branches[branch].message_ids

    def _read(self, message_ids: Sequence[str]) -> list[Message]:
        found = []
        with looking(self._files.path), self._problems.one_warning():
            for message_id in ahead(message_ids, self._files.message_file):
                try:
                    message = self._files.message(message_id)
                except FileNotFoundError:
                    if self._problems.has_named(self.context_id, message_id):
                        continue
                    error = CorruptFileError(str(self._files.path), "", f"has no message {message_id}, but lists it")
                    self._problems.add(error, self.context_id, message_id)
                except CorruptFileError as error:
                    self._problems.add(error, self.context_id, message_id)
                else:
                    disorder = disorder_in(message, str(self._files.message_file(message.message_id)), self.context_id)
                    if disorder is not None:
                        self._problems.note(disorder)
                    found.append(message)
        return found

    def creation_order(self) -> tuple[bool, datetime, str]:
        """Return what contexts are sorted by: their creation, unknown last, then their id."""
        created_at = self.metadata.created_at
        return created_at is None, created_at or _FIRST_MOMENT, self.context_id

    def one_warning(self) -> AbstractContextManager[None]:
        """Read as much as you like in a ``with`` block: what is wrong with files of its store makes one warning."""
        return self._problems.one_warning()

    def __repr__(self) -> str:
        return self._glance().line

    def _repr_html_(self) -> str:
        return self._glance().html

    def _glance(self) -> Glance:
        known = self.__dict__  # what was read already is not read again, and what was not is not kept
        return Glance.at(self._files, known.get("metadata"), known.get("entries"))
