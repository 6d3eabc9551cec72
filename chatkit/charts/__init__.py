"""Pictures: from a frame to a matplotlib ``Axes``."""

from chatkit.charts.arrival_picture import plot_arrival
from chatkit.charts.comparison_picture import plot_compare
from chatkit.charts.gap_picture import plot_gaps
from chatkit.charts.latency_picture import plot_latency
from chatkit.charts.pace_picture import plot_pace
from chatkit.charts.prefill_picture import plot_prefill
from chatkit.charts.timeline_picture import plot_timeline
from chatkit.charts.usage_picture import plot_usage

__all__ = [
    "plot_arrival",
    "plot_compare",
    "plot_gaps",
    "plot_latency",
    "plot_pace",
    "plot_prefill",
    "plot_timeline",
    "plot_usage",
]
