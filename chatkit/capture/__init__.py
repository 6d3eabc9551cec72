"""Live streams in: the recorder, one reader per provider's event shapes, and what puts a response together."""

from chatkit.capture.assembly import Assembly
from chatkit.capture.recorder import Recorder, record

__all__ = ["Assembly", "Recorder", "record"]
