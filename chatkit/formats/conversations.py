"""Recordings of one conversation, put in order: what was said, and what was repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid5

from chatkit.capture.request import system_prompt, title, turns
from chatkit.formats.line import Line, response_id, turn_order
from chatkit.models import Branch, ContextConfig
from chatkit.models.context import MAIN
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from chatkit.formats.recording import Recording
    from chatkit.models import Message


class Conversation:
    """The recordings of one context, in the order of their turns."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self.recordings = sorted(recordings, key=turn_order)
        self.first = self.recordings[0]

    @property
    def label(self) -> str | None:
        """The name of its context; None where recordings name none."""
        name = self.first.header.label.get("context")
        return None if name is None else str(name)

    @property
    def context_id(self) -> str:
        """The id of a context made for it: the same each time the same recordings are read."""
        return str(uuid5(self.first.header.id, "context"))

    def response_ids(self) -> list[str]:
        """Return the ids of the first response of each recording."""
        return [response_id(recording) for recording in self.recordings]

    def messages(self, stored: Iterable[Message] = ()) -> list[Message]:
        """Return what was said, in the order of the turns: what is stored already, and what is new."""
        line = Line(stored)
        for recording in self.recordings:
            line.add(recording)
        return line.messages

    def belongs_to(self, stored: Iterable[Message]) -> bool:
        """Whether messages of an earlier import are of the same conversation."""
        return Line(stored).is_of(self.first)

    def context_fields(self) -> dict[str, Any]:
        """Return what the metadata of a context made for it says."""
        header = self.first.header
        label = header.label
        prompt = system_prompt(header.request)
        return {
            "context_id": self.context_id,
            "title": title(turns(header.request)),
            "config": ContextConfig(model_id=header.model_asked_for),
            "created_at": from_us(self.first.started_us),
            "branches": {MAIN: Branch(name=MAIN, system_prompt=prompt)},
            "metadata": {"context": label["context"]} if "context" in label else {},
        }

    def last_moment(self) -> datetime:
        """Return when the last stream ended (or began, where its end is not known)."""
        return from_us(max(recording.ended_us or recording.started_us for recording in self.recordings))


def group(recordings: Iterable[Recording]) -> list[Conversation]:
    """Put recordings with the same ``label.context`` together; each of the others is alone."""
    groups: dict[str, list[Recording]] = {}
    for recording in recordings:
        name = recording.header.label.get("context")
        groups.setdefault(f"recording {recording.header.id}" if name is None else f"context {name}", []).append(
            recording
        )
    conversations = [Conversation(members) for members in groups.values()]
    return sorted(conversations, key=lambda conversation: (conversation.first.started_us, conversation.context_id))
