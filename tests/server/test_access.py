"""Who may ask, and who may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from chatkit.server.access import MOST_BODY_BYTES, Access, is_loopback, new_token
from chatkit.server.app import create_app
from tests.server.conftest import ORIGIN, TOKEN

if TYPE_CHECKING:
    from chatkit.models import Message
    from chatkit.store import Store
    from tests.server.conftest import Asking

CONTEXTS = "/api/contexts"


def test_the_token_opens_every_route(asking: Asking) -> None:
    assert asking.get(CONTEXTS).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": "", "Cookie": "chatkit_8765=wrong"},
        {"Authorization": "", "Cookie": f"chatkit_9999={TOKEN}"},
        {"Authorization": "", "X-Api-Key": "wrong"},
        {"Authorization": "Bearer tök\u20acn".encode()},
    ],
)
def test_what_is_not_the_token_opens_nothing(asking: Asking, headers: dict[str, str]) -> None:
    refused = asking.get(CONTEXTS, headers=headers)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"


def test_without_the_token_nothing_is_told_whatever_the_path(asking: Asking) -> None:
    paths = ("/", "/docs", "/openapi.json", "/page/module.js", "/nowhere", "/v1/models", "/health", "//", CONTEXTS)
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert {asking(method, path, headers={"Authorization": ""}).status_code for path in paths} == {401}


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"bearer {TOKEN}"},
        {"Authorization": "", "Cookie": f"other=1; chatkit_8765={TOKEN}"},
        {"Authorization": "", "X-Api-Key": TOKEN},
    ],
)
def test_the_token_may_come_as_a_program_or_a_browser_sends_it(asking: Asking, headers: dict[str, str]) -> None:
    assert asking.get(CONTEXTS, headers=headers).status_code == 200


def test_the_printed_link_leaves_a_cookie_and_leads_to_the_page(asking: Asking) -> None:
    answer = asking.get(f"/?token={TOKEN}", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"] == f"chatkit_8765={TOKEN}; HttpOnly; Path=/; SameSite=strict"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/?token=wrong"),
        ("GET", f"/?token={TOKEN}&token={TOKEN}"),
        ("GET", f"{CONTEXTS}?token={TOKEN}"),
        ("POST", f"/?token={TOKEN}"),
    ],
)
def test_the_link_is_good_for_nothing_else(asking: Asking, method: str, path: str) -> None:
    assert asking(method, path, headers={"Authorization": ""}).status_code == 401


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:9999", "localhost:8765",
        "127.0.0.1:8765.evil.example", "evil@127.0.0.1:8765", "", "[::1]:8765", "127.0.0.1:08765", "127.1:8765",
    ],
)  # fmt: skip
def test_another_host_than_the_bound_one_is_refused(asking: Asking, host: str) -> None:
    """So that a name that was made to point here (DNS rebinding) reads nothing."""
    refused = asking.get(CONTEXTS, headers={"Host": host})
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"


def test_two_host_headers_are_refused(asking: Asking) -> None:
    headers = httpx.Headers(
        [("Host", "127.0.0.1:8765"), ("Host", "127.0.0.1:8765"), ("Authorization", f"Bearer {TOKEN}")]
    )

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(asking.app), base_url=ORIGIN) as client:
            return await client.get(CONTEXTS, headers=headers)

    assert asking.runner.run(ask()).status_code == 400


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:9999",
        "https://127.0.0.1:8765",
        "http://localhost:8765",
        "null",
        "",
        "file://",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_foreign_origin_is_refused(asking: Asking, method: str, origin: str) -> None:
    assert asking(method, CONTEXTS, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "anything"])
def test_a_request_that_another_site_makes_a_browser_send_is_refused(asking: Asking, site: str) -> None:
    assert asking.get(CONTEXTS, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert asking.get(f"/?token={TOKEN}", headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_and_the_address_bar_may_ask(asking: Asking, site: str) -> None:
    assert asking.get(CONTEXTS, headers={"Sec-Fetch-Site": site, "Origin": ORIGIN}).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread(asking: Asking) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(MOST_BODY_BYTES + 1)}
    refused = asking.post(CONTEXTS, content=b"{}", headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_in_pieces_is_refused_when_it_becomes_too_large(asking: Asking) -> None:
    async def pieces() -> object:
        for _ in range(MOST_BODY_BYTES // 2**20 + 2):
            yield b" " * 2**20

    refused = asking.post(CONTEXTS, content=pieces(), headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("size", ["-1", "many", "1e3"])
def test_a_size_that_is_no_number_is_refused(asking: Asking, size: str) -> None:
    assert asking.post(CONTEXTS, content=b"{}", headers={"Content-Length": size}).status_code in {400, 413}


def test_a_person_without_the_token_reads_what_to_do(asking: Asking) -> None:
    refused = asking.get("/", headers={"Authorization": "", "Accept": "text/html,*/*"})
    assert refused.status_code == 401
    assert "open the link" in refused.text
    assert refused.headers["content-security-policy"] == "default-src 'none'"


def test_what_is_refused_is_not_taken_for_markup(asking: Asking) -> None:
    refused = asking.get("/", headers={"Host": "<b>x</b>", "Accept": "text/html"})
    assert refused.status_code == 403
    assert "&lt;b&gt;" in refused.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::", "my-machine", ""])  # noqa: S104 - is refused
def test_without_a_token_only_this_machine_may_ask(host: str) -> None:
    with pytest.raises(ValueError, match="without a token"):
        Access(host, 8765, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(
    conversation: tuple[Store, Message, Message], asking: Asking, host: str
) -> None:
    access = Access(host, 8765, None)
    asking.app = create_app(conversation[0], access=access)
    at_home = {"Host": access.origin.removeprefix("http://"), "Authorization": ""}
    assert asking.get(CONTEXTS, headers=at_home).status_code == 200
    assert asking.get(CONTEXTS, headers={**at_home, "Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.20:8765", 200),
        ("localhost:8765", 200),
        ("[fe80::1]:8765", 200),
        ("evil.example:8765", 403),
        ("192.168.1.20", 403),
    ],
)
def test_bound_to_every_address_any_address_will_do_but_no_name(
    conversation: tuple[Store, Message, Message], asking: Asking, host: str, status: int
) -> None:
    asking.app = create_app(conversation[0], access=Access("0.0.0.0", 8765, TOKEN))  # noqa: S104 - does not listen
    assert asking.get(CONTEXTS, headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("host", "port", "link"),
    [
        ("127.0.0.1", 8765, "http://127.0.0.1:8765/?token=t"),
        ("::1", 8765, "http://[::1]:8765/?token=t"),
        ("127.0.0.1", 80, "http://127.0.0.1/?token=t"),
        ("0.0.0.0", 8765, "http://127.0.0.1:8765/?token=t"),  # noqa: S104 - does not listen
    ],
)
def test_the_link_can_be_opened(host: str, port: int, link: str) -> None:
    assert Access(host, port, "t").link == link


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


def test_loopback_is_known_by_address_and_name() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")] == [  # noqa: S104
        True, True, True, False, False,
    ]  # fmt: skip
