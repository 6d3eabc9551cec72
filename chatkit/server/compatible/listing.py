"""The names that can be asked for, as clients of both providers read a list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chatkit.timing.stamps import format_stamp, from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chatkit.server.compatible.catalogue import Model


def models_json(models: Sequence[Model]) -> dict[str, Any]:
    """Return a list of models in which each provider's client finds its own keys."""
    data = [model_json(model) for model in models]
    ids = [model.name for model in models]
    return {"object": "list", "data": data, "has_more": False, "first_id": ids[0], "last_id": ids[-1]}


def model_json(model: Model) -> dict[str, Any]:
    """Return one model."""
    created_us = 0 if model.created_at is None else to_us(model.created_at)
    return {
        "id": model.name,
        "object": "model",
        "type": "model",
        "created": created_us // 1_000_000,
        "created_at": format_stamp(from_us(created_us)),  # both providers' own word for an unknown time is 1970
        "owned_by": "chatkit",
        "display_name": model.title,
    }
