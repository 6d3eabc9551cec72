"""Recordings of one conversation, put in order: what was said, and what was repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid5

from chatkit.capture.request import Turn, parameters, system_prompt, turns
from chatkit.models import Branch, ContextConfig, Message
from chatkit.models.context import MAIN
from chatkit.timing.stamps import from_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from chatkit.formats.recording import Recording

_LONGEST_TITLE = 60


class Conversation:
    """The recordings of one context, in the order of their turns."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self.recordings = sorted(recordings, key=_turn_order)
        self.first = self.recordings[0]

    @property
    def context_id(self) -> str:
        """The id of a context made for it: the same each time the same recordings are read."""
        return str(uuid5(self.first.header.id, "context"))

    def response_ids(self) -> list[str]:
        """Return the ids of the first response of each recording."""
        return [response_id(recording) for recording in self.recordings]

    def messages(self) -> list[Message]:
        """Return what was said, in order: each request's new messages, then its answers."""
        said: list[Turn] = []
        found: list[Message] = []
        for recording in self.recordings:
            asked = turns(recording.header.request)
            known = _common_beginning(said, asked)
            for place, turn in enumerate(asked[known:], start=known):
                found.append(_asked(recording, place, turn, found[-1].message_id if found else None))
            answers = _answers(recording, found[-1].message_id if found else None)
            found.extend(answers)
            said = [*asked, Turn("assistant", answers[0].content)]
        return found

    def context_fields(self) -> dict[str, Any]:
        """Return what the metadata of a context made for it says."""
        header = self.first.header
        label = header.label
        prompt = system_prompt(header.request)
        return {
            "context_id": self.context_id,
            "title": _title(turns(header.request)),
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


def response_id(recording: Recording, choice: int = 0) -> str:
    """Return the id of the message made of a recording's choice."""
    return str(uuid5(recording.header.id, f"response-{choice}" if choice else "response"))


def _asked(recording: Recording, place: int, turn: Turn, parent_id: str | None) -> Message:
    """Make a message of one that the request held for the first time: it was sent with the request."""
    message = Message.from_text(
        turn.text,
        role=turn.role,
        message_id=str(uuid5(recording.header.id, f"request-{place}")),
        parent_id=parent_id,
        created_at=from_us(recording.started_us),
    )
    return message.model_copy(update={"parts": list(turn.other_parts)}) if turn.other_parts else message


def _answers(recording: Recording, parent_id: str | None) -> list[Message]:
    header = recording.header
    metadata = header.label | {"recording_id": str(header.id), "request": parameters(header.request)}
    return [
        Message.from_response(
            response, message_id=response_id(recording, choice), parent_id=parent_id, metadata=metadata
        )
        for choice, response in recording.responses().items()
    ]


def _common_beginning(said: Sequence[Turn], asked: Sequence[Turn]) -> int:
    """Count the messages that a request repeats; a client may have stripped them of outer white space."""
    same = 0
    for before, now in zip(said, asked, strict=False):
        if (before.role, before.text.strip()) != (now.role, now.text.strip()):
            break
        same += 1
    return same


def _turn_order(recording: Recording) -> tuple[int, int]:
    turn = recording.header.label.get("turn")
    return (turn if isinstance(turn, int) else 0), recording.started_us


def _title(asked: Sequence[Turn]) -> str | None:
    first = next((" ".join(turn.text.split()) for turn in asked if turn.role == "user" and turn.text.strip()), None)
    if first is None or len(first) <= _LONGEST_TITLE:
        return first
    return f"{first[: _LONGEST_TITLE - 1].rstrip()}…"
