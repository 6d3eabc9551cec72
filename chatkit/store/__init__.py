"""Where contexts and messages live: plain files, written so that nothing is lost, in a new and two old formats."""

from chatkit.store.context import Context
from chatkit.store.problems import Problem
from chatkit.store.store import Store

__all__ = ["Context", "Problem", "Store"]
