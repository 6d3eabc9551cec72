"""A message: one entry of a context, whatever its type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Self
from uuid import uuid4

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from chatkit.models.notebook_table import notebook_table
from chatkit.models.one_line import one_line
from chatkit.models.record import Id, Record, Stamp, Whole, is_absent, nothing_if_null
from chatkit.models.response import TEXT, Response
from chatkit.models.summary import facts, summary_line
from chatkit.models.text import join

if TYPE_CHECKING:
    from datetime import datetime

SCHEMA_VERSION = 1
TEXT_TYPE, RESPONSE_TYPE = "text", "streaming_response"
_LONGEST_LINE = 200


class Text(Record):
    """The content of a message of type ``text``."""

    content: str


class Message(Record):
    """One entry of a context. Its content stands under the key that ``message_type`` names.

    Attributes:
        message_id: UUID.
        context_id: the context it belongs to; None until it is stored in one.
        parent_id: the message it answers or follows.
        position: its place in the context's index; None until it is stored, or where no index lists it.
        branch: the branch it was written to; None where no branch lists it.
        role: ``user``, ``assistant``, ``system``, ``tool``.
        message_type: ``text``, ``streaming_response``, ``tool_request``, … ; unknown kinds are kept.
        created_at: None where it was not recorded.
        text: the content of type ``text``.
        streaming_response: the content of type ``streaming_response``.
        metadata: the user's own; ``labels=`` of the tables reads it.
    """

    schema_version: int = Field(default=SCHEMA_VERSION, alias="schema")
    message_id: Id
    context_id: Id | None = None
    parent_id: Id | None = None
    position: Whole | None = None
    branch: str | None = "main"
    role: str
    message_type: str
    created_at: Stamp | None = None
    text: Text | None = Field(default=None, exclude_if=is_absent)
    streaming_response: Response | None = Field(default=None, exclude_if=is_absent)
    metadata: Annotated[dict[str, Any], BeforeValidator(nothing_if_null)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.schema_version > SCHEMA_VERSION:
            raise ValueError(f"schema {self.schema_version} is newer than {SCHEMA_VERSION}, the newest read here")
        typed = {TEXT_TYPE: self.text, RESPONSE_TYPE: self.streaming_response}
        if typed.get(self.message_type, ...) is None:
            raise ValueError(f"message_type is {self.message_type!r}, but there is no key of that name")
        return self

    @classmethod
    def from_text(cls, content: str, *, role: str = "user", message_id: str | None = None, **known: Any) -> Self:
        """Make a message of type ``text``; ``known`` takes any other field of :class:`Message`."""
        return cls(
            message_id=message_id or str(uuid4()),
            role=role,
            message_type=TEXT_TYPE,
            text=Text(content=content),
            **known,
        )

    @classmethod
    def from_response(
        cls,
        response: Response,
        *,
        role: str = "assistant",
        message_id: str | None = None,
        created_at: datetime | None = None,
        **known: Any,
    ) -> Self:
        """Make a message of type ``streaming_response``, created when the request was sent."""
        return cls(
            message_id=message_id or str(uuid4()),
            role=role,
            message_type=RESPONSE_TYPE,
            created_at=created_at or response.started_at,
            streaming_response=response,
            **known,
        )

    @property
    def payload(self) -> Any:
        """What stands under the key that ``message_type`` names, whatever the type; None if nothing does."""
        typed = {TEXT_TYPE: self.text, RESPONSE_TYPE: self.streaming_response}
        return typed.get(self.message_type) or (self.model_extra or {}).get(self.message_type)

    @property
    def content(self) -> str:
        """The message's text, whatever its type.

        A kind without text of its own gives its ``content`` or ``text``, else its payload as JSON.
        """
        payload = self.payload
        if isinstance(payload, Text | Response):
            return payload.content
        for key in ("content", "text"):
            if isinstance(payload, dict) and isinstance(payload.get(key), str):
                return str(payload[key])
        if payload is None:
            return ""
        return payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)

    def describe(self) -> str:
        """Return one readable line: id, role, kind, and what a response took."""
        what = summary_line(self.streaming_response) if self.streaming_response else f"{len(self.content):,} chars"
        return f"{self.message_id[:8]} {self.role} {self.message_type}: {what}"

    def to_text(self) -> Message:
        """Return the same message as type ``text``, for readers that know no chunks.

        Id, role, time, parents and labels stay; of a response the content stays and its chunks go.
        """
        if self.message_type == TEXT_TYPE:
            return self
        kept = self.model_dump(exclude={"streaming_response", "text", "message_type", self.message_type})
        return Message.model_validate({**kept, "message_type": TEXT_TYPE, "text": Text(content=self.content)})

    def text_at(self, ms: float) -> str:
        """Return what the user saw ``ms`` after the request was sent.

        Counted from the first chunk where the request's time is not known. A message that was not streamed
        is its whole content at any time from 0 on.

        Raises:
            ValueError: ``ms`` is NaN.
        """
        if np.isnan(ms):
            raise ValueError("ms is NaN: give the time since the request in ms")
        response = self.streaming_response
        if response is None:
            return self.content if ms >= 0 else ""
        seen = response.arrivals_ms <= ms
        return join(
            chunk.delta for chunk, is_seen in zip(response.shown, seen, strict=True) if is_seen and chunk.kind == TEXT
        )

    def __repr__(self) -> str:
        return f"<Message {one_line(self.describe(), _LONGEST_LINE)}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        response = self.streaming_response
        what = facts(response) if response else [("characters", len(self.content))]
        known = [("role", self.role), ("type", self.message_type), ("created", self.created_at)]
        return notebook_table(f"Message {self.message_id[:8]}", [*known, *what, ("content", self.content)])
