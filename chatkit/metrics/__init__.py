"""Numbers across responses: from frames to small tidy frames."""

from chatkit.metrics.busy_time import throughput
from chatkit.metrics.comparison import compare
from chatkit.metrics.cost import UnpricedModelWarning, add_cost
from chatkit.metrics.deadlines import fluidity
from chatkit.metrics.explanation import Explanation, explain
from chatkit.metrics.in_flight import add_concurrency
from chatkit.metrics.own_logs import responses_from_chunks
from chatkit.metrics.prompt_history import add_history
from chatkit.metrics.reading import starvation
from chatkit.metrics.stall_table import stalls
from chatkit.metrics.summaries import summarize
from chatkit.metrics.targets import PRESETS, goodput

__all__ = [
    "PRESETS",
    "Explanation",
    "UnpricedModelWarning",
    "add_concurrency",
    "add_cost",
    "add_history",
    "compare",
    "explain",
    "fluidity",
    "goodput",
    "responses_from_chunks",
    "stalls",
    "starvation",
    "summarize",
    "throughput",
]
