"""What one would write first: a handler that sleeps each interval in turn. A peer of replay.py.

python benchmarks/replay_naive.py STORE PORT
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

import chatkit as ck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

app = FastAPI()
store = ck.Store(Path(sys.argv[1]))


@app.get("/replay/{message_id}")
async def replay(message_id: str, speed: float = 1.0) -> StreamingResponse:
    return StreamingResponse(events(store.message(message_id), speed), media_type="text/event-stream")


async def events(message: ck.Message, speed: float) -> AsyncIterator[str]:
    response = message.streaming_response
    before_ms = 0.0
    for chunk, at_ms in zip(response.chunks, response.arrivals_ms.tolist(), strict=True):
        if speed:
            await asyncio.sleep((at_ms - before_ms) / 1000 / speed)
        before_ms = at_ms
        content = {
            "message_id": message.message_id,
            "sequence": chunk.sequence,
            "delta": chunk.delta,
            "kind": chunk.kind,
            "accumulated_chars": chunk.accumulated_chars,
            "interval_ms": chunk.interval_ms,
            "offset_ms": at_ms,
        }
        yield f"id: {chunk.sequence}\nevent: chunk\ndata: {json.dumps(content)}\n\n"
    yield "event: done\ndata: {}\n\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
