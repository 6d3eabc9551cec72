"""The routes of contexts: pages of them, one of them, new ones, and messages added to them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from chatkit import sse
from chatkit.errors import StoreBusyError
from chatkit.models import Message
from chatkit.server.access import Access
from chatkit.server.app import create_app
from chatkit.store import Store
from tests.server.conftest import TOKEN
from tests.server.recordings import MISSING
from tests.store.trees import SINGLE_FILES, SPLIT_FOLDERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import Asking

Conversation = tuple[Store, Message, Message]


def pages(asking: Asking, limit: int) -> list[dict[str, Any]]:
    """Every page, from the first to the last."""
    found = [asking.get(f"/api/contexts?limit={limit}").json()]
    while found[-1]["next_cursor"] is not None:
        found.append(asking.get(f"/api/contexts?limit={limit}&cursor={found[-1]['next_cursor']}").json())
    return found


def test_contexts_come_in_pages_the_newest_first(asking: Asking, conversation: Conversation) -> None:
    store = conversation[0]
    made = [conversation[1].context_id, *(store.create_context(title=f"Number {n}").context_id for n in range(6))]
    found = pages(asking, 3)
    assert [len(page["contexts"]) for page in found] == [3, 3, 1]
    assert [context["context_id"] for page in found for context in page["contexts"]] == made[::-1]


def test_a_page_holds_metadata_and_no_messages(asking: Asking, conversation: Conversation) -> None:
    listed = asking.get("/api/contexts").json()["contexts"][0]
    assert listed.keys() == {"context_id", "current_state", "metadata"}
    assert listed["metadata"]["title"] == "Known times"
    assert listed["context_id"] == conversation[1].context_id


def test_a_context_made_while_one_turns_pages_moves_nothing(asking: Asking, conversation: Conversation) -> None:
    store = conversation[0]
    for number in range(3):
        store.create_context(title=f"Number {number}")
    first = asking.get("/api/contexts?limit=2").json()
    store.create_context(title="Meanwhile")
    second = asking.get(f"/api/contexts?limit=2&cursor={first['next_cursor']}").json()
    assert [context["metadata"]["title"] for context in second["contexts"]] == ["Number 0", "Known times"]


def test_a_context_tells_its_messages_and_opens_none(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    folder = store.context(question.context_id).folder()
    folder.message_file(answer.message_id).write_text("no JSON at all", encoding="utf-8")
    told = asking.get(f"/api/contexts/{question.context_id}").json()
    assert told["message_ids"] == [question.message_id, answer.message_id]
    assert told["current_state"] == "idle"
    assert told["metadata"]["title"] == "Known times"


def test_a_context_can_be_made(asking: Asking, conversation: Conversation) -> None:
    made = asking.post("/api/contexts", json={"title": "New", "metadata": {"scenario": "idle"}})
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/contexts/{made.json()['context_id']}"
    context = Store(conversation[0].path).context(made.json()["context_id"])
    assert (context.title, context.metadata.metadata) == ("New", {"scenario": "idle"})
    assert asking.get(made.headers["location"]).json() == made.json()


def test_a_context_can_say_what_an_upstream_is_asked(asking: Asking, conversation: Conversation) -> None:
    asked = {"model": "m", "parameters": {"max_tokens": 9}, "system_prompt": "Be brief."}
    context_id = asking.post("/api/contexts", json=asked).json()["context_id"]
    metadata = Store(conversation[0].path).context(context_id).metadata
    assert (metadata.config.model_id, metadata.config.parameters) == ("m", {"max_tokens": 9})
    assert metadata.branches["main"].system_prompt == "Be brief."


def test_a_message_can_be_added(asking: Asking, conversation: Conversation) -> None:
    store, question, answer = conversation
    content = "Zwei Zeilen,\nein \U0001f600 und </script>"
    made = asking.post(f"/api/contexts/{question.context_id}/messages", json={"content": content})
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/messages/{made.json()['message_id']}"
    message = Store(store.path).message(made.json()["message_id"])
    assert (message.role, message.content, message.parent_id) == ("user", content, answer.message_id)
    assert asking.get(made.headers["location"]).json() == message.to_dict()


def test_what_another_process_writes_is_there_at_once(asking: Asking, conversation: Conversation) -> None:
    asking.get("/api/contexts")
    elsewhere = Store(conversation[0].path)
    context = elsewhere.create_context(title="From elsewhere")
    message = context.append_message(Message.from_text("Hello"))
    assert asking.get("/api/contexts?limit=1").json()["contexts"][0]["context_id"] == context.context_id
    assert asking.get(f"/api/contexts/{context.context_id}").json()["message_ids"] == [message.message_id]
    assert asking.get(f"/api/messages/{message.message_id}").json()["text"] == {"content": "Hello"}
    assert asking.get(f"/api/messages/batch?ids={message.message_id}").json()["missing"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1_0",
        "cursor=x",
        "cursor=1_2",
        "cursor=",
        f"cursor={MISSING}",
        f"cursor=9999999999999999999_{MISSING}",
    ],
)
def test_a_bad_page_is_refused(asking: Asking, query: str) -> None:
    refused = asking.get(f"/api/contexts?{query}")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "context_id",
    ["x", MISSING[:8], MISSING.upper().replace("0", "A"), f"{MISSING}%0A", "..%2f..%2fetc", "%2e%2e", f"{MISSING}0"],
)
def test_what_is_no_id_is_refused_before_it_is_looked_for(asking: Asking, context_id: str) -> None:
    for path in ("", "/sse"):
        assert asking.get(f"/api/contexts/{context_id}{path}").status_code in {404, 422}
    assert asking.get(f"/api/contexts/{MISSING}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'{"content": 1}', b'{"content": null}', b"{}",
        b'{"content": "x", "role": "nobody"}', b'{"content": "x", "more": 1}', b'{"content": "x", "metadata": []}',
        b'{"content": "x", "metadata": {"a": NaN}}',
        b"\xff", b'{"content": "x", "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
    ids=range(13),
)  # fmt: skip
def test_a_bad_body_is_refused_and_nothing_is_stored(asking: Asking, conversation: Conversation, body: bytes) -> None:
    path = f"/api/contexts/{conversation[1].context_id}/messages"
    refused = asking.post(path, content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code in {400, 422}
    assert refused.headers["content-type"] == "application/problem+json"
    assert len(conversation[0].context(conversation[1].context_id).message_ids) == 2


def test_an_unknown_context_takes_no_message(asking: Asking) -> None:
    assert asking.post(f"/api/contexts/{MISSING}/messages", json={"content": "x"}).status_code == 404


def test_a_method_that_a_route_does_not_have_is_refused(asking: Asking) -> None:
    refused = asking("DELETE", "/api/contexts")
    assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")
    assert "GET" in refused.headers["allow"]


@pytest.mark.filterwarnings("ignore::chatkit.CorruptFileWarning")
@pytest.mark.parametrize("root", [SINGLE_FILES, SPLIT_FOLDERS])
def test_an_old_format_is_served_and_not_written_to(asking: Asking, root: Path) -> None:
    asking.app = create_app(Store(root), access=Access("127.0.0.1", 8765, TOKEN))
    contexts = asking.get("/api/contexts?limit=200").json()["contexts"]
    assert len(contexts) == len(Store(root).contexts())
    path = f"/api/contexts/{contexts[0]['context_id']}"
    assert asking.get(path).status_code == 200
    refused = asking.post(f"{path}/messages", json={"content": "x"})
    assert refused.status_code == 409
    assert "migrate" in refused.json()["detail"]
    assert asking.post("/api/contexts", json={}).status_code == 409


def test_a_store_behind_a_url_is_served_and_neither_followed_nor_written_to(
    asking: Asking, conversation: Conversation, tmp_path: Path
) -> None:
    store, _, answer = conversation
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", store.path)
    asking.app = create_app(Store(f"zip::file://{archive}"), access=Access("127.0.0.1", 8765, TOKEN))
    (context,) = asking.get("/api/contexts").json()["contexts"]
    path = f"/api/contexts/{context['context_id']}"
    assert asking.get(path).json()["message_ids"] == store.context(answer.context_id).message_ids
    replayed = sse.decode(asking.get(f"/api/messages/{answer.message_id}/replay?speed=0").content)
    assert "".join(json.loads(event.data).get("delta", "") for event in replayed) == answer.content
    followed, written = asking.get(f"{path}/sse"), asking.post(f"{path}/messages", json={"content": "x"})
    assert (followed.status_code, written.status_code) == (409, 409)
    assert "can't be followed" in followed.json()["detail"]
    assert "only read" in written.json()["detail"]


def test_a_context_that_another_writer_holds_can_be_tried_again(
    asking: Asking, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise StoreBusyError("another writer holds it")

    monkeypatch.setattr("chatkit.store.context.append", busy)
    refused = asking.post(f"/api/contexts/{conversation[1].context_id}/messages", json={"content": "x"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_a_fault_of_the_server_is_told_without_its_inside(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the inside")

    monkeypatch.setattr("chatkit.server.context_routes._page", fail)
    refused = asking.get("/api/contexts")
    assert (refused.status_code, refused.headers["content-type"]) == (500, "application/problem+json")
    assert "the inside" not in refused.text
    assert "ZeroDivisionError" in caplog.text
