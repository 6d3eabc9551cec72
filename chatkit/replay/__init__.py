"""A response played again outside the notebook."""

from chatkit.replay.remote import ReplayedChunk, ReplayEvents, ReplayTotals, replay_events
from chatkit.replay.terminal import play

__all__ = ["ReplayEvents", "ReplayTotals", "ReplayedChunk", "play", "replay_events"]
