"""The comparison finds every place where the target says something else than the source."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.errors import FormatError
from chatkit.models import Message
from chatkit.store import Store
from chatkit.store.migration import migrate, verify_migration
from tests.migration.sources import CUT_OFF, OLDEST, STILL_STREAMING, STREAMING_MESSAGE, change_json
from tests.store.trees import filled, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def target(source: Path) -> Path:
    """The source, migrated."""
    migrate(source)
    return source.with_name("source.chatkit")


def response_path(target: Path) -> Path:
    return target / "contexts" / STILL_STREAMING / "messages" / f"{STREAMING_MESSAGE}.json"


def test_an_untouched_target_is_equal_and_everything_was_compared(source: Path, target: Path) -> None:
    before = snapshot(target)
    found = verify_migration(source)
    assert snapshot(target) == before
    assert found.is_equal
    assert (found.n_contexts, found.n_messages) == (2, 8)
    pool = source / "contexts" / STILL_STREAMING / "messages_pool"
    data = [json.loads(path.read_bytes())["message"].get("rich_type", {}).get("data", {}) for path in pool.iterdir()]
    assert found.n_chunks == sum(len(answer.get("chunks", [])) for answer in data)
    assert found.unreadable == [f"conversations/{CUT_OFF}.json"]


TAMPERING: dict[str, tuple[Callable[[Any], object], str]] = {
    "a delta": (lambda chunks: chunks[4].update(delta="!"), "streaming_response.chunks.4.delta"),
    "a time, by a µs": (
        lambda chunks: chunks[4].update(timestamp=chunks[4]["timestamp"][:-2] + "9Z"),
        "streaming_response.chunks.4.timestamp",
    ),
    "a kind": (lambda chunks: chunks[4].update(kind="reasoning"), "streaming_response.chunks.4.kind"),
    "a chunk less": (lambda chunks: chunks.pop(), "streaming_response.chunks"),
    "two chunks changed places": (
        lambda chunks: chunks.insert(3, chunks.pop(4)),
        "streaming_response.chunks.3.sequence",
    ),
}


@pytest.mark.parametrize(("tamper", "where"), TAMPERING.values(), ids=list(TAMPERING))
def test_a_chunk_that_was_tampered_with_is_found(
    source: Path, target: Path, tamper: Callable[[Any], object], where: str
) -> None:
    change_json(response_path(target), lambda content: tamper(content["streaming_response"]["chunks"]))
    found = verify_migration(source)
    assert not found.is_equal
    assert {difference.message_id for difference in found.differences} == {STREAMING_MESSAGE}
    assert found.differences[0].where == where


@pytest.mark.parametrize(
    "change", [{"role": "tool"}, {"branch": "other"}, {"position": 2}, {"parent_id": None}, {"created_at": None}]
)
def test_what_a_message_says_of_itself_is_compared(source: Path, target: Path, change: dict[str, Any]) -> None:
    change_json(response_path(target), lambda content: content.update(change))
    assert [difference.where for difference in verify_migration(source).differences] == list(change)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"title": "Other"}, "title"),
        ({"current_state": "idle"}, "current_state"),
        ({"active_branch_name": "other"}, "active_branch_name"),
        ({"config": {"mode": "other"}}, "config.model_id"),
        ({"auto_generate_title": False}, "auto_generate_title"),
        ({"branches": {}}, "branches.main"),
    ],
)
def test_what_a_context_says_of_itself_is_compared(
    source: Path, target: Path, change: dict[str, Any], where: str
) -> None:
    change_json(target / "contexts" / STILL_STREAMING / "metadata.json", lambda content: content.update(change))
    found = verify_migration(source).differences
    assert (found[0].context_id, found[0].where) == (STILL_STREAMING, where)


def test_a_missing_message_is_found(source: Path, target: Path) -> None:
    response_path(target).unlink()
    [difference] = verify_migration(source).differences
    assert str(difference) == f"message {STREAMING_MESSAGE}: file: there in the source, missing in the target"


def test_a_damaged_message_is_found(source: Path, target: Path) -> None:
    response_path(target).write_bytes(b"{")
    [difference] = verify_migration(source).differences
    assert (difference.message_id, difference.where) == (STREAMING_MESSAGE, "line 1 column 2")


def test_a_missing_context_is_found(source: Path, target: Path) -> None:
    shutil.rmtree(target / "contexts" / OLDEST)
    [difference] = verify_migration(source).differences
    assert (difference.context_id, difference.where) == (OLDEST, "metadata.json")


def test_another_order_of_the_index_is_found(source: Path, target: Path) -> None:
    change_json(target / "contexts" / OLDEST / "index.json", lambda content: content["messages"].reverse())
    [difference] = verify_migration(source).differences
    assert difference.where == "index.json: place 0"


def test_a_message_that_was_added_in_the_target_is_named_and_no_difference(source: Path, target: Path) -> None:
    added = Store(target).context(OLDEST).append_message(Message.from_text("Only here."))
    found = verify_migration(source)
    assert found.is_equal
    assert found.only_in_target == [added.message_id]


def test_a_copied_file_that_is_no_message_is_compared_too(source: Path) -> None:
    own = filled(source / "data")
    [folder] = (own.path / "contexts").iterdir()
    name = "messages/00000003-0000-4000-8000-00000000000a.events.jsonl"
    (folder / name).write_bytes(b'{"raw": 1}\n')
    migrate(source)
    copied = source.with_name("source.chatkit") / "contexts" / folder.name / name
    copied.write_bytes(b'{"raw": 2}\n')
    assert [difference.where for difference in verify_migration(source).differences] == [name]
    copied.unlink()
    assert [difference.target for difference in verify_migration(source).differences] == ["missing"]


def test_there_is_nothing_to_compare_where_nothing_was_migrated(source: Path) -> None:
    with pytest.raises(FormatError, match="no migration"):
        verify_migration(source)
