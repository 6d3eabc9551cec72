"""Asks a real model's server through the recording proxy, by the providers' own clients, and compares.

    python tests/live/live_proxy.py http://127.0.0.1:18080

The server speaks the APIs of OpenAI (chat completions, responses) and Anthropic (messages), as llama.cpp's does.
What the client read, what was recorded, and the raw events that were kept must say the same; and of the same request
sent twice, with a fixed seed, directly and through the proxy, the bytes must differ in ids and times alone.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests are no package that is installed

from chatkit.formats.recording import Recording
from chatkit.server.proxy import Proxy, upstream_url
from chatkit.store import Store
from tests.capture.sdks import APIS, Api, Heard, asked
from tests.live.live_sdks import NOT_HERE
from tests.server.proxy.upstreams import listening, response_of, responses_in

_OWN = re.compile(
    rb'"(?:id|item_id|response_id|created|created_at)":("[^"]*"|[\d.]+)|"timings":\{[^}]*\}|"completed_at":[\d.]+'
)
"""What a server says anew each time."""


def main(url: str) -> int:
    """Ask by every API, print what came, and return how many differ."""
    print(f"{'API':18} {'chunks':>7} {'tokens':>9} {'TTFT ms':>8} {'loop':>8}  finish")
    n_bad = 0
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder) / "store")
        with listening(Proxy(upstream_url(url), store)) as through:
            for n_before, (name, api) in enumerate((n, a) for n, a in APIS.items() if n not in NOT_HERE):
                n_bad += not compare(name, api, through, store, n_before)
            n_bad += not is_passed_unchanged(url, through)
    print("everything equal" if n_bad == 0 else f"{n_bad} differ")
    return n_bad


def compare(name: str, api: Api, through: str, store: Store, n_before: int) -> bool:
    """Ask once; whether client, recording and raw events say the same."""
    heard, first_ms = Heard(), 0.0
    started = time.perf_counter()
    with asked(api, through) as stream:
        for event in stream:
            api.hear(heard, event)
            first_ms = first_ms or (time.perf_counter() - started) * 1000 * bool(heard.texts)
    message = responses_in(store, n_before + 1)[-1]
    response, context = response_of(message), store.context_of(message.message_id)
    if response.usage is None or context is None:
        print(f"{name:18} no usage was recorded")
        return False
    kept = Recording(context.folder().events_file(message.message_id)).responses()[0]
    tokens = (response.usage.prompt_tokens, response.usage.completion_tokens)
    is_same = (
        [chunk.delta for chunk in response.chunks] == heard.texts
        and tokens == (heard.n_prompt, heard.n_completion)
        and kept.chunks == response.chunks
    )
    print(
        f"{name:18} {len(response.chunks):7} {tokens[0]:>4}+{tokens[1]:<4} {response.figures['ttft_ms']:8.2f} "
        f"{first_ms:8.2f}  {response.finish_reason}{'' if is_same else '  DIFFERS'}"
    )
    return is_same


def is_passed_unchanged(direct: str, through: str) -> bool:
    """Whether the same request gives the same bytes both ways."""
    request = {**APIS["chat"].request, "stream": True, "seed": 7, "temperature": 0, "cache_prompt": False}
    ways = [
        _OWN.sub(b"", httpx.post(f"{url}/v1/chat/completions", json=request, timeout=60).content)
        for url in (direct, through)
    ]
    print(f"the same request, directly and through the proxy: {len(ways[0]):,} and {len(ways[1]):,} bytes")
    return ways[0] == ways[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
