"""The providers' own clients notice nothing of the proxy, and what is recorded is what they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chatkit.formats.recording import Recording
from chatkit.server.proxy import Proxy, upstream_url
from chatkit.store import Store
from tests.capture.sdks import APIS, Heard, asked
from tests.capture.server import serving
from tests.server.proxy.upstreams import listening, response_of, responses_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", APIS)
def test_what_a_provider_s_client_reads_is_recorded(name: str, tmp_path: Path) -> None:
    api = APIS[name]
    store = Store.create(tmp_path / "store")
    heard = Heard()
    with serving(api.events, gap_s=0.001) as upstream, listening(Proxy(upstream_url(upstream), store)) as url:
        with asked(api, url) as stream:
            for event in stream:
                api.hear(heard, event)
        (message,) = responses_in(store)
    response = response_of(message)
    assert [chunk.delta for chunk in response.chunks] == heard.texts
    assert response.usage is not None
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (heard.n_prompt, heard.n_completion)
    assert response.status == "complete"
    context = store.context_of(message.message_id)
    assert context is not None
    raw = Recording(context.folder().events_file(message.message_id))
    assert [event.event for event in raw.events] == [event.decode().rstrip("\n") for event in api.events]
