"""The tables and their columns. Frames, empty ones included, and the table of columns in the docs follow from here."""

from __future__ import annotations

from chatkit.frames.column import Column, Table

_MESSAGE_ID = Column("message_id", "id", None, "Message the row belongs to.")
_CONTEXT_ID = Column("context_id", "id", None, "Context of the message.")

CONTEXTS: Table = (
    Column("context_id", "id", None, "The context."),
    Column("title", "str", None, "Its title; missing where it has none."),
    Column("current_state", "str", None, "Its state; `failed` whatever the error."),
    Column("created_at", "datetime64[us, UTC]", None, "When it was made; unknown in old formats."),
    Column("updated_at", "datetime64[us, UTC]", None, "When it last changed; unknown in old formats."),
    Column("model", "str", None, "The model it is configured for."),
    Column("n_messages", "int64", None, "Messages its index lists."),
    Column("n_responses", "int64", None, "Streamed responses among them."),
    Column("n_branches", "int64", None, "Its branches."),
    Column("prompt_tokens", "Int64", "tokens", "Sum over its responses; unknown where none reported any."),
    Column("completion_tokens", "Int64", "tokens", "Sum over its responses; unknown where none reported any."),
    Column("median_ttft_ms", "float64", "ms", "Median of its responses' `ttft_ms`."),
    Column("format", "str", None, "`chatkit`, or one of the old formats `single-file` and `split`."),
)

MESSAGES: Table = (
    Column("message_id", "id", None, "The message."),
    _CONTEXT_ID,
    Column("parent_id", "str", None, "The message it answers or follows."),
    Column("role", "str", None, "`user`, `assistant`, `system`, `tool`."),
    Column("message_type", "str", None, "`text`, `streaming_response`, …"),
    Column("created_at", "datetime64[us, UTC]", None, "When it was made; unknown where that was not recorded."),
    Column("position", "Int64", None, "Place in the context's index, from 0."),
    Column("branches", "str", None, "Names of the branches that list it, joined by commas; missing where none does."),
    Column("n_chars", "int64", "code points", "Length of its text, whatever its type."),
    Column("n_chunks", "Int64", None, "Chunks of a response whose delta is not empty; unknown for other types."),
    Column("preview", "str", None, "The beginning of its text, on one line."),
)

RESPONSES: Table = (
    Column("message_id", "id", None, "The response."),
    _CONTEXT_ID,
    Column("parent_id", "str", None, "The message it answers."),
    Column("model", "str", None, "As the provider named it."),
    Column("finish_reason", "str", None, "As reported, or `aborted`, `interrupted`, `error`."),
    Column("started_at", "datetime64[us, UTC]", None, "The request was sent (or the first chunk came, in old stores)."),
    Column("completed_at", "datetime64[us, UTC]", None, "The stream ended."),
    Column("status", "str", None, "`complete`, `streaming`, `aborted`, `interrupted` or `error`; never missing."),
    Column("turn", "Int64", None, "User messages before it on its branch, minus one; unknown if no branch lists it."),
    Column("response_index", "Int64", None, "Its place among its context's responses, from 0."),
    Column("headers_ms", "float64", "ms", "Response headers minus request; unknown if not recorded."),
    Column("first_event_ms", "float64", "ms", "First event of any kind minus request; unknown if not recorded."),
    Column("ttft_ms", "float64", "ms", "Time to first token: first non-empty delta of any kind minus request."),
    Column("ttfo_ms", "float64", "ms", "First answer text minus request, reasoning excluded."),
    Column("after_headers_ms", "float64", "ms", "First chunk minus headers: near the prefill time on some servers."),
    Column("streaming_ms", "float64", "ms", "Last chunk minus first; unknown with fewer than 2 chunks."),
    Column("tail_ms", "float64", "ms", "End of the stream minus last chunk."),
    Column("e2e_ms", "float64", "ms", "End of the stream minus request, of complete responses."),
    Column("n_chunks", "int64", None, "Chunks whose delta is not empty; a chunk is not a token."),
    Column("n_reads", "int64", None, "Distinct arrival times among them."),
    Column("n_chars", "int64", "code points", "Length of the answer text."),
    Column("gap_p50_ms", "float64", "ms", "Median of the times between its chunks."),
    Column("gap_p99_ms", "float64", "ms", "99th percentile of the times between its chunks."),
    Column("gap_max_ms", "float64", "ms", "Longest time between two of its chunks."),
    Column("n_stalls", "Int64", None, "Gaps far longer than its others: max(250 ms, 5 x the median of the others)."),
    Column("stalled_ms", "float64", "ms", "Summed length of its stalls."),
    Column("prompt_tokens", "Int64", "tokens", "The whole input, its cached part included."),
    Column("completion_tokens", "Int64", "tokens", "The whole output, reasoning included."),
    Column("total_tokens", "Int64", "tokens", "Their sum."),
    Column("cached_tokens", "Int64", "tokens", "Input that was read from a cache."),
    Column("cache_write_tokens", "Int64", "tokens", "Input that was written to a cache."),
    Column("reasoning_tokens", "Int64", "tokens", "Output spent on reasoning."),
    Column("tpot_ms", "float64", "ms", "Time per output token after the first: (finish - first chunk) / (tokens - 1)."),
    Column("tokens_per_s", "float64", "tokens/s", "1000 / tpot_ms."),
    Column("e2e_tokens_per_s", "float64", "tokens/s", "Output tokens over the whole time, the wait included."),
    Column("chars_per_s", "float64", "code points/s", "Answer text after its first chunk, over the time it took."),
    Column("chunks_per_token", "float64", None, "n_chunks / completion_tokens."),
    Column("server_prompt_ms", "float64", "ms", "Prefill time as the server reported it."),
    Column("server_decode_ms", "float64", "ms", "Decode time as the server reported it."),
)

CHUNKS: Table = (
    _MESSAGE_ID,
    _CONTEXT_ID,
    Column("sequence", "int64", None, "1, 2, 3, … within its response."),
    Column("kind", "str", None, "`text`, `reasoning` or `tool_call`."),
    Column("delta", "str", None, "The text as it came; half a character is shown as U+FFFD."),
    Column("timestamp", "datetime64[us, UTC]", None, "Its arrival."),
    Column("offset_ms", "float64", "ms", "Arrival since the request was sent; unknown where that is."),
    Column("elapsed_ms", "float64", "ms", "Arrival since the first chunk."),
    Column("gap_ms", "float64", "ms", "Time since the chunk before; unknown for the first and for empty deltas."),
    Column("n_chars", "int64", "code points", "Length of the delta; the second half of a character adds nothing."),
    Column("accumulated_chars", "int64", "code points", "Answer text so far, this chunk included."),
    Column("is_stall", "bool", None, "Whether the gap before it is a stall."),
)

PROBLEMS: Table = (
    Column("path", "str", None, "The file."),
    Column("context_id", "str", None, "The context it belongs to, where known."),
    Column("message_id", "str", None, "The message, where it is one's."),
    Column("where", "str", None, "The place in the file."),
    Column("reason", "str", None, "What is wrong there."),
)
