"""A recording replayed as the provider's own API, for real clients and benchmark tools."""

from chatkit.server.compatible.refusals import refuse
from chatkit.server.compatible.routes import router

__all__ = ["refuse", "router"]
