"""The page in a browser: looking, playing, listening; and pages from elsewhere, which get nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chatkit.models import Message
from chatkit.server import Server, serve
from chatkit.store import Store
from tests.server.pages import foreign_page, served_behind_a_cut
from tests.server.recordings import response_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

Conversation = tuple[Store, Message, Message]

pytestmark = pytest.mark.browser
HOSTILE = '<img src=x onerror="window.hurt = 1"><script>window.hurt = 2</script>'


@pytest.fixture
def server(conversation: Conversation) -> Iterator[Server]:
    with serve(conversation[0]) as running:
        yield running


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    """A tab on the page, in which an error of a script, and a request to elsewhere, fail the test."""
    context = chromium.new_context(viewport={"width": 1000, "height": 700})
    tab = context.new_page()
    tab.set_default_timeout(15_000)
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda said: faults.append(said.text) if said.type in {"error", "warning"} else None)
    tab.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith(server.url) else None)
    tab.goto(server.link)
    yield tab
    context.close()
    assert [fault for fault in faults if not fault.startswith("data:")] == []


def test_a_response_is_chosen_and_played_by_keyboard_alone(page: Page, conversation: Conversation) -> None:
    page.get_by_role("link", name="Known times").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Play the response").focus()
    page.keyboard.press("Enter")
    player = page.get_by_role("group", name="Replay of a-model")
    player.wait_for()
    page.keyboard.press("End")
    page.locator(".ck-text", has_text=conversation[2].content.strip()).wait_for()


def test_axe_finds_nothing(chromium: Browser, server: Server) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
        tab = context.new_page()
        tab.goto(server.link)
        tab.get_by_role("link", name="Known times").click()
        tab.get_by_role("button", name="Play the response").click()
        tab.locator(".ck-player").wait_for()
        found = [axe.run(tab).response["violations"]]
        tab.goto(f"{server.url}/docs")
        found.append(axe.run(tab).response["violations"])
        context.close()
        assert found == [[], []]


def test_the_token_is_not_left_in_the_address(page: Page, server: Server) -> None:
    assert page.url == f"{server.url}/"


def test_what_others_wrote_is_text_and_never_markup(page: Page, conversation: Conversation) -> None:
    context = conversation[0].create_context(title=HOSTILE)
    context.append_message(Message.from_text(HOSTILE))
    context.append_message(Message.from_response(response_of([1], 2, deltas=[HOSTILE])))
    page.reload()
    page.get_by_role("link", name="onerror").click()
    page.get_by_role("button", name="Play the response").click()
    page.locator(".ck-player").wait_for()
    page.keyboard.press("End")
    page.locator(".ck-text", has_text=HOSTILE).wait_for()
    assert page.locator("h2").inner_text() == HOSTILE
    assert page.locator(".content").first.inner_text() == HOSTILE
    assert page.evaluate("window.hurt") is None


def test_long_conversations_and_many_contexts_come_page_by_page(page: Page, conversation: Conversation) -> None:
    store = conversation[0]
    long = store.create_context(title="A long one")
    long.append_messages([Message.from_text(f"Message {number}") for number in range(25)])
    for number in range(50):
        store.create_context(title=f"Short {number}")
    page.reload()
    page.get_by_role("link", name="Short 49").wait_for()
    assert page.get_by_role("link", name="A long one").count() == 0
    page.get_by_role("button", name="More contexts").click()
    page.get_by_role("link", name="A long one").click()
    page.get_by_text("Message 19", exact=True).wait_for()
    assert page.locator(".message").count() == 20
    page.get_by_role("button", name="More messages").click()
    page.get_by_text("Message 24", exact=True).wait_for()
    assert page.locator(".message").count() == 25


def test_what_is_written_meanwhile_shows_by_itself(page: Page, conversation: Conversation) -> None:
    page.get_by_role("link", name="Known times").click()
    page.get_by_role("button", name="Play the response").wait_for()
    stream = Store(conversation[0].path).open_stream(conversation[1].context_id, model="another")
    stream.append("Coming ")
    page.get_by_text("Coming", exact=True).wait_for()
    stream.append("in")
    page.get_by_text("Coming in", exact=True).wait_for()
    stream.finalize(finish_reason="stop")
    page.get_by_role("button", name="Play the response").nth(1).wait_for()


def test_a_damaged_message_is_said_to_be(page: Page, conversation: Conversation) -> None:
    store, question, answer = conversation
    store.context(question.context_id).folder().message_file(answer.message_id).write_text("{", encoding="utf-8")
    page.get_by_role("link", name="Known times").click()
    page.get_by_text("line 1 column 2").wait_for()
    page.get_by_text("Well?").wait_for()


def test_the_api_is_described_without_anything_from_elsewhere(page: Page) -> None:
    page.get_by_role("link", name="API").click()
    page.get_by_role("heading", name="GET /api/messages/{message_id}/replay").wait_for()
    page.get_by_role("heading", name="POST /v1/chat/completions").wait_for()


def test_on_a_narrow_screen_nothing_is_cut_off(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.get_by_role("link", name="Known times").click()
    page.get_by_role("button", name="Play the response").click()
    page.locator(".ck-player").wait_for()
    shown = page.evaluate("document.documentElement.scrollWidth")
    page.goto(f"{server.url}/docs")
    described = page.evaluate("document.documentElement.scrollWidth")
    assert (shown, described) == (320, 320)


PLAY = """
(path) => new Promise((resolve) => {
  const told = { ids: [], opened: 0, errors: 0 };
  const source = new EventSource(path);
  source.onopen = () => (told.opened += 1);
  source.onerror = () => (told.errors += 1);
  source.addEventListener("chunk", (event) => told.ids.push(event.lastEventId));
  source.addEventListener("done", (event) => {
    told.ids.push(event.lastEventId);
    if (!window.staysOpen) { source.close(); resolve(told); }
  });
  if (window.staysOpen) setInterval(() => source.readyState === 2 && resolve(told), 50);
})
"""
IDS = [str(number) for number in range(1, 102)]


def test_an_event_source_plays_to_the_end(page: Page, conversation: Conversation) -> None:
    told = page.evaluate(PLAY, f"/api/messages/{conversation[2].message_id}/replay?speed=20")
    assert told == {"ids": IDS, "opened": 1, "errors": 0}


def test_an_event_source_that_is_left_open_does_not_start_again(
    chromium: Browser, conversation: Conversation, server: Server
) -> None:
    """It asks again after three seconds, with the last id, and is told by a 204 to stop."""
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(server.link)
    tab.evaluate("window.staysOpen = true")
    told = tab.evaluate(PLAY, f"/api/messages/{conversation[2].message_id}/replay?speed=0")
    context.close()
    assert (told["ids"], told["opened"]) == (IDS, 1)


def test_a_cut_connection_goes_on_at_the_right_chunk(chromium: Browser, conversation: Conversation) -> None:
    with served_behind_a_cut(conversation[0], b"id: 37\n") as origin:
        context = chromium.new_context()
        tab = context.new_page()
        tab.goto(f"{origin}/docs")
        told = tab.evaluate(PLAY, f"/api/messages/{conversation[2].message_id}/replay?speed=4")
        context.close()
    assert told == {"ids": IDS, "opened": 2, "errors": 1}


ATTACK = """
async (server) => {
  const [origin, contextId, messageId] = server;
  const api = `${origin}/api/contexts`;
  const got = [];
  const body = JSON.stringify({ content: "from elsewhere" });
  const attempt = async (name, work) => got.push([name, await work().then((answer) => answer, () => "refused")]);
  const read = async (answer) => (answer.type === "opaque" ? "opaque" : `${answer.status} ${await answer.text()}`);
  await attempt("get", async () => read(await fetch(api)));
  await attempt("credentials", async () => read(await fetch(api, { credentials: "include" })));
  await attempt("post json", async () => read(await fetch(`${api}/${contextId}/messages`,
    { method: "POST", body, credentials: "include", headers: { "Content-Type": "application/json" } })));
  await attempt("post text", async () => read(await fetch(`${api}/${contextId}/messages`,
    { method: "POST", body, credentials: "include", mode: "no-cors" })));
  await attempt("events", () => new Promise((resolve, reject) => {
    const source = new EventSource(`${origin}/api/messages/${messageId}/replay?speed=0`, { withCredentials: true });
    source.addEventListener("chunk", (event) => resolve(event.data));
    source.onerror = () => { source.close(); reject(); };
  }));
  for (const tag of ["script", "img", "iframe"]) {
    await attempt(tag, () => new Promise((resolve, reject) => {
      const node = document.createElement(tag);
      node.onload = () => {
        let inside = null;
        try { inside = node.contentDocument?.body?.textContent ?? null; } catch { inside = null; }
        return tag === "iframe" && inside === null ? reject() : resolve(`loaded ${inside}`);
      };
      node.onerror = reject;
      node.src = tag === "script" ? `${origin}/page/module.js` : `${origin}/`;
      document.body.append(node);
    }));
  }
  return got;
}
"""


def test_a_page_from_elsewhere_can_neither_read_nor_write(
    chromium: Browser, conversation: Conversation, server: Server
) -> None:
    """Though the browser holds the cookie, and the other page is on the same host, behind another port."""
    store, question, answer = conversation
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(server.link)
    statuses: list[tuple[str, int]] = []
    with foreign_page() as elsewhere:
        tab.goto(elsewhere)
        tab.on("response", lambda got: statuses.append((got.url, got.status)))
        got: list[tuple[str, Any]] = tab.evaluate(ATTACK, [server.url, question.context_id, answer.message_id])
        context.close()
    assert {name: what for name, what in got if what not in {"refused", "opaque"}} == {}
    assert len(got) == 8
    asked = [status for url, status in statuses if url.startswith(server.url)]
    assert asked
    assert set(asked) <= {401, 403}
    assert len(Store(store.path).context(question.context_id).message_ids) == 2


def test_a_link_from_elsewhere_leads_nowhere_but_says_what_to_do(
    chromium: Browser, conversation: Conversation, server: Server
) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    with foreign_page() as elsewhere:
        tab.goto(elsewhere)
        tab.evaluate("(link) => { location.href = link; }", server.link)
        tab.get_by_text("into the address bar").wait_for()
        context.close()
    assert conversation[2].content not in server.link
