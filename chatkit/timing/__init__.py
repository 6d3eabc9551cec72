"""Arithmetic on arrival times: the one definition of each figure.

Works on ragged arrays (all times in one array, offsets beside it); one response is a ragged array of one row.
"""

from chatkit.timing.figures import FIGURES, Streams, figures
from chatkit.timing.ragged import Ragged, gaps
from chatkit.timing.schedule import Schedule, in_order
from chatkit.timing.stalls import StallRule, is_stall, stall_limits

__all__ = [
    "FIGURES",
    "Ragged",
    "Schedule",
    "StallRule",
    "Streams",
    "figures",
    "gaps",
    "in_order",
    "is_stall",
    "stall_limits",
]
