"""The player: a response replayed in the notebook or on a page of its own, as it felt."""

from chatkit.player.document import page
from chatkit.player.explorer import Explorer, explore
from chatkit.player.widget import Player
from chatkit.replay.lanes import Lane, lane

__all__ = ["Explorer", "Lane", "Player", "explore", "lane", "page"]
