"""A recording of a replay of a recording is the recording: proxy, replay and proxy again lose nothing on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

import chatkit as ck
from chatkit.server.proxy import Proxy, upstream_url
from chatkit.store import Store
from tests.capture.sdks import APIS, Heard, asked
from tests.capture.server import serving
from tests.server.proxy.upstreams import listening, response_of, responses_in

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}


@pytest.mark.parametrize("name", ROUTES)
def test_a_replay_through_the_proxy_is_what_was_recorded(name: str, tmp_path: Path) -> None:
    api, first, second = APIS[name], Store.create(tmp_path / "first"), Store.create(tmp_path / "second")
    with (
        serving(api.events, gap_s=0.004) as model,
        listening(Proxy(upstream_url(model), first)) as url,
        asked(api, url) as stream,
    ):
        for event in stream:
            api.hear(Heard(), event)
    (original,) = responses_in(first)
    with ck.serve(first) as server, listening(Proxy(upstream_url(server.url), second)) as url:
        request = {**api.request, "model": f"replay:{original.message_id}", "stream": True}
        key = {"Authorization": f"Bearer {server.token}"}
        ways = [httpx.post(f"{where}/v1/{ROUTES[name]}", json=request, headers=key) for where in (server.url, url)]
        (again,) = responses_in(second)
    assert ways[0].content == ways[1].content == b"".join(api.events)
    before, after = response_of(original), response_of(again)
    assert [chunk.delta for chunk in after.chunks] == [chunk.delta for chunk in before.chunks]
    assert (after.usage, after.finish_reason, after.model) == (before.usage, before.finish_reason, before.model)
    assert after.figures["streaming_ms"] == pytest.approx(before.figures["streaming_ms"], rel=0.2, abs=50)
