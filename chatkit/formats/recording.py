"""A recording: the raw capture of one request, its header first and then each event with its arrival."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatkit import sse
from chatkit.capture import Assembly
from chatkit.capture.wire import parse
from chatkit.errors import CorruptFileError

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.models import Response

M = TypeVar("M", bound=BaseModel)
NEWEST_CAPTURE = 1
_DONE = "[DONE]"
_FIRST_ERROR_STATUS = 400
Nanoseconds = Annotated[int, Field(ge=0, lt=2**62)]
"""A moment before the year 2116 since the epoch, or a time as long: more than that is no clock's."""


class Header(BaseModel):
    """Line 1 of a recording.

    Attributes:
        capture: version of the format.
        id: UUID of the recording.
        label: what is known of the circumstances: ``scenario``, ``model``, ``context``, ``turn``, …
        url: path that was asked.
        request: JSON body that was sent.
        status: HTTP status.
        started_at_unix_ns: wall clock when the request was sent.
        headers_ns: response headers came, ns since then.
        closed_ns: the body ended, ns since then.
        aborted_by_client: whether the client hung up in mid-stream.
    """

    model_config = ConfigDict(frozen=True)

    capture: int
    id: UUID
    label: dict[str, Any] = {}
    url: str = ""
    request: dict[str, Any] = {}
    status: int | None = None
    started_at_unix_ns: Nanoseconds
    headers_ns: Nanoseconds | None = None
    closed_ns: Nanoseconds | None = None
    aborted_by_client: bool = False

    @property
    def model_asked_for(self) -> str | None:
        """The model as the label names it, else as the request does."""
        named = self.label.get("model") or self.request.get("model")
        return named if isinstance(named, str) else None


class Event(BaseModel):
    """Every further line: the raw text of one event, and its arrival in ns since the request was sent."""

    model_config = ConfigDict(frozen=True)

    t_ns: Nanoseconds
    event: str


class Recording:
    """The content of one recording.

    Attributes:
        path: its file.
        header: line 1.
        events: the other lines.
        is_cut: whether the file stops in the middle of a line; what stands before that is kept.
    """

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            OSError: it can't be opened.
            CorruptFileError: a line other than a cut last one is not what it should be.
        """
        self.path = path
        lines = path.read_bytes().split(b"\n")
        self.is_cut = _is_cut(lines)
        if self.is_cut:
            del lines[-1]
        if not lines or not lines[0].strip():
            raise CorruptFileError(str(path), "line 1", "no header: not a recording")
        self.header = _parse(path, 1, lines[0], Header)
        if self.header.capture > NEWEST_CAPTURE:
            reason = f"is {self.header.capture}; this chatkit reads up to {NEWEST_CAPTURE}"
            raise CorruptFileError(str(path), "line 1: capture", reason)
        self.events = [
            _parse(path, number, line, Event) for number, line in enumerate(lines[1:], start=2) if line.strip()
        ]

    @property
    def started_us(self) -> int:
        """The request was sent, µs since the epoch."""
        return self.at_us(0)

    @property
    def ended_us(self) -> int | None:
        """The stream ended, µs since the epoch; None where the file was cut before it."""
        return None if self.is_cut or self.header.closed_ns is None else self.at_us(self.header.closed_ns)

    def at_us(self, t_ns: int) -> int:
        """Turn ns since the request into µs since the epoch, rounded down."""
        return (self.header.started_at_unix_ns + t_ns) // 1000

    def responses(self) -> dict[int, Response]:
        """Put the response of each choice together from the events; by the choice's index."""
        assembly = Assembly(self.started_us, model=self.header.model_asked_for)
        if self.header.headers_ns is not None:
            assembly.note_headers(self.at_us(self.header.headers_ns))
        for line in self.events:
            for event in sse.decode(f"{line.event}\n\n".encode("utf-8", "replace")):
                if event.data != _DONE:
                    assembly.take(self.at_us(line.t_ns), parse(event.data))
        return assembly.responses(self._end(assembly), finish_reason=self._reason())

    def _reason(self) -> str | None:
        if self.header.aborted_by_client:
            return "aborted"
        if (self.header.status or 0) >= _FIRST_ERROR_STATUS:
            return "error"
        return "interrupted" if self.is_cut else None

    def _end(self, assembly: Assembly) -> int | None:
        """The end the header tells is the stream's, even in a cut file, if the stream had said all before the cut."""
        if self.is_cut and assembly.is_finished and self.header.closed_ns is not None:
            return self.at_us(self.header.closed_ns)
        return self.ended_us


def _is_cut(lines: list[bytes]) -> bool:
    """Whether the last line has no end and is no JSON: the writer was stopped in the middle of it."""
    if not lines[-1].strip():
        return False
    try:
        json.loads(lines[-1])
    except ValueError:
        return True
    return False


def _loads(text: str | bytes) -> Any:
    """Parse JSON; a NaN, which a store's files can't hold, is read as null: unknown."""
    return json.loads(text, parse_constant=lambda _: None)


def _parse(path: Path, number: int, line: bytes, kind: type[M]) -> M:
    try:
        return kind.model_validate(_loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f"line {number}: {'.'.join(map(str, first['loc']))}"
        raise CorruptFileError(str(path), where, first["msg"]) from error
    except ValueError as error:
        raise CorruptFileError(str(path), f"line {number}", f"not JSON: {error}") from error
