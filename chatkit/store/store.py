"""A store: contexts under one folder, in any of the three formats, also mixed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from chatkit.errors import ChatkitError, CorruptFileError, FormatError, NotFoundError, ReadOnlyError, StreamStateError
from chatkit.models import ContextConfig, ContextMetadata, Message
from chatkit.models.response import TEXT
from chatkit.store.atomic import write_atomically
from chatkit.store.begun import begun_response
from chatkit.store.context import Context
from chatkit.store.folder import ContextFolder
from chatkit.store.ids import id_text, is_id, resolve
from chatkit.store.listing import store_html, store_line
from chatkit.store.locate import (
    CONTEXTS,
    FORMAT_NAME,
    STORE_FILE,
    VERSION,
    check_is_ours,
    check_is_store,
    find_contexts,
)
from chatkit.store.migration import migrated
from chatkit.store.problems import Problem, Problems
from chatkit.store.remote import check_is_local, is_remote, list_ahead, looking, path_of
from chatkit.store.streaming import Stream
from chatkit.store.urls import is_url
from chatkit.store.whereabouts import Whereabouts
from chatkit.store.writing import create_folder
from chatkit.timing.stamps import to_us

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from chatkit.models import Usage
    from chatkit.store.context_files import ContextFiles
    from chatkit.store.journal import Durability


class Store:
    """The conversations under one folder. Opening it reads no message, and reading writes nothing.

    Args:
        path: a store's folder; of the old formats also the folder of contexts or the file of one. A URL that fsspec
            reads (``s3://…``, ``memory://…``, ``zip::s3://…``) will do: such a store is only read.
        strict: raise on the first file that can't be read, instead of noting it and going on.
        storage_options: what fsspec takes for the URL: credentials, an endpoint, …

    Raises:
        FormatError: the path holds no store, or one of a newer version; or no such kind of URL is known.
        MissingExtraError: what reads this kind of URL is not installed.
        OSError: a URL does not answer, or lets nobody in; also from whatever lists the contexts.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        strict: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._open(path_of(path, storage_options), strict=strict)
        check_is_store(self.path)

    def _open(self, path: Path, *, strict: bool) -> None:
        self.path = path
        self._problems = Problems(strict=strict)
        self._whereabouts = Whereabouts(path, self._problems)
        self._streams: dict[str, Stream] = {}

    def __reduce__(self) -> tuple[Callable[..., Store], tuple[Any, ...]]:
        return _opened, (self.path, self._problems.strict)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Store:
        """Make a new, empty store; the folder is made too, and may be there already if it is empty.

        Raises:
            FormatError: something is at the path; ``Store(path)`` opens a store that is there.
            ReadOnlyError: the path is a URL.
        """
        if is_url(str(path)):
            raise ReadOnlyError(f"{path}: stores behind URLs are only read; make one in a folder, and copy it there")
        root = Path(path)
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise FormatError(f"{root}: not empty, so no new store was made; Store(path) opens one that is there")
        root.mkdir(parents=True, exist_ok=True)
        (root / CONTEXTS).mkdir()
        content = json.dumps({"format": FORMAT_NAME, "version": VERSION})
        write_atomically(root / STORE_FILE, content.encode() + b"\n")
        return cls(root)

    @classmethod
    def migrated(cls, source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Store:
        """Open a store in our own format: the source itself if it is one, else its migration, brought up to date.

        The source is never touched. The migration is beside it (``SRC.chatkit``) unless ``target`` says where.

        Raises:
            FormatError: the source is no store, or something else is where the migration should be.
        """
        return cls(migrated(source, target))

    def contexts(self) -> list[Context]:
        """Return all contexts in the order of their creation, those of unknown time last.

        Reads their metadata; a context of which nothing can be read is in :meth:`problems`.
        """
        found: list[Context] = []
        with looking(self.path), self._problems.one_warning():
            for files in find_contexts(self.path, self._problems).values():
                context = Context(files, self._problems)
                try:
                    _ = context.metadata
                except CorruptFileError as error:
                    self._problems.add(error, files.context_id)
                else:
                    found.append(context)
        return sorted(found, key=Context.creation_order)

    def context(self, context_id: Any) -> Context:
        """Return one context by its id, a unique beginning of it (8 characters or more), or a row of a table.

        Raises:
            NotFoundError: there is none, or there are several.
        """
        beginning = id_text(context_id, "context_id")
        own = ContextFolder(self.path / CONTEXTS / beginning)
        if is_id(beginning) and own.metadata_path.exists():  # a whole id needs no look at all the others
            return Context(own, self._problems)
        contexts = find_contexts(self.path, beginning=beginning) or find_contexts(self.path)  # all, to say how many
        return Context(contexts[resolve(beginning, contexts.keys(), "context")], self._problems)

    def message(self, message_id: Any) -> Message:
        """Read one message by its id, a unique beginning of it (8 characters or more), or a row of a table.

        Raises:
            NotFoundError: there is none, or there are several.
            CorruptFileError: its file does not say what it should.
        """
        beginning = id_text(message_id, "message_id")
        try:
            found, files = self._whereabouts.find(beginning)
            return files.message(found)
        except (NotFoundError, FileNotFoundError):
            self._whereabouts.look()
        found, files = self._whereabouts.find(beginning)
        try:
            return files.message(found)
        except FileNotFoundError as error:
            raise NotFoundError(f"message {found} is gone from context {files.context_id}") from error

    def context_of(self, message_id: Any) -> Context | None:
        """Return the context that holds a message; None where no context does. No message is opened."""
        self._whereabouts.look()
        try:
            _, files = self._whereabouts.find(id_text(message_id, "message_id"))
        except NotFoundError:
            return None
        return Context(files, self._problems)

    def contexts_by_id(self) -> dict[str, Context]:
        """Return all contexts by their ids in one look; nothing of them is read."""
        return {context_id: Context(files, self._problems) for context_id, files in find_contexts(self.path).items()}

    def contexts_of(self, message_ids: Iterable[str]) -> dict[str, Context]:
        """Return the contexts that hold these messages, by whole message ids, in one look; others are left out."""
        self._whereabouts.look()
        found = {one: self._whereabouts.of(one) for one in message_ids}
        return {one: Context(files, self._problems) for one, files in found.items() if files is not None}

    def problems(self) -> list[Problem]:
        """Read every file of the store and return what is wrong with which, now: what was put right is forgotten.

        Message files that no index lists are among them, and ids that a branch lists and no file has.
        """
        self._problems.forget()
        with looking(self.path), self._problems.no_warning():
            list_ahead(self.path)
            for files in find_contexts(self.path, self._problems).values():
                Context(files, self._problems).look_over()
        return list(self._problems)

    def create_context(
        self,
        *,
        title: str | None = None,
        context_id: str | None = None,
        config: ContextConfig | None = None,
        created_at: datetime | None = None,
        **known: Any,
    ) -> Context:
        """Make a new, empty context; ``known`` takes any other field of its metadata.

        Raises:
            ReadOnlyError: the store is in an old format, or was not opened from its own folder.
            FileExistsError: there is a context of this id.
        """
        check_is_local(self.path)
        check_is_ours(self.path)
        now = created_at or datetime.now(UTC)
        metadata = ContextMetadata(
            context_id=context_id or str(uuid4()),
            title=title,
            config=config or ContextConfig(),
            created_at=now,
            updated_at=now,
            **known,
        )
        return Context(create_folder(self.path / CONTEXTS, metadata), self._problems)

    def open_stream(
        self,
        context_id: Any,
        *,
        durability: Durability = "second",
        **known: Any,
    ) -> Stream:
        """Begin a response that arrives chunk by chunk; end it with ``finalize`` or ``abort``.

        Its journal keeps each chunk as it comes: a killed process loses at most what was not yet flushed.

        Args:
            context_id: the context it belongs to.
            durability: when lines are forced to the disk: each (``chunk``), once a second, or not at all (``none``).
            known: ``model``, ``started_at`` (the request was sent; now by default), ``message_id``, ``parent_id``,
                ``branch``, ``role``, and the message's own ``metadata``.

        Raises:
            NotFoundError: there is no such context or branch.
            ReadOnlyError: the context is in an old format.
            StreamStateError: a response of this id has begun, or ended.
            StoreBusyError: another writer holds the context.
        """
        stream = Stream(self.context(context_id).folder(), begun_response(**known), durability)
        for ended in [one.message_id for one in list(self._streams.values()) if one.is_ended]:
            self._streams.pop(ended, None)  # with all its chunks
        self._streams[stream.message_id] = stream
        return stream

    def begin_streaming_llm_response(self, context_id: Any, *, model: str | None = None, **known: Any) -> str:
        """Begin a response and return its message id; takes what :meth:`open_stream` takes."""
        return self.open_stream(context_id, model=model, **known).message_id

    def append_streaming_chunk(
        self, message_id: str, delta: str, *, kind: str = TEXT, at: datetime | None = None
    ) -> None:
        """Add a chunk to a response that this store has begun, ``at`` its arrival (now by default).

        Raises:
            StreamStateError: it has not begun here, or has ended.
        """
        self._stream(message_id, "a chunk").append(delta, kind=kind, at_us=None if at is None else to_us(at))

    def finalize_streaming_response(
        self, message_id: str, *, usage: Usage | None = None, finish_reason: str | None = None, **known: Any
    ) -> Message:
        """End a response that this store has begun; takes what ``Stream.finalize`` takes.

        Raises:
            StreamStateError: it has not begun here, or has ended.
        """
        return self._stream(message_id, "an end").finalize(usage=usage, finish_reason=finish_reason, **known)

    def abort_streaming_response(self, message_id: str, reason: str = "aborted", **known: Any) -> Message:
        """End a response that this store has begun because somebody gave up; what came is kept.

        Raises:
            StreamStateError: it has not begun here, or has ended.
        """
        return self._stream(message_id, "an abort").abort(reason, **known)

    def _stream(self, message_id: str, what: str) -> Stream:
        stream = self._streams.get(message_id)
        if stream is None:
            raise StreamStateError(
                f"{what} without a beginning: message {message_id} was not begun by this store, or has ended"
            )
        return stream

    def one_warning(self) -> AbstractContextManager[None]:
        """Read as much as you like in a ``with`` block: what is wrong with files of the store makes one warning."""
        return self._problems.one_warning()

    def __repr__(self) -> str:
        if is_remote(self.path):
            return f"<Store {self.path}>"  # in a log or a debugger nobody waits for round trips
        return store_line(self.path.as_posix(), self._listed())

    def _repr_html_(self) -> str:
        with looking(self.path):
            return store_html(self.path.as_posix(), self._listed())

    def _listed(self) -> dict[str, ContextFiles] | None:
        try:
            return find_contexts(self.path)
        except (OSError, ChatkitError):  # a glance at a store that is gone or out of reach says so, and does not fail
            return None


def _opened(path: Path, strict: bool) -> Store:
    """Open a store again where it was unpickled: on the worker of a cluster, say."""
    store = Store.__new__(Store)
    store._open(path, strict=strict)  # noqa: SLF001
    return store
