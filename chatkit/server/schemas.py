"""What the routes of ``/api`` take and answer, as the API's description names it."""

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from chatkit.models import Chunk, ContextMetadata, Message
from chatkit.models.context import State
from chatkit.models.record import ID_PATTERN
from chatkit.server.plain_json import check_plain

_ID_EXAMPLE = "0c0e9f3a-2f8e-4a52-9d3a-6f1f6f0b5c11"

ContextId = Annotated[str, Path(pattern=ID_PATTERN, description="The context's id.", examples=[_ID_EXAMPLE])]
MessageId = Annotated[str, Path(pattern=ID_PATTERN, description="The message's id.", examples=[_ID_EXAMPLE])]

PlainObject = Annotated[
    dict[str, Any],
    AfterValidator(check_plain),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""An object of JSON, without what files can't hold (NaN, infinity)."""


def _refuse_underscores(sent: Any) -> Any:
    if isinstance(sent, str) and "_" in sent:
        raise ValueError("a number is written without underscores")
    return sent


AsWritten = BeforeValidator(_refuse_underscores)
"""Lets a number of a query be none that only Python takes for one: ``1_0``."""


def event_stream(description: str, *events: str, **data: Any) -> dict[str, Any]:
    """Return the description of an answer of server-sent events.

    Args:
        description: in words.
        events: the names of the events.
        data: properties of the JSON in their data.
    """
    content = {"type": "object", "properties": data}
    event = {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"enum": [*events]},
            "id": {"type": "string"},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": content},
        },
    }
    return {"description": description, "content": {"text/event-stream": {"schema": event}}}


class ContextAnswer(BaseModel):
    """A context as it stands; no message is opened for it."""

    context_id: str
    current_state: State = Field(description='`idle`, `streaming_llm_response`, …, or `{"failed": {…}}`.')
    message_ids: list[str] = Field(description="In the order of the context's index.")
    metadata: ContextMetadata = Field(description="The content of `metadata.json`.")


class ListedContext(BaseModel):
    """A context in a page of them."""

    context_id: str
    current_state: State
    metadata: ContextMetadata


class Unreadable(BaseModel):
    """Something that could not be read, and why."""

    id: str
    detail: str


class ContextPage(BaseModel):
    """Some contexts, the newest first, those of unknown time last."""

    contexts: list[ListedContext]
    next_cursor: str | None = Field(description="Ask with it for the next page; null on the last.")
    problems: list[Unreadable] = Field(description="Contexts of this page that could not be read.")


class Batch(BaseModel):
    """Several messages at once."""

    messages: list[Message]
    missing: list[str] = Field(description="Ids of which there is no message.")
    problems: list[Unreadable] = Field(description="Messages that could not be read.")


class Chunks(BaseModel):
    """The chunks of a response after a place."""

    message_id: str
    status: str = Field(description="`streaming` while more may come, else how the response ended.")
    chunks: list[Chunk]


class NewContext(BaseModel):
    """A context to be made."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, max_length=1000)
    model: str | None = Field(default=None, description="The model that an upstream is asked for.")
    parameters: PlainObject = Field(default_factory=dict, description="What an upstream is sent with each request.")
    system_prompt: str | None = Field(default=None, description="What stands before the conversation.")
    metadata: PlainObject = Field(default_factory=dict, description="Your own; kept as it is.")


class NewMessage(BaseModel):
    """A message to be stored at the end of a context's active branch."""

    model_config = ConfigDict(extra="forbid")

    content: str
    role: Literal["user", "assistant", "system", "tool"] = "user"
    metadata: PlainObject = Field(default_factory=dict, description="Your own; kept as it is.")


class CreatedMessage(BaseModel):
    """Where a new message is."""

    message_id: str
    context_id: str


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
