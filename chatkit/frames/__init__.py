"""Tables: columns declared once, the scan that fills them, and one function a table."""

from chatkit.frames.cache_state import CacheInfo, cache_info
from chatkit.frames.contexts import contexts_df, messages_df, problems_df
from chatkit.frames.dask_frames import chunks_ddf, responses_ddf
from chatkit.frames.moment import snapshot
from chatkit.frames.responses import chunks_df, responses_df

__all__ = [
    "CacheInfo",
    "cache_info",
    "chunks_ddf",
    "chunks_df",
    "contexts_df",
    "messages_df",
    "problems_df",
    "responses_ddf",
    "responses_df",
    "snapshot",
]
