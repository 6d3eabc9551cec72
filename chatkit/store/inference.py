"""What an old file does not say, and what is written in its place: counted, so that a migration can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.errors import CorruptFileError
from chatkit.store.json_files import read_json
from chatkit.store.single_file import SingleFile
from chatkit.store.split import SplitFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chatkit.models import ContextMetadata, Message, Response
    from chatkit.store.context_files import ContextFiles

KINDS = {
    "context_created_at": "a context that does not say when it was made: that stays unknown",
    "created_at": "a message without a time of its own: created_at stays unknown",
    "started_at": "a response that starts at its first chunk: the request's time was not recorded, TTFT stays unknown",
    "usage": "a response without token usage: it was never recorded",
    "completed_at": "a response that was streaming when it was saved: its end stays unknown",
    "total_duration_ms": "a response whose duration was computed from its times: the file said none, or another",
    "accumulated_chars": "a response whose characters were counted anew: the file counted bytes",
    "interval_ms": "a response whose intervals were computed anew: the file's came from times cut to whole ms",
    "message_type": "a message that does not say its type: it was taken from its content",
    "name": "a name spelled in the plain way (streaming_l_l_m_response is streaming_llm_response)",
    "unlisted": "a message that no branch lists: it stands at the end of the index",
}
"""Each kind of thing that is not in the source, or not so, with what was done about it."""


def raw_context(files: ContextFiles) -> Mapping[str, Any]:
    """Return a context of an old format as its file has it; nothing where that can't be read."""
    path = files.context_path if isinstance(files, SplitFolder) else files.path
    try:
        content = read_json(path)
    except (CorruptFileError, FileNotFoundError):
        return {}
    return content if isinstance(content, dict) else {}


def raw_nodes(files: ContextFiles) -> Callable[[str], Mapping[str, Any]]:
    """Return how to get a node of an old format, by its id, as its file has it."""
    if isinstance(files, SingleFile):
        pool = raw_context(files).get("message_pool", {})
        return lambda message_id: pool.get(message_id, {})
    return lambda message_id: read_json(files.message_file(message_id))


def inferred_in_context(raw: Mapping[str, Any], metadata: ContextMetadata) -> Iterator[str]:
    """Yield the kinds that are met in a context itself."""
    if metadata.created_at is None:
        yield "context_created_at"
    state = raw.get("current_state", metadata.current_state)
    if state != metadata.current_state:
        yield "name"


def inferred_in_message(node: Mapping[str, Any], message: Message) -> Iterator[str]:
    """Yield the kinds that are met in one message, given its node as the file has it."""
    said = node.get("message") or {}
    if message.created_at is None:
        yield "created_at"
    if not said.get("message_type"):
        yield "message_type"
    if (said.get("metadata") or {}).get("source") != message.metadata.get("source"):
        yield "name"
    if message.streaming_response is not None:
        data = (said.get("rich_type") or {}).get("data") or {}
        yield from _inferred_in_response(data, message.streaming_response)


def _inferred_in_response(data: Mapping[str, Any], response: Response) -> Iterator[str]:
    if not response.is_request_known:
        yield "started_at"
    if response.usage is None:
        yield "usage"
    if response.completed_at is None:
        yield "completed_at"
    if data.get("total_duration_ms") != response.total_duration_ms:
        yield "total_duration_ms"
    for key in ("accumulated_chars", "interval_ms"):
        stated = [chunk.get(key) for chunk in data.get("chunks", [])]
        if stated != [getattr(chunk, key) for chunk in response.chunks]:
            yield key
