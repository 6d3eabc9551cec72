"""What a client asks for: the bodies of the three APIs' requests, as far as a replay looks at them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from chatkit.capture.request import turns


class Asked(BaseModel):
    """What the three have in common; other keys are taken, and count in nothing.

    Attributes:
        model: which recording: ``replay:{message_id}``, ``replay:{context_id}`` or ``replay:*``.
        stream: whether the answer comes in pieces.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    model: Annotated[str, Field(min_length=1, examples=["replay:*"])]
    stream: bool | None = None

    @property
    def last_said(self) -> str | None:
        """What the user said last, without outer white space; None where it is no text."""
        said = [turn.text.strip() for turn in turns(self.model_dump()) if turn.role == "user"]
        return next((text for text in reversed(said) if text), None)

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with an event that holds nothing but the usage."""
        return False


class StreamOptions(BaseModel):
    """``stream_options`` of OpenAI chat."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    include_usage: bool | None = None


class ChatAsked(Asked):
    """``POST /v1/chat/completions``."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    stream_options: StreamOptions | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with an event that holds nothing but the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class ResponsesAsked(Asked):
    """``POST /v1/responses``."""

    input: str | list[dict[str, Any]] | None = None


class MessagesAsked(Asked):
    """``POST /v1/messages``."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
