"""JSON Schemas of a store's files, made from the models that read and write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.models import ContextMetadata, Index, Message
from chatkit.store.locate import FORMAT_NAME, VERSION

if TYPE_CHECKING:
    from chatkit.models.record import Record

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of file: ``store``, ``metadata``, ``index``, ``message``."""
    models: dict[str, type[Record]] = {"metadata": ContextMetadata, "index": Index, "message": Message}
    made = {name: {"$schema": _DIALECT, **model.model_json_schema()} for name, model in models.items()}
    made["store"] = {
        "$schema": _DIALECT,
        "title": "Store",
        "type": "object",
        "properties": {"format": {"const": FORMAT_NAME}, "version": {"type": "integer", "maximum": VERSION}},
        "required": ["format", "version"],
    }
    return made
