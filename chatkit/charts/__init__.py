"""Pictures: from a frame to a matplotlib ``Axes``."""

from chatkit.charts.arrival_picture import plot_arrival
from chatkit.charts.gap_picture import plot_gaps
from chatkit.charts.latency_picture import plot_latency
from chatkit.charts.timeline_picture import plot_timeline

__all__ = ["plot_arrival", "plot_gaps", "plot_latency", "plot_timeline"]
