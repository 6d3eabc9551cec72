"""One conversation, put together from recordings in the order of their turns, whatever is stored of it already."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from chatkit.capture.request import Turn, n_repeated, parameters, turn_of, turns
from chatkit.models import Message
from chatkit.models.message import TEXT_TYPE
from chatkit.timing.stamps import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chatkit.formats.recording import Recording

Step = list[Message]
"""One message, or the choices of one response."""


class Line:
    """What was said, in order. A client may have stripped what its requests repeat of outer white space.

    Attributes:
        messages: those stored already, and the new ones in their places.
    """

    def __init__(self, stored: Iterable[Message] = ()) -> None:
        self.messages = list(stored)
        self._said: list[list[Turn]] = []

    def add(self, recording: Recording) -> None:
        """Add a request's new messages and its answers; recordings come in the order of their turns."""
        asked = turns(recording.header.request)
        answers = _answers(recording)
        if any(answer.message_id in self._ids() for answer in answers):
            self._complete(answers)
        elif (place := self._place_of_earlier(recording, asked)) is not None:
            self._put_before(place, recording, asked, answers)
        else:
            self._go_on(recording, asked, answers)
        self._said = [*([turn] for turn in asked), _turns_of(answers)]

    def is_of(self, recording: Recording) -> bool:
        """Whether a recording can only belong here: it goes on from all that was said, or gave an answer repeated."""
        asked, steps = turns(recording.header.request), self._steps()
        place = n_repeated(list(map(_turns_of, steps)), asked)
        if not place or place == len(steps):
            return 0 < place < len(asked)
        return self._place_of_earlier(recording, asked) is not None and self._is_repeated(
            steps[place], _answers(recording)
        )

    def _ids(self) -> set[str]:
        return {message.message_id for message in self.messages}

    def _steps(self) -> list[Step]:
        return [list(step) for _, step in groupby(self.messages, key=_recording_or_own_id)]

    def _complete(self, answers: Sequence[Message]) -> None:
        """Add the choices that an import which was stopped has left out."""
        known = {message.message_id: place for place, message in enumerate(self.messages)}
        held = max(known[answer.message_id] for answer in answers if answer.message_id in known)
        parent_id = self.messages[held].parent_id
        left_out = [answer for answer in answers if answer.message_id not in known]
        self.messages[held + 1 : held + 1] = _below(parent_id, left_out)

    def _go_on(self, recording: Recording, asked: Sequence[Turn], answers: Sequence[Message]) -> None:
        """Add at the end what the request says that was not said before, and the answers."""
        steps = self._steps()
        repeated = n_repeated(list(map(_turns_of, steps)), asked)
        known = max(repeated if repeated == len(steps) else 0, n_repeated(self._said, asked))
        for place, turn in enumerate(asked[known:], start=known):
            self.messages.append(_asked(recording, place, turn, self._last_id()))
        self.messages.extend(_below(self._last_id(), answers))

    def _last_id(self) -> str | None:
        return self.messages[-1].message_id if self.messages else None

    def _place_of_earlier(self, recording: Recording, asked: Sequence[Turn]) -> int | None:
        """Return the step before which the answers of an earlier turn belong; None where it is no earlier one.

        All it asked is there, and what is there next was answered in a later turn.
        """
        steps = self._steps()
        place = n_repeated(list(map(_turns_of, steps)), asked)
        if place < len(asked) or place == len(steps):
            return None
        later = _first_response(steps[place:])
        return place if later is not None and _order_of(later) > turn_order(recording) else None

    def _put_before(self, place: int, recording: Recording, asked: Sequence[Turn], answers: Sequence[Message]) -> None:
        """Add the answers of an earlier turn; what the later request repeated of it makes room for the original."""
        steps = self._steps()
        before: list[Message] = []
        for number, step in enumerate(steps[:place]):
            is_repetition = self._is_repeated(step, step) and _moment(step) > recording.started_us
            own = [_asked(recording, number, asked[number], before[-1].message_id if before else None)]
            before += own if is_repetition else step
        answers = _below(before[-1].message_id if before else None, answers)
        after = steps[place:]
        if self._is_repeated(after[0], answers):
            after = after[1:]
        self.messages = _linked([*before, *answers, *(message for step in after for message in step)])

    def _is_repeated(self, step: Step, said: Sequence[Message]) -> bool:
        """Whether a step is a text of a later request that says the same: made by an import, not by somebody."""
        [message, *others] = step
        if others or message.message_type != TEXT_TYPE:
            return False
        own = _turns_of(step)[0]
        return any(own.says_as(turn) for turn in _turns_of(said)) and message.message_id in self._made_of_requests()

    def _made_of_requests(self) -> set[str]:
        """Return the ids that the messages of requests have, of all recordings whose responses are here."""
        places = range(len(self.messages))
        recordings = {one for message in self.messages if (one := _recording_of(message)) is not None}
        return {_asked_id(recording_id, place) for recording_id in recordings for place in places}


def response_id(recording: Recording, choice: int = 0) -> str:
    """Return the id of the message made of a recording's choice."""
    return str(uuid5(recording.header.id, f"response-{choice}" if choice else "response"))


def turn_order(recording: Recording) -> tuple[int, int]:
    """Return what the recordings of a conversation are sorted by: their turn, then their time."""
    return _turn(recording.header.label), recording.started_us


def _order_of(message: Message) -> tuple[int, int]:
    return _turn(message.metadata), _moment([message])


def _turn(label: dict[str, Any]) -> int:
    turn = label.get("turn")
    return turn if isinstance(turn, int) else 0


def _moment(step: Step) -> int:
    created_at = step[0].created_at
    return 0 if created_at is None else to_us(created_at)


def _recording_of(message: Message) -> UUID | None:
    """Return the id of the recording that a response was made of; None where it was made in another way."""
    if message.streaming_response is None:
        return None
    try:
        return UUID(str(message.metadata.get("recording_id")))
    except ValueError:
        return None


def _recording_or_own_id(message: Message) -> str:
    return str(_recording_of(message) or message.message_id)


def _first_response(steps: Iterable[Step]) -> Message | None:
    return next((message for step in steps for message in step if message.streaming_response), None)


def _turns_of(messages: Iterable[Message]) -> list[Turn]:
    return [turn_of(message) for message in messages]


def _linked(messages: Iterable[Message]) -> list[Message]:
    """Let each message whose parent made room follow the one before it."""
    found: dict[str, Message] = {}
    last_id: str | None = None
    for message in messages:
        is_lost = message.parent_id not in found and message.parent_id != last_id
        found[message.message_id] = message.model_copy(update={"parent_id": last_id}) if is_lost else message
        last_id = message.message_id
    return list(found.values())


def _asked_id(recording_id: UUID, place: int) -> str:
    return str(uuid5(recording_id, f"request-{place}"))


def _below(parent_id: str | None, answers: Iterable[Message]) -> list[Message]:
    return [answer.model_copy(update={"parent_id": parent_id}) for answer in answers]


def _asked(recording: Recording, place: int, turn: Turn, parent_id: str | None) -> Message:
    """Make a message of one that the request held for the first time: it was sent with the request."""
    message = Message.from_text(
        turn.text,
        role=turn.role,
        message_id=_asked_id(recording.header.id, place),
        parent_id=parent_id,
        created_at=from_us(recording.started_us),
    )
    return message.model_copy(update={"parts": list(turn.other_parts)}) if turn.other_parts else message


def _answers(recording: Recording) -> list[Message]:
    header = recording.header
    metadata = header.label | {"recording_id": str(header.id), "request": parameters(header.request)}
    return [
        Message.from_response(response, message_id=response_id(recording, choice), metadata=metadata)
        for choice, response in recording.responses().items()
    ]
