"""Pictures: from a frame to a matplotlib ``Axes``."""

from chatkit.charts.arrival_picture import plot_arrival
from chatkit.charts.gap_picture import plot_gaps

__all__ = ["plot_arrival", "plot_gaps"]
