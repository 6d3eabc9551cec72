"""Recording a live response: ``with record(store) as recorder: for event in recorder.tee(stream): ...``."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from chatkit.capture.ahead import tee_ahead, tee_ahead_async
from chatkit.capture.assembly import Assembly
from chatkit.capture.clock import NS_PER_US, Clock
from chatkit.capture.destination import Destination
from chatkit.capture.request import as_json, model_asked_for, parameters
from chatkit.capture.tape import Tape
from chatkit.capture.tee import aclose, close, tee, tee_async
from chatkit.capture.threaded import to_its_end
from chatkit.errors import SlowConsumerWarning, StreamStateError
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from chatkit.models import Message, Piece
    from chatkit.store import Store
    from chatkit.store.streaming import Stream

T = TypeVar("T")

_RESPONSE_OF = ("response", "_response")
"""Where the stream of an SDK, or of its helper, keeps the HTTP response."""
_SLOW_SHARE = 0.1
_SLOW_MS = 10.0
"""Less than this moves no figure: a stream of a few ms is one that a test replays."""


class Recorder:
    """Records one streamed response into a store; :func:`record` makes one.

    Use it in ``with`` or ``async with``. The request's clock starts when the block is entered, so send the request
    inside, and the wait for its headers counts.

    Args:
        store: where to: a store, or the path of one, which is made if there is none yet.
        context_id: the context; None for a new one.
        model: as it was asked for.
        request: what is sent to the provider.
        metadata: the message's own: what ``labels=`` of the tables reads.
        title: of a new context.
        clock: tells the time.
    """

    def __init__(
        self,
        store: Store | str | os.PathLike[str],
        context_id: Any = None,
        *,
        model: str | None = None,
        request: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        title: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._place = store
        self._context_id = context_id
        self._request = as_json(request or {})
        self._model = model or model_asked_for(self._request)
        self._labels = {**(metadata or {}), **({"request": parameters(self._request)} if request else {})}
        self._title = title
        self._clock = clock or Clock()
        self._begun: Stream | None = None
        self._tape: Tape | None = None
        self._is_aborted = False
        self._source: Any = None
        self._messages: dict[int, Message] = {}

    @property
    def message_id(self) -> str:
        """The id of the message it will be, known from the beginning."""
        return self._running.message_id

    @property
    def started_at_us(self) -> int:
        """The moment at which the block was entered and the clock began, in µs since the epoch."""
        return self._running.assembly.started_us

    @property
    def pieces(self) -> Sequence[Piece]:
        """What has come so far of the first choice; it grows while it is read."""
        return self._running.streams[0].pieces

    @property
    def is_finished(self) -> bool:
        """Whether the response is stored, so that :attr:`message` can be had."""
        return bool(self._messages)

    @property
    def message(self) -> Message:
        """The response as it was stored; the first choice where there are several.

        Raises:
            StreamStateError: the ``with`` block has not ended.
        """
        return self._stored[0]

    @property
    def messages(self) -> list[Message]:
        """Every choice of the response as it was stored.

        Raises:
            StreamStateError: the ``with`` block has not ended.
        """
        return [self._stored[choice] for choice in sorted(self._stored)]

    @property
    def n_unknown_events(self) -> int:
        """How many events were of a shape that is not known; they are skipped."""
        return self._running.assembly.n_unknown

    @overload
    def tee(self, stream: AsyncIterable[T], *, ahead: bool = False) -> AsyncIterator[T]: ...
    @overload
    def tee(self, stream: Iterable[T], *, ahead: bool = False) -> Iterator[T]: ...
    def tee(self, stream: Any, *, ahead: bool = False) -> Any:
        """Hand on a stream's events, unchanged and as fast as they come, and record them.

        Takes what the SDKs of OpenAI, Anthropic and Google give, dicts, the bytes or lines of server-sent events,
        and pieces of bare text; sync or async.

        Args:
            stream: the events.
            ahead: read in a thread (a task, if async) of its own. Then a slow loop body does not hold the stream up,
                which would pass for the model's slowness.

        Raises:
            StreamStateError: not inside the ``with`` block, or the second stream of this recorder.
            TypeError: this is no stream.
        """
        tape = self._running
        if self._source is not None:
            raise StreamStateError("a recorder records one stream: make another recorder for another one")
        if hasattr(stream, "__aiter__"):
            handing_on: Any = tee_ahead_async if ahead else tee_async
        elif hasattr(stream, "__iter__"):
            handing_on = tee_ahead if ahead else tee
        else:
            raise TypeError(
                f"{type(stream).__name__} is no stream: await a coroutine, enter a context manager, "
                "and give what comes of it; and ask for stream=True"
            )
        self._source = stream
        if any(hasattr(stream, name) for name in _RESPONSE_OF):  # an SDK gives its stream when it has the headers
            tape.note_headers()
        return handing_on(stream, tape)

    def append(self, event: Any) -> None:
        """Record what came just now, for code that is called with each event: the same kinds as :meth:`tee` takes.

        Raises:
            StreamStateError: not inside the ``with`` block.
        """
        tape = self._running
        tape.take(tape.now_ns(), event)

    def headers_received(self) -> None:
        """Note that the response's headers have just come. With an SDK's stream :meth:`tee` notes it by itself."""
        self._running.note_headers()

    def __enter__(self) -> Self:
        self._start(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_open = self._leave(error)
        try:
            if is_open:
                close(self._source)
        finally:
            self._keep()
        if error is None:
            self._warn_if_slow()

    async def __aenter__(self) -> Self:
        try:
            begun = await to_its_end(self._open)
        except asyncio.CancelledError:
            if self._begun is not None:
                self._begun.abort()
            raise
        self._start(begun)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_open = self._leave(error)
        try:
            if is_open:
                await aclose(self._source)
        finally:  # a task may be cancelled again here, and by anyio at each of its waits
            await to_its_end(self._keep)
        if error is None:
            self._warn_if_slow()

    def _open(self) -> Stream:
        """Do all that needs the disk, before the clock starts."""
        if self._begun is not None:
            raise StreamStateError("a recorder records one response: make another recorder for another one")
        self._destination = Destination(
            self._place,
            self._context_id,
            request=self._request,
            model=self._model,
            title=self._title,
            labels=self._labels,
        )
        self._begun = self._destination.begin()
        return self._begun

    def _start(self, begun: Stream) -> None:
        """Start the clock, last of all, but for a line in the journal that another thread writes."""
        assembly = Assembly(0, model=self._model)
        self._tape = Tape(self._clock, assembly, begun, lambda: self._destination.begin(from_us(assembly.started_us)))
        assembly.started_us = self._clock.now_ns() // NS_PER_US
        begun.sent(from_us(assembly.started_us))

    def _leave(self, error: BaseException | None) -> bool:
        """Note how the block was left; whether its stream has not come to an end."""
        tape = self._running
        is_open = self._source is not None and tape.ended_us is None
        tape.end(error)
        tape.stop()
        cause = error if isinstance(error, Exception) else tape.error or error
        if isinstance(cause, Exception):
            tape.assembly.note_error(repr(cause))
        self._is_aborted = is_open or cause is not None
        return is_open

    def _keep(self) -> None:
        """Store what came."""
        self._messages = self._running.store(is_aborted=self._is_aborted)

    def _warn_if_slow(self) -> None:
        tape = self._running
        consumer_ms, stream_ms = tape.consumer_ms or 0.0, tape.stream_ms
        if consumer_ms > max(_SLOW_MS, _SLOW_SHARE * stream_ms):
            warnings.warn(
                f"the code that read the stream of message {self.message_id} held it up for {consumer_ms:.0f} ms of "
                f"{stream_ms:.0f} ms, which its gaps show as the model's: tee(stream, ahead=True) reads ahead of it",
                SlowConsumerWarning,
                stacklevel=3,
            )

    @property
    def _running(self) -> Tape:
        if self._tape is None:
            raise StreamStateError("the recorder does not run yet: 'with record(store) as recorder:' starts it")
        return self._tape

    @property
    def _stored(self) -> dict[int, Message]:
        if not self._messages:
            raise StreamStateError("the response is stored when the 'with' block of its recorder ends")
        return self._messages


def record(
    store: Store | str | os.PathLike[str],
    context_id: Any = None,
    *,
    model: str | None = None,
    request: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> Recorder:
    """Record a live response, each chunk with its arrival time.

    Use it as ``with record(store) as recorder``, or with ``async with``, send the request inside, and read the
    stream through ``recorder.tee(stream)``. After the block ``recorder.message`` is the stored response, whatever
    happened: left early it is ``aborted``, after an exception ``error``.

    Args:
        store: where to: a store, or the path of one, which is made if there is none yet.
        context_id: the context to continue; None for a new one.
        model: as it is asked for; what the stream says of itself counts more.
        request: what is sent to the provider, as keyword arguments. Its messages that the context does not hold yet
            are stored too; its parameters go into the message's metadata.
        metadata: the message's own: what ``labels=`` of the tables reads.
        title: of a new context; by default what the user said last.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with record(folder.name, model="echo") as recorder:
    ...     for text in recorder.tee(iter(["Hello", " world"])):
    ...         pass
    >>> recorder.message.content, len(recorder.message.streaming_response.chunks)
    ('Hello world', 2)
    >>> folder.cleanup()
    """
    return Recorder(store, context_id, model=model, request=request, metadata=metadata, title=title)
