"""A store over HTTP: contexts and messages, live events, replays, and replays that providers' own clients read."""

from chatkit.server.background import Server, serve

__all__ = ["Server", "serve"]
