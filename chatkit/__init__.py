"""chatkit: see how a language model's words arrive.

``import chatkit as ck``. Names resolve on first use, so that importing costs neither pandas nor matplotlib.

Contexts and messages on disk: :class:`Store`, :class:`Context`, :class:`Message` and its parts.
Tables: :func:`contexts_df`, :func:`messages_df`, :func:`responses_df`, :func:`chunks_df`, :func:`problems_df`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from chatkit.capture import Recorder, record
    from chatkit.charts import (
        plot_arrival,
        plot_compare,
        plot_gaps,
        plot_latency,
        plot_pace,
        plot_prefill,
        plot_timeline,
        plot_usage,
    )
    from chatkit.errors import (
        ChatkitError,
        CorruptFileError,
        CorruptFileWarning,
        FormatError,
        MissingExtraError,
        NotFoundError,
        ReadOnlyError,
        ServerError,
        SlowConsumerWarning,
        StoreBusyError,
        StreamStateError,
    )
    from chatkit.formats import ImportReport, import_recordings
    from chatkit.frames import (
        CacheInfo,
        cache_info,
        chunks_ddf,
        chunks_df,
        contexts_df,
        messages_df,
        problems_df,
        responses_ddf,
        responses_df,
        snapshot,
    )
    from chatkit.metrics import (
        PRESETS,
        Explanation,
        UnpricedModelWarning,
        add_concurrency,
        add_cost,
        add_history,
        compare,
        explain,
        fluidity,
        goodput,
        responses_from_chunks,
        stalls,
        starvation,
        summarize,
        throughput,
    )
    from chatkit.models import Chunk, Message, Piece, Response, ResponseMetadata, Usage
    from chatkit.player import Explorer, Player, explore
    from chatkit.replay import ReplayedChunk, ReplayEvents, ReplayTotals, play, replay_events
    from chatkit.reports import report
    from chatkit.server import Server, serve
    from chatkit.store import Context, Problem, Store

_HOMES = {
    "chatkit.capture": (
        "Recorder", "record",
    ),
    "chatkit.charts": (
        "plot_arrival", "plot_compare", "plot_gaps", "plot_latency", "plot_pace", "plot_prefill",
        "plot_timeline", "plot_usage",
    ),
    "chatkit.errors": (
        "ChatkitError", "CorruptFileError", "CorruptFileWarning", "FormatError", "MissingExtraError",
        "NotFoundError", "ReadOnlyError", "ServerError", "SlowConsumerWarning", "StoreBusyError", "StreamStateError",
    ),
    "chatkit.formats": (
        "ImportReport", "import_recordings",
    ),
    "chatkit.frames": (
        "CacheInfo", "cache_info", "chunks_ddf", "chunks_df", "contexts_df", "messages_df", "problems_df",
        "responses_ddf", "responses_df", "snapshot",
    ),
    "chatkit.metrics": (
        "Explanation", "PRESETS", "UnpricedModelWarning", "add_concurrency", "add_cost", "add_history",
        "compare", "explain", "fluidity", "goodput", "responses_from_chunks", "stalls", "starvation",
        "summarize", "throughput",
    ),
    "chatkit.models": (
        "Chunk", "Message", "Piece", "Response", "ResponseMetadata", "Usage",
    ),
    "chatkit.player": (
        "Explorer", "Player", "explore",
    ),
    "chatkit.replay": (
        "ReplayEvents", "ReplayTotals", "ReplayedChunk", "play", "replay_events",
    ),
    "chatkit.reports": (
        "report",
    ),
    "chatkit.server": (
        "Server", "serve",
    ),
    "chatkit.store": (
        "Context", "Problem", "Store",
    ),
}  # fmt: skip
"""Where each public name lives."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PRESETS",
    "CacheInfo",
    "ChatkitError",
    "Chunk",
    "Context",
    "CorruptFileError",
    "CorruptFileWarning",
    "Explanation",
    "Explorer",
    "FormatError",
    "ImportReport",
    "Message",
    "MissingExtraError",
    "NotFoundError",
    "Piece",
    "Player",
    "Problem",
    "ReadOnlyError",
    "Recorder",
    "ReplayEvents",
    "ReplayTotals",
    "ReplayedChunk",
    "Response",
    "ResponseMetadata",
    "Server",
    "ServerError",
    "SlowConsumerWarning",
    "Store",
    "StoreBusyError",
    "StreamStateError",
    "UnpricedModelWarning",
    "Usage",
    "__version__",
    "add_concurrency",
    "add_cost",
    "add_history",
    "cache_info",
    "chunks_ddf",
    "chunks_df",
    "compare",
    "contexts_df",
    "explain",
    "explore",
    "fluidity",
    "goodput",
    "import_recordings",
    "messages_df",
    "play",
    "plot_arrival",
    "plot_compare",
    "plot_gaps",
    "plot_latency",
    "plot_pace",
    "plot_prefill",
    "plot_timeline",
    "plot_usage",
    "problems_df",
    "record",
    "replay_events",
    "report",
    "responses_ddf",
    "responses_df",
    "responses_from_chunks",
    "serve",
    "snapshot",
    "stalls",
    "starvation",
    "summarize",
    "throughput",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'chatkit' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__]
