"""Live streams in: one reader per provider's event shapes, and what puts a response together."""

from chatkit.capture.assembly import Assembly

__all__ = ["Assembly"]
