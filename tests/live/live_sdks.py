"""Records a real model's server through the providers' own clients, and compares with what each client read.

    python tests/live/live_sdks.py http://127.0.0.1:18080

The server speaks the APIs of OpenAI (chat completions, responses) and Anthropic (messages), as llama.cpp's does.
Prints a table, and ends with 1 if anything differs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

from chatkit.capture import record
from tests.capture.sdks import APIS, Api, Heard, asked, asked_async

if TYPE_CHECKING:
    from chatkit.models import Message

NOT_HERE = {"responses helper"}  # wants indices in the events that llama.cpp leaves out


class Read(NamedTuple):
    """What the client read, what was recorded, and when the client's loop had its first text, in ms."""

    heard: Heard
    message: Message
    first_ms: float


def main(url: str) -> int:
    """Record every API in every way, print what came, and return how many differ."""
    print(f"{'API':18} {'how':12} {'chunks':>7} {'chars':>6} {'tokens':>9} {'TTFT ms':>8} {'loop':>8}  finish")
    n_bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, api in APIS.items():
            if name in NOT_HERE:
                continue
            for ahead in (False, True):
                runs = {"sync": read(api, url, folder, ahead=ahead)}
                runs["async"] = asyncio.run(read_async(api, url, folder, ahead=ahead))
                for how, result in runs.items():
                    n_bad += not report(name, f"{how}{', ahead' * ahead}", result)
    print("everything equal" if n_bad == 0 else f"{n_bad} differ")
    return n_bad


def read(api: Api, url: str, folder: str, *, ahead: bool) -> Read:
    """Record one response."""
    heard, first_ms = Heard(), 0.0
    with record(folder, request=api.request) as recorder:
        started = time.perf_counter()
        with asked(api, url) as stream:
            for event in recorder.tee(stream, ahead=ahead):
                api.hear(heard, event)
                first_ms = first_ms or (time.perf_counter() - started) * 1000 * bool(heard.texts)
    return Read(heard, recorder.message, first_ms)


async def read_async(api: Api, url: str, folder: str, *, ahead: bool) -> Read:
    """Record one response of the async client."""
    heard, first_ms = Heard(), 0.0
    async with record(folder, request=api.request) as recorder:
        started = time.perf_counter()
        async with asked_async(api, url) as stream:
            async for event in recorder.tee(stream, ahead=ahead):
                api.hear(heard, event)
                first_ms = first_ms or (time.perf_counter() - started) * 1000 * bool(heard.texts)
    return Read(heard, recorder.message, first_ms)


def report(name: str, how: str, result: Read) -> bool:
    """Print a row; whether what was recorded is what the client read."""
    heard, response = result.heard, result.message.streaming_response
    if response is None or response.usage is None:
        print(f"{name:18} {how:12} no usage was recorded")
        return False
    tokens = (response.usage.prompt_tokens, response.usage.completion_tokens)
    is_same = [chunk.delta for chunk in response.chunks] == heard.texts and tokens == (
        heard.n_prompt,
        heard.n_completion,
    )
    print(
        f"{name:18} {how:12} {len(response.chunks):7} {len(response.content):6} {tokens[0]:>4}+{tokens[1]:<4} "
        f"{response.figures['ttft_ms']:8.2f} {result.first_ms:8.2f}  {response.finish_reason}"
        f"{'' if is_same else '  DIFFERS from what the client read'}"
    )
    return is_same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
