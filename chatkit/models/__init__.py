"""What a context, a message, a response and a chunk are: frozen models, field for field as in the files."""

from chatkit.models.context import Branch, ContextConfig, ContextMetadata, Index, IndexEntry
from chatkit.models.message import Message, Text
from chatkit.models.response import Chunk, Piece, Response, ResponseMetadata
from chatkit.models.usage import Usage

__all__ = [
    "Branch", "Chunk", "ContextConfig", "ContextMetadata", "Index", "IndexEntry", "Message", "Piece",
    "Response", "ResponseMetadata", "Text", "Usage",
]  # fmt: skip
