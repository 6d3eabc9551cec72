"""A response played again outside the notebook."""

from chatkit.replay.terminal import play

__all__ = ["play"]
