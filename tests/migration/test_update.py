"""Both go on: what is new in the source is brought over, and what was done in the target is never written over."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.models import Message
from chatkit.store import Store
from chatkit.store import migration as module
from chatkit.store.checking import check_store
from chatkit.store.migration import migrate, verify_migration
from tests.migration.sources import (
    CUT_OFF,
    ID,
    OLDEST,
    STILL_STREAMING,
    STREAMING_MESSAGE,
    add_to_single_file,
    change_json,
    finish_streaming,
    text_node,
    tree,
)
from tests.store.trees import SINGLE_FILES, age, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from chatkit.store.context import Context


@pytest.fixture
def target(source: Path) -> Path:
    """The source, migrated once."""
    migrate(source)
    return source.with_name("source.chatkit")


def conversation(source: Path) -> Path:
    return source / "conversations" / f"{OLDEST}.json"


def context_of(target: Path, context_id: str = OLDEST) -> Context:
    return Store(target).context(context_id)


def fresh(source: Path) -> dict[str, bytes | None]:
    """What a first migration of the source makes now."""
    migrate(source, source.with_name("fresh"))
    return tree(source.with_name("fresh"))


def test_an_update_makes_what_a_first_migration_makes(source: Path, target: Path) -> None:
    added = add_to_single_file(conversation(source), 1)
    finish_streaming(source)
    shutil.copy(SINGLE_FILES / "90c2a507-a879-5e51-aa99-39fbf495eaa2.json", source / "conversations")
    report = migrate(source, update=True)
    assert tree(target) == fresh(source)
    assert context_of(target).message_ids[-1] == added
    response = Store(target).message(STREAMING_MESSAGE).streaming_response
    assert response is not None
    assert (response.status, response.chunks[-1].delta) == ("complete", " End.")
    assert len(report.written) == 3


def test_a_file_that_was_damaged_and_is_whole_again_is_brought_over(source: Path, target: Path) -> None:
    whole = json.loads(conversation(source).read_bytes())
    whole["id"] = CUT_OFF
    (source / "conversations" / f"{CUT_OFF}.json").write_text(json.dumps(whole), encoding="utf-8")
    report = migrate(source, update=True)
    assert report.is_clean
    assert len(context_of(target, CUT_OFF).messages()) == 4


def test_an_update_without_changes_writes_nothing(source: Path, target: Path) -> None:
    before = snapshot(target)
    report = migrate(source, update=True)
    after = snapshot(target)
    assert {name for name in before if before[name] != after[name]} <= {".locks", ".locks/migration.lock"}
    assert report.written == []


def test_without_update_a_complete_target_is_left_as_it_is_and_changes_are_named(source: Path, target: Path) -> None:
    add_to_single_file(conversation(source), 1)
    before = snapshot(target)
    report = migrate(source)
    assert snapshot(target) == before
    assert report.written == [OLDEST]
    assert "--update brings the changes over" in report.to_text()


def test_a_message_that_was_added_in_the_target_stays_after_those_of_the_source(source: Path, target: Path) -> None:
    ours = context_of(target).append_message(Message.from_text("Only here."))
    theirs = add_to_single_file(conversation(source), 1)
    report = migrate(source, update=True)
    context = context_of(target)
    assert context.message_ids[-2:] == [theirs, ours.message_id]
    assert list(context.branches["main"].message_ids) == context.message_ids
    assert [message.position for message in context.messages()] == [0, 1, 2, 3, 4, 5]
    assert report.added == {OLDEST: [ours.message_id]}
    assert report.differences == []
    assert [finding.kind for finding in check_store(target)] == ["state"]  # of the other context, as in the source
    assert "Only in the target, kept: 1 message" in report.to_text()


def test_a_second_update_after_an_addition_writes_nothing_more(source: Path, target: Path) -> None:
    context_of(target).append_message(Message.from_text("Only here."))
    add_to_single_file(conversation(source), 1)
    migrate(source, update=True)
    before = tree(target)
    assert migrate(source, update=True).written == []
    assert tree(target) == before


def test_a_response_that_is_being_recorded_in_the_target_is_left_alone(source: Path, target: Path) -> None:
    store = Store(target)
    stream = store.open_stream(OLDEST, model="m")
    stream.append("Hel")
    theirs = add_to_single_file(conversation(source), 1)
    report = migrate(source, update=True)
    stream.append("lo")
    stream.finalize(finish_reason="stop")
    assert report.differences == []
    assert context_of(target).message_ids[-2:] == [theirs, stream.message_id]
    assert store.message(stream.message_id).content == "Hello"


def test_a_message_that_was_changed_in_the_target_is_kept_and_named(source: Path, target: Path) -> None:
    path = target / "contexts" / STILL_STREAMING / "messages" / f"{STREAMING_MESSAGE}.json"
    change_json(path, lambda content: content["metadata"].update(scenario="busy"))
    edited = path.read_bytes()
    finish_streaming(source)
    report = migrate(source, update=True)
    assert path.read_bytes() == edited
    assert report.kept == {STILL_STREAMING: [f"messages/{STREAMING_MESSAGE}.json"]}
    assert report.differences == []
    assert not verify_migration(source).is_equal  # it is not what the source says, after all
    assert "index" not in {finding.kind for finding in check_store(target)}


def test_a_title_of_the_target_and_a_state_of_the_source_are_both_kept(source: Path, target: Path) -> None:
    change_json(target / "contexts" / OLDEST / "metadata.json", lambda content: content.update(title="Mine"))
    change_json(conversation(source), lambda content: content.update(current_state="AwaitingToolApproval"))
    report = migrate(source, update=True)
    context = context_of(target)
    assert (context.title, context.current_state) == ("Mine", "awaiting_tool_approval")
    assert report.kept == {OLDEST: ["metadata.json: title"]}
    assert report.differences == []


def test_branches_of_both_sides_are_kept_and_one_that_the_source_dropped_goes(source: Path, target: Path) -> None:
    def branch(name: str) -> Any:
        def add(content: dict[str, Any]) -> None:
            ids = content["branches"]["main"]["message_ids"][:2]
            content["branches"][name] = {"name": name, "message_ids": ids, "system_prompt": None, "user_prompt": None}

        return add

    change_json(conversation(source), branch("theirs"))
    migrate(source, update=True)
    change_json(target / "contexts" / OLDEST / "metadata.json", branch("ours"))
    change_json(conversation(source), lambda content: content["branches"].pop("theirs"))
    change_json(conversation(source), branch("later"))
    report = migrate(source, update=True)
    assert context_of(target).branches.keys() == {"main", "ours", "later"}
    assert report.differences == []


def test_a_message_that_the_source_took_out_of_a_branch_is_not_taken_for_an_addition(
    source: Path, target: Path
) -> None:
    ours = context_of(target).append_message(Message.from_text("Only here.")).message_id
    *others, last, _ = context_of(target).message_ids
    change_json(conversation(source), lambda content: content["branches"]["main"]["message_ids"].remove(last))
    report = migrate(source, update=True)
    assert list(context_of(target).branches["main"].message_ids) == [*others, ours]
    assert context_of(target).message_ids == [*others, last, ours]
    assert report.differences == []


def test_a_migration_that_is_not_equal_to_its_source_is_not_said_to_be_done_and_the_next_mends_it(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = source.with_name("source.chatkit")
    path = target / "contexts" / STILL_STREAMING / "messages" / f"{STREAMING_MESSAGE}.json"
    written = module._write

    def write(*arguments: Any) -> Any:
        found = written(*arguments)
        if arguments[0].context_id == STILL_STREAMING:
            change_json(path, lambda content: content["streaming_response"]["chunks"][0].update(delta="!"))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", write)
        report = migrate(source)
    assert [difference.where for difference in report.differences] == ["streaming_response.chunks.0.delta"]
    assert "Verification failed, 1 difference" in report.to_text()
    assert not (target / "store.json").exists()
    assert b'"running"' in (target / "migration" / "state.json").read_bytes()
    assert migrate(source).differences == []
    assert tree(target) == fresh(source)


def test_a_message_that_the_source_has_no_longer_stays(source: Path, target: Path) -> None:
    gone = context_of(target).message_ids[-1]

    def drop(content: dict[str, Any]) -> None:
        del content["message_pool"][gone]
        content["branches"]["main"]["message_ids"].remove(gone)

    change_json(conversation(source), drop)
    report = migrate(source, update=True)
    assert report.added == {OLDEST: [gone]}
    assert context_of(target).message(gone).message_id == gone
    assert report.differences == []


def test_a_context_that_the_source_has_no_longer_stays(source: Path, target: Path) -> None:
    before = tree(target / "contexts" / OLDEST)
    conversation(source).unlink()
    assert migrate(source, update=True).differences == []
    assert tree(target / "contexts" / OLDEST) == before


def test_a_message_that_is_damaged_in_the_target_is_written_anew(source: Path, target: Path) -> None:
    path = next((target / "contexts" / OLDEST / "messages").iterdir())
    good = path.read_bytes()
    path.write_bytes(good[:50])
    age(path)
    migrate(source, update=True)
    assert path.read_bytes() == good


def test_a_message_in_the_middle_moves_those_behind_it(source: Path, target: Path) -> None:
    node = text_node(7)

    def insert(content: dict[str, Any]) -> None:
        content["message_pool"][node["id"]] = node
        content["branches"]["main"]["message_ids"].insert(1, node["id"])

    change_json(conversation(source), insert)
    migrate(source, update=True)
    assert context_of(target).message_ids[1] == ID.format(7)
    assert tree(target) == fresh(source)


def test_a_context_that_the_application_changes_meanwhile_is_read_again(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = module._write
    added: list[str] = []

    def write(*arguments: Any) -> Any:
        found = written(*arguments)
        if not added and arguments[0].context_id == OLDEST:
            added.append(add_to_single_file(conversation(source), 1))
        return found

    monkeypatch.setattr(module, "_write", write)
    report = migrate(source)
    assert report.differences == []
    assert context_of(source.with_name("source.chatkit")).message_ids[-1:] == added


def test_a_context_that_changes_all_the_time_is_compared_as_it_was_read(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = module._write
    numbers = iter(range(100))

    def write(*arguments: Any) -> Any:
        found = written(*arguments)
        if arguments[0].context_id == OLDEST:
            add_to_single_file(conversation(source), next(numbers))
        return found

    monkeypatch.setattr(module, "_write", write)
    assert migrate(source).differences == []
    assert len(context_of(source.with_name("source.chatkit")).message_ids) == 6


def test_tables_are_equal_after_an_update(source: Path, target: Path) -> None:
    finish_streaming(source)
    migrate(source, update=True)
    with pytest.warns(ck.CorruptFileWarning):
        old = ck.chunks_df(source)
    assert old.equals(ck.chunks_df(target))
