"""A context's own files: what it is, and what it holds in which order."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from chatkit.models.record import Id, Record, Stamp, is_absent, nothing_if_null

State = str | dict[str, Any]
"""``idle``, ``streaming_llm_response``, …, or ``{"failed": {"error_message": …, "failed_at": …}}``."""

MAIN = "main"


class Branch(Record):
    """One line of a conversation: the ids of its messages, in order."""

    name: str
    message_ids: tuple[Id, ...] = Field(default=(), strict=False)
    system_prompt: str | None = None
    user_prompt: str | None = None


class ContextConfig(Record):
    """How the application runs the conversation."""

    model_id: str | None = None
    mode: str | None = "chat"
    parameters: dict[str, Any] = Field(default_factory=dict)
    system_prompt_id: str | None = None
    agent_role: str | None = None


class ContextMetadata(Record):
    """``metadata.json``: what a context is; no message content."""

    context_id: Id
    title: str | None = None
    current_state: State = "idle"
    parent_id: Id | None = None
    created_at: Stamp | None = None
    updated_at: Stamp | None = None
    config: ContextConfig = ContextConfig()
    branches: dict[str, Branch] = Field(default_factory=lambda: {MAIN: Branch(name=MAIN)})
    active_branch_name: str = MAIN
    metadata: Annotated[dict[str, Any], BeforeValidator(nothing_if_null)] = Field(default_factory=dict)

    @property
    def active_branch(self) -> Branch | None:
        """The branch in use; None where the name in use has none."""
        return self.branches.get(self.active_branch_name)


class IndexEntry(Record):
    """A reference to one message: enough to list, page and filter without opening it."""

    message_id: Id
    role: str
    message_type: str
    created_at: Stamp | None = None
    parent_id: Id | None = None
    size_bytes: int | None = Field(default=None, alias="bytes", exclude_if=is_absent)
    chunks: int | None = Field(default=None, exclude_if=is_absent)
    streaming: bool | None = Field(default=None, exclude_if=is_absent)


class Index(Record):
    """``index.json``: references to a context's messages, in their order."""

    messages: tuple[IndexEntry, ...] = Field(default=(), strict=False)
