"""What a migration makes: the same conversations, tables and times, and a source that was not touched."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import chatkit as ck
from chatkit.store import Store
from chatkit.store.checking import check_store
from chatkit.store.migration import migrate, migrated
from tests.migration.sources import (
    BRANCHED,
    CUT_OFF,
    OLDEST,
    STILL_STREAMING,
    STREAMING_MESSAGE,
    THREE_TURNS,
    UNLISTED,
    add_to_single_file,
    change_json,
    legacy,
    tree,
)
from tests.store.trees import LEGACY, filled, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

both_stores = pytest.mark.parametrize("name", ["single-file", "split"])
quiet = pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")


def raw_nodes(name: str) -> dict[str, dict[str, Any]]:
    """Every node of an old store as plain json finds it."""
    if name == "split":
        found = [json.loads(path.read_bytes()) for path in LEGACY.glob("split/data/contexts/*/messages_pool/*.json")]
        return {node["id"]: node for node in found}
    pools = {}
    for path in LEGACY.glob("single-file/conversations/*.json"):
        if path.stem != CUT_OFF:
            pools.update(json.loads(path.read_bytes())["message_pool"])
    return pools


def written(target: Path) -> dict[str, dict[str, Any]]:
    """Every message file of a new store as plain json finds it."""
    return {path.stem: json.loads(path.read_bytes()) for path in target.glob("contexts/*/messages/*.json")}


def moment(text: str) -> datetime:
    """Read a stamp without the toolkit: decimals past the sixth are cut."""
    seconds, _, decimals = text.removesuffix("Z").partition(".")
    exact = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return exact.replace(microsecond=int(decimals[:6].ljust(6, "0")))


@both_stores
@quiet
@pytest.mark.parametrize("table", [ck.contexts_df, ck.messages_df, ck.responses_df, ck.chunks_df])
def test_tables_of_the_old_and_the_new_store_are_equal_but_for_the_format(
    tmp_path: Path, name: str, table: Callable[..., pd.DataFrame]
) -> None:
    migrate(LEGACY / name, tmp_path / "new")
    old, new = table(LEGACY / name), table(tmp_path / "new")
    assert len(old) > 0
    if table is ck.contexts_df:
        assert new["format"].eq("chatkit").all()
        assert old["format"].eq(name).all()
        old, new = old.drop(columns="format"), new.drop(columns="format")
    pd.testing.assert_frame_equal(old, new)


@both_stores
def test_every_message_has_the_text_the_chunks_and_the_times_that_plain_json_finds_in_the_source(
    tmp_path: Path, name: str
) -> None:
    migrate(LEGACY / name, tmp_path / "new")
    nodes, messages = raw_nodes(name), written(tmp_path / "new")
    assert messages.keys() == nodes.keys()
    n_chunks = 0
    for message_id, node in nodes.items():
        said, message = node["message"], messages[message_id]
        assert (message["role"], message["parent_id"]) == (said["role"].lower(), node["parent_id"])
        payload = message[message["message_type"]]
        assert payload["content"] == "".join(part["text"] for part in said["content"])
        for old, new in zip(
            (said.get("rich_type") or {"data": {"chunks": []}})["data"]["chunks"],
            payload.get("chunks", []),
            strict=True,
        ):
            assert (new["delta"], moment(new["timestamp"])) == (old["delta"], moment(old["timestamp"]))
            n_chunks += 1
    assert n_chunks == {"single-file": 605, "split": 394}[name]  # counted with jq


@both_stores
def test_branches_states_and_titles_are_those_of_the_source(tmp_path: Path, name: str) -> None:
    migrate(LEGACY / name, tmp_path / "new")
    pattern = "split/data/contexts/*/context.json" if name == "split" else "single-file/conversations/*.json"
    plain = {"Idle": "idle", "AwaitingToolApproval": "awaiting_tool_approval",
             "streaming_l_l_m_response": "streaming_llm_response"}  # fmt: skip
    for path in LEGACY.glob(pattern):
        if path.stem == CUT_OFF:
            continue
        old = json.loads(path.read_bytes())
        new = json.loads((tmp_path / "new" / "contexts" / old["id"] / "metadata.json").read_bytes())
        for key in ("branches", "active_branch_name", "config", "parent_id"):
            assert new[key] == old[key]
        assert new["title"] == old.get("title")
        state = old["current_state"]
        assert new["current_state"] == (plain.get(state, state) if isinstance(state, str) else state)


@both_stores
def test_the_source_is_not_touched(tmp_path: Path, name: str) -> None:
    source = legacy(tmp_path, name)
    before = snapshot(source)
    migrate(source, dry_run=True)
    migrate(source)
    migrate(source, update=True)
    assert snapshot(source) == before
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}.chatkit"}


@both_stores
def test_the_new_store_is_whole_and_its_index_is_the_one_that_follows_from_its_messages(
    tmp_path: Path, name: str
) -> None:
    migrate(LEGACY / name, tmp_path / "new")
    problems = Store(tmp_path / "new", strict=True).problems()
    assert [problem for problem in problems if not problem.where.startswith("branches.")] == []  # as in the source
    # What the source had so stays so: a branch lists what no file has, a state of a stream that nobody records.
    assert {finding.kind for finding in check_store(tmp_path / "new")} == {"split": {"state"}}.get(name, {"missing"})


@both_stores
def test_names_are_good_on_every_system(tmp_path: Path, name: str) -> None:
    migrate(LEGACY / name, tmp_path / "new")
    names = [path.name for path in (tmp_path / "new").rglob("*")]
    assert all(re.fullmatch(r"\.?[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]", name) for name in names)
    paths = [str(path).lower() for path in (tmp_path / "new").rglob("*")]
    assert len(paths) == len(set(paths))


def whole_ms(chunks: list[dict[str, Any]]) -> list[int | None]:
    """The intervals that follow from the times, rounded half up; none for the first chunk."""
    times = [moment(chunk["timestamp"]) for chunk in chunks]
    us = [(after - before) // timedelta(microseconds=1) for before, after in itertools.pairwise(times)]
    return [None, *((gap + 500) // 1000 for gap in us)]


@both_stores
def test_what_was_inferred_is_counted_as_plain_json_counts_it(tmp_path: Path, name: str) -> None:
    said = [node["message"] for node in raw_nodes(name).values()]
    data = [message["rich_type"]["data"] for message in said if message.get("rich_type")]
    chunks = [answer["chunks"] for answer in data]
    times = [
        (moment(answer["started_at"]), moment(answer["completed_at"])) for answer in data if "completed_at" in answer
    ]
    expected = {
        # the contexts of either store, the states that were spelled otherwise, and the lonely message: looked up by eye
        "context_created_at": {"single-file": 4, "split": 2}[name],
        "unlisted": {"single-file": 1, "split": 0}[name],
        "name": {"single-file": 2, "split": 1}[name]
        + sum((message.get("metadata") or {}).get("source") == "a_i_generated" for message in said),
        "created_at": sum(not (message.get("metadata") or {}).get("created_at") for message in said),
        "message_type": sum("message_type" not in message for message in said),
        "started_at": len(data),
        "usage": len(data),
        "completed_at": len(data) - len(times),
        "accumulated_chars": sum(not "".join(chunk["delta"] for chunk in answer).isascii() for answer in chunks),
        "interval_ms": sum([chunk.get("interval_ms") for chunk in answer] != whole_ms(answer) for answer in chunks),
        "total_duration_ms": sum(
            answer.get("total_duration_ms") is not None
            and answer["total_duration_ms"]
            != ((moment(answer["completed_at"]) - moment(answer["started_at"])) // timedelta(microseconds=1) + 500)
            // 1000
            for answer in data
        ),
    }
    report = migrate(LEGACY / name, tmp_path / "new")
    assert report.inferred == Counter(expected)


def test_the_bytes_of_a_damaged_file_are_kept_and_the_rest_is_migrated(tmp_path: Path) -> None:
    report = migrate(LEGACY / "single-file", tmp_path / "new")
    path = f"conversations/{CUT_OFF}.json"
    assert (tmp_path / "new" / "unreadable" / path).read_bytes() == (LEGACY / "single-file" / path).read_bytes()
    [damage] = report.damaged
    assert (damage.path, damage.where, damage.kept_as) == (path, "line 75 column 16", f"unreadable/{path}")
    assert not report.is_clean
    assert report.differences == []
    assert report.n_contexts == 4


def test_a_damaged_node_is_kept_and_its_neighbours_close_up(tmp_path: Path) -> None:
    source = legacy(tmp_path, "split")
    pool = source / "data" / "contexts" / STILL_STREAMING / "messages_pool"
    ids = json.loads((pool.parent / "context.json").read_bytes())["branches"]["main"]["message_ids"]
    (pool / f"{ids[1]}.json").write_bytes(b'{"id": ')
    report = migrate(source)
    target = tmp_path / "split.chatkit"
    kept = target / "unreadable" / "data" / "contexts" / STILL_STREAMING / "messages_pool" / f"{ids[1]}.json"
    assert kept.read_bytes() == b'{"id": '
    assert [(damage.context_id, damage.message_id) for damage in report.damaged] == [(STILL_STREAMING, ids[1])]
    messages = written(target)
    assert [messages[message_id]["position"] for message_id in (ids[0], ids[2], ids[3])] == [0, 1, 2]


def test_messages_whose_context_file_is_damaged_are_migrated_parents_first(source: Path) -> None:
    folder = source / "contexts" / STILL_STREAMING
    order = json.loads((folder / "context.json").read_bytes())["branches"]["main"]["message_ids"]
    (folder / "context.json").write_bytes(b"{")
    report = migrate(source)
    target = source.with_name("source.chatkit")
    assert Store(target).context(STILL_STREAMING).message_ids == order
    assert (target / "unreadable" / "contexts" / STILL_STREAMING / "context.json").read_bytes() == b"{"
    assert {damage.context_id for damage in report.damaged} == {CUT_OFF, STILL_STREAMING}


def test_a_number_that_json_cannot_hold_makes_a_message_damaged_and_stops_nothing(source: Path) -> None:
    path = source / "conversations" / f"{OLDEST}.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"metadata": null', '"metadata": {"n": 1e999}', 1), "utf-8"
    )
    report = migrate(source)
    assert (report.n_messages, len(report.damaged)) == (7, 2)
    assert "cannot be written as JSON" in str(report.damaged[0])


def test_a_message_that_no_branch_lists_is_the_last_and_of_no_branch(tmp_path: Path) -> None:
    report = migrate(LEGACY / "single-file", tmp_path / "new")
    context = Store(tmp_path / "new").context(UNLISTED)
    [unlisted] = set(context.message_ids) - set(context.branches["main"].message_ids)
    message = context.message(unlisted)
    assert (message.position, message.branch, message.content) == (2, None, "Nobody lists me.")
    [missing] = report.missing
    assert missing.message_id in context.branches["main"].message_ids
    assert missing.message_id not in context.message_ids


def test_an_answer_that_still_streams_is_streaming_in_the_new_store(tmp_path: Path) -> None:
    migrate(LEGACY / "split", tmp_path / "new")
    response = Store(tmp_path / "new").message(STREAMING_MESSAGE).streaming_response
    assert response is not None
    assert (response.status, response.completed_at, response.finish_reason) == ("streaming", None, None)
    assert Store(tmp_path / "new").context(STILL_STREAMING).current_state == "streaming_llm_response"


def test_keys_that_nobody_knows_come_along_at_every_level(source: Path) -> None:
    folder = source / "contexts" / STILL_STREAMING
    change_json(folder / "context.json", lambda content: content.update(colour="red"))
    change_json(folder / "context.json", lambda content: content["branches"]["main"].update(pinned=True))

    def add(node: dict[str, Any]) -> None:
        node["message"]["rating"] = 5
        node["message"]["metadata"]["mood"] = "good"
        node["message"]["rich_type"]["data"]["seed"] = 7
        node["message"]["rich_type"]["data"]["chunks"][1]["logprob"] = -0.5

    change_json(folder / "messages_pool" / f"{STREAMING_MESSAGE}.json", add)
    migrate(source)
    target = source.with_name("source.chatkit") / "contexts" / STILL_STREAMING
    metadata = json.loads((target / "metadata.json").read_bytes())
    message = json.loads((target / "messages" / f"{STREAMING_MESSAGE}.json").read_bytes())
    assert (metadata["colour"], metadata["branches"]["main"]["pinned"]) == ("red", True)
    assert metadata["config"]["mermaid_diagrams"] is True  # in the old store as it was given
    assert (message["rating"], message["metadata"]["mood"]) == (5, "good")
    assert message["streaming_response"]["seed"] == 7
    assert message["streaming_response"]["chunks"][1]["logprob"] == -0.5


def test_the_time_of_a_request_that_the_application_noted_makes_latency_known(source: Path) -> None:
    path = source / "contexts" / STILL_STREAMING / "messages_pool" / f"{STREAMING_MESSAGE}.json"
    # The first chunk came at 09:02:33.390532.
    change_json(
        path,
        lambda node: node["message"]["metadata"]["streaming"].update(request_sent_at="2026-11-23T09:02:33.190532Z"),
    )
    report = migrate(source)
    response = Store(source.with_name("source.chatkit")).message(STREAMING_MESSAGE).streaming_response
    assert response is not None
    assert response.figures["ttft_ms"] == pytest.approx(200.0)
    assert report.inferred["started_at"] == 1  # the other answer's


def test_contexts_in_our_own_format_are_copied_file_by_file(source: Path) -> None:
    own = filled(source.with_name("own"))
    context_id = own.contexts()[0].context_id
    folder = source / "contexts" / context_id
    shutil.copytree(own.path / "contexts" / context_id, folder)
    (folder / "messages" / "00000003-0000-4000-8000-00000000000a.events.jsonl").write_bytes(b'{"raw": 1}\n')
    (folder / "messages" / ".chatkit-tmp-000000000000").write_bytes(b"left over")
    (folder / "metadata.json").write_bytes((folder / "metadata.json").read_bytes().replace(b":", b": "))
    report = migrate(source)
    copied = tree(source.with_name("source.chatkit") / "contexts" / context_id)
    original = tree(folder)
    del original["messages/.chatkit-tmp-000000000000"]
    assert copied == original
    assert report.formats == {"single-file": 1, "split": 1, "chatkit": 1}


def test_a_damaged_message_in_our_own_format_is_copied_and_named(source: Path) -> None:
    own = filled(source / "data")
    context_id = own.contexts()[0].context_id
    path = source / "data" / "contexts" / context_id / "messages" / "00000003-0000-4000-8000-00000000000a.json"
    path.write_bytes(b"{")
    report = migrate(source)
    target = source.with_name("source.chatkit")
    assert (target / "contexts" / context_id / "messages" / path.name).read_bytes() == b"{"
    assert (target / "unreadable" / path.relative_to(source)).read_bytes() == b"{"
    assert report.differences == []
    assert [damage.message_id for damage in report.damaged if damage.context_id == context_id] == [path.stem]


def test_a_single_conversation_is_migrated_by_its_file(tmp_path: Path) -> None:
    shutil.copy(LEGACY / "single-file" / "conversations" / f"{BRANCHED}.json", tmp_path)
    report = migrate(tmp_path / f"{BRANCHED}.json")
    assert (report.n_contexts, report.is_clean) == (1, True)
    assert Store(tmp_path / f"{BRANCHED}.json.chatkit").context(BRANCHED).branches.keys() == {"main", "shorter"}


def test_a_conversation_that_is_there_in_two_formats_is_taken_once_and_the_other_is_named(source: Path) -> None:
    path = source / "conversations" / f"{STILL_STREAMING}.json"
    change = {"id": STILL_STREAMING}
    path.write_text(json.dumps(json.loads((path.parent / f"{OLDEST}.json").read_bytes()) | change), encoding="utf-8")
    report = migrate(source)
    assert report.shadowed in ([f"contexts/{STILL_STREAMING}"], [f"conversations/{STILL_STREAMING}.json"])
    assert f"  {report.shadowed[0]}" in report.to_text().splitlines()
    assert report.n_contexts == 2


def test_the_migration_of_a_store_is_made_and_brought_up_to_date_on_opening(source: Path) -> None:
    target = source.with_name("source.chatkit")
    with pytest.warns(ck.CorruptFileWarning, match=CUT_OFF):
        assert migrated(source) == target
    (source / "conversations" / f"{CUT_OFF}.json").unlink()
    added = add_to_single_file(source / "conversations" / f"{OLDEST}.json", 1)
    assert migrated(source) == target
    assert Store(target).message(added).content == "Question 1?"


def test_a_store_in_our_own_format_is_opened_as_it_is(tmp_path: Path) -> None:
    own = filled(tmp_path / "own")
    assert migrated(own.path) == own.path
    assert list(tmp_path.iterdir()) == [own.path]


def test_the_new_store_can_be_written_to(tmp_path: Path) -> None:
    migrate(LEGACY / "single-file", tmp_path / "new")
    context = Store(tmp_path / "new").context(THREE_TURNS)
    before = context.message_ids
    added = context.append_message(ck.Message.from_text("And then?"))
    assert (added.position, added.parent_id) == (6, before[-1])
    assert Store(tmp_path / "new").context(THREE_TURNS).message_ids == [*before, added.message_id]
