"""What passes the proxy is not changed, whatever it is; and nobody else gets in."""

from __future__ import annotations

import gzip
import http.client
import json
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from chatkit.server.access import Access, Guard
from chatkit.server.proxy import refuse, upstream_url
from tests.server.proxy.upstreams import CHAT, Exchange, asking, chat, listening, proxied, says

if TYPE_CHECKING:
    from pathlib import Path


def test_any_request_and_answer_pass_byte_for_byte(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 1200

    def answer(exchange: Exchange) -> None:
        exchange.begin(
            "Set-Cookie: a=1",
            "Set-Cookie: b=2",
            "X-Own: yes",
            "Connection: close, X-Hop",
            "X-Hop: gone",
            status="207 Multi-Status",
            kind="application/octet-stream",
        )
        for start in range(0, len(noise), 70_000):
            exchange.send(noise[start : start + 70_000])
        exchange.end()

    with proxied(tmp_path / "store", answer) as through:
        target = "/a%2Fb/ü?q=1&q=%20&r".replace("ü", "%C3%BC")
        got = httpx.put(
            through.url + target, content=noise[::-1], headers={"X-Mine": "kept", "Authorization": "Bearer k"}
        )
        (sent,) = through.upstream.exchanges
        assert (sent.target, sent.body) == (target, noise[::-1])
        assert sent.head.startswith(b"PUT ")
        assert (sent.headers["x-mine"], sent.headers["authorization"]) == ("kept", "Bearer k")
        assert sent.headers["accept-encoding"] == "identity"
        assert sent.headers["host"] == through.upstream.url.removeprefix("http://")
        assert (got.status_code, got.content) == (207, noise)
        assert got.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert (got.headers["x-own"], "x-hop" in got.headers) == ("yes", False)
        assert through.store.contexts() == []


def test_a_compressed_answer_reaches_its_client_as_it_is_and_the_recorder_decoded(tmp_path: Path) -> None:
    events = b"".join(
        f'data: {{"choices": [{{"index": 0, "delta": {{"content": "{n}"}}}}]}}\n\n'.encode() for n in range(9)
    )
    packed = gzip.compress(events)

    def answer(exchange: Exchange) -> None:
        exchange.begin("Content-Encoding: gzip")
        exchange.send(packed[:40])
        exchange.send(packed[40:])
        exchange.end()

    with (
        proxied(tmp_path / "store", answer) as through,
        httpx.stream("POST", through.url + CHAT, json=asking(("user", "Count."))) as got,
    ):
        assert b"".join(got.iter_raw()) == packed
        assert through.responses()[0].content == "012345678"


def test_a_request_without_body_and_one_in_pieces_pass(tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.begin(kind="application/json")
        exchange.send(json.dumps({"length": exchange.headers.get("transfer-encoding")}).encode())
        exchange.end()

    with proxied(tmp_path / "store", answer) as through:
        assert httpx.get(through.url + "/v1/models").json() == {"length": None}
        assert httpx.post(through.url + "/x", content=iter([b"one", b"two"])).json() == {"length": "chunked"}
        pieces = through.upstream.exchanges[1].body.split(b"\r\n")[1::2]
        assert b"".join(pieces) == b"onetwo"


def test_a_body_nested_too_deep_to_be_parsed_passes_like_any_other(tmp_path: Path) -> None:
    body = b'{"stream": true, "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with proxied(tmp_path / "store", says("Hello")) as through:
        got = httpx.post(through.url + CHAT, content=body)
        assert (got.status_code, got.content[: len(chat("Hello"))]) == (200, chat("Hello"))
        assert through.upstream.exchanges[0].body == body
        assert through.store.contexts() == []


def test_an_upstream_that_refuses_is_a_502_that_clients_can_read(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", says("never")) as through:
        through.upstream.close()
        through.upstream.close = lambda: None  # type: ignore[method-assign]
        got = httpx.post(through.url + CHAT, json=asking(("user", "Hello?")))
        assert got.status_code == 502
        assert got.headers["content-type"] == "application/problem+json"
        assert "is it running?" in got.json()["detail"]
        assert got.json()["error"]["message"] == got.json()["detail"]
        assert through.store.contexts() == []


def test_a_target_that_is_no_path_is_a_400_that_clients_can_read(tmp_path: Path) -> None:
    """``OPTIONS *`` is of the server as a whole (RFC 9110, section 9.3.7): nothing that a base URL can stand before."""
    with proxied(tmp_path / "store", says("never")) as through:
        host, port = through.url.removeprefix("http://").split(":")
        with closing(http.client.HTTPConnection(host, int(port))) as connection:
            connection.request("OPTIONS", "*")
            got = connection.getresponse()
            problem = json.loads(got.read())
        assert (got.status, got.headers["content-type"]) == (400, "application/problem+json")
        assert problem["detail"].startswith(f"*: nothing that can be asked of {through.upstream.url}: ")
        assert "ask a path such as /v1/chat/completions" in problem["detail"]
        assert problem["error"]["message"] == problem["detail"]
        assert through.upstream.exchanges == []


def test_a_foreign_page_or_host_may_not_use_the_proxy(tmp_path: Path) -> None:
    with proxied(tmp_path / "store", says("x")) as through:
        guarded = Guard(through.proxy, Access("127.0.0.1", 1, None), refuse)
        with listening(guarded) as url, httpx.Client() as client:
            guarded.access = Access("127.0.0.1", int(url.rpartition(":")[2]), None)
            body = asking(("user", "Hi."))
            assert client.post(url + CHAT, json=body).status_code == 200
            assert client.post(url + CHAT, json=body, headers={"Origin": "http://evil.test"}).status_code == 403
            assert client.post(url + CHAT, json=body, headers={"Host": "evil.test"}).status_code == 403
            assert len(through.upstream.exchanges) == 1


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://x", "http://", "http://x/?k=1", "http://x:port"])
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="give"):
        upstream_url(url)
