"""The two old formats, each quirk held against what a plain JSON reader finds in the same files."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import chatkit as ck
from chatkit.errors import CorruptFileWarning
from chatkit.store import Store
from chatkit.store.nodes import plain_name
from tests.store.trees import LEGACY, SINGLE_FILES, SPLIT_FOLDERS

if TYPE_CHECKING:
    from chatkit.models import Message
    from chatkit.store import Context

pytestmark = pytest.mark.filterwarnings("ignore::chatkit.errors.CorruptFileWarning")

THREE_TURNS = "87e3f1b9-b91f-54a2-9592-9c1368847993"
OLDEST = "01dd948b-68e9-53f0-b183-87b21af11b60"
BRANCHED = "90c2a507-a879-5e51-aa99-39fbf495eaa2"
UNLISTED = "c394b8e9-ee04-5d09-bdc1-08cfd0af67d0"
CUT_OFF = "624b1ae6-449e-53cf-90da-27a860f56e6c"
MICROSECONDS = "a18cc304-e205-54f5-bc29-90c637ec3247"
STILL_STREAMING = "c93820d9-67be-5772-8b22-87760a979a62"
SINGLE, SPLIT = [THREE_TURNS, OLDEST, BRANCHED, UNLISTED], [MICROSECONDS, STILL_STREAMING]
every_context = pytest.mark.parametrize("context_id", SINGLE + SPLIT)


def raw_context(context_id: str) -> dict[str, Any]:
    """The context as json finds it, with its whole pool."""
    if context_id in SINGLE:
        content: dict[str, Any] = json.loads((SINGLE_FILES / f"{context_id}.json").read_text(encoding="utf-8"))
        return content
    folder = SPLIT_FOLDERS / context_id
    content = json.loads((folder / "context.json").read_text(encoding="utf-8"))
    nodes = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "messages_pool").iterdir()]
    return content | {"message_pool": {node["id"]: node for node in nodes}}


def context_of(context_id: str) -> Context:
    return Store(LEGACY / ("single-file" if context_id in SINGLE else "split")).context(context_id)


def streamed(node: dict[str, Any]) -> dict[str, Any] | None:
    rich = node["message"].get("rich_type")
    found: dict[str, Any] | None = rich["data"] if rich and rich["kind"] == "streaming_response" else None
    return found


def moment(text: str) -> datetime:
    """Read a stamp without the toolkit: decimals past the sixth are cut."""
    seconds, _, decimals = text.removesuffix("Z").partition(".")
    exact = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return exact.replace(microsecond=int(decimals[:6].ljust(6, "0")))


def responses_of(context_id: str) -> list[tuple[Message, dict[str, Any]]]:
    """Each streamed answer beside its raw data."""
    pool = raw_context(context_id)["message_pool"]
    found = {message.message_id: message for message in context_of(context_id).messages()}
    return [(found[node_id], data) for node_id, node in pool.items() if (data := streamed(node)) is not None]


@every_context
def test_every_message_of_the_pool_is_read_with_its_role_parent_and_text(context_id: str) -> None:
    pool = raw_context(context_id)["message_pool"]
    found = {message.message_id: message for message in context_of(context_id).messages()}
    assert found.keys() == pool.keys()
    for message_id, node in pool.items():
        said, message = node["message"], found[message_id]
        assert (message.role, message.parent_id) == (said["role"].lower(), node["parent_id"])
        assert message.content == "".join(part["text"] for part in said["content"] if part["type"] == "text")
        assert message.context_id == context_id


@every_context
def test_each_branch_lists_its_messages_in_its_own_order(context_id: str) -> None:
    raw = raw_context(context_id)
    context = context_of(context_id)
    assert list(context.branches) == list(raw["branches"])
    for name, branch in raw["branches"].items():
        there = [message_id for message_id in branch["message_ids"] if message_id in raw["message_pool"]]
        assert [message.message_id for message in context.messages(branch=name)] == there


@every_context
def test_the_index_has_the_active_branch_first_then_the_others_then_what_none_lists(context_id: str) -> None:
    raw = raw_context(context_id)
    names = [raw["active_branch_name"], *raw["branches"]]
    listed = [message_id for name in names for message_id in raw["branches"][name]["message_ids"]]
    order = [message_id for message_id in dict.fromkeys(listed) if message_id in raw["message_pool"]]
    ids = context_of(context_id).message_ids
    assert ids[: len(order)] == order
    assert set(ids[len(order) :]) == raw["message_pool"].keys() - set(order)
    assert [message.position for message in context_of(context_id).messages()] == list(range(len(ids)))


@every_context
def test_chunks_have_the_deltas_and_times_of_the_file_and_counts_of_code_points(context_id: str) -> None:
    for message, raw in responses_of(context_id):
        response = message.streaming_response
        assert response is not None
        assert [chunk.delta for chunk in response.chunks] == [chunk["delta"] for chunk in raw["chunks"]]
        assert [chunk.timestamp for chunk in response.chunks] == [moment(chunk["timestamp"]) for chunk in raw["chunks"]]
        lengths = np.cumsum([len(chunk["delta"]) for chunk in raw["chunks"]]).tolist()
        assert [chunk.accumulated_chars for chunk in response.chunks] == lengths
        assert [chunk.sequence for chunk in response.chunks] == list(range(1, len(raw["chunks"]) + 1))


@every_context
def test_gaps_come_from_the_times_and_not_from_the_intervals_of_the_file(context_id: str) -> None:
    for message, raw in responses_of(context_id):
        times = [moment(chunk["timestamp"]) for chunk in raw["chunks"]]
        gaps_ms = [(after - before).total_seconds() * 1000 for before, after in pairwise(times)]
        response = message.streaming_response
        assert response is not None
        assert np.diff(response.arrivals_ms).tolist() == pytest.approx(gaps_ms, abs=1e-6)


@every_context
def test_times_of_the_response_are_those_of_the_file(context_id: str) -> None:
    for message, raw in responses_of(context_id):
        response = message.streaming_response
        assert response is not None
        completed = raw.get("completed_at")
        assert response.started_at == moment(raw["started_at"])
        assert response.completed_at == (None if completed is None else moment(completed))
        assert response.model == raw.get("model")
        assert response.usage is None
        assert response.status == ("streaming" if completed is None else "complete")


@every_context
def test_no_latency_from_the_request_is_known(context_id: str) -> None:
    for message, _ in responses_of(context_id):
        response = message.streaming_response
        assert response is not None
        assert not response.is_request_known
        assert np.isnan([response.figures[name] for name in ("ttft_ms", "ttfo_ms", "e2e_ms", "tpot_ms")]).all()


def test_no_table_of_an_old_store_has_a_time_to_first_token() -> None:
    responses = ck.responses_df([LEGACY / "single-file", LEGACY / "split"])
    assert len(responses) == sum(len(responses_of(context_id)) for context_id in SINGLE + SPLIT)
    assert responses["ttft_ms"].isna().all()
    assert responses["streaming_ms"].gt(0).all()


@every_context
def test_a_message_without_a_time_of_its_own_has_none(context_id: str) -> None:
    pool = raw_context(context_id)["message_pool"]
    for message in context_of(context_id).messages():
        stated = (pool[message.message_id]["message"].get("metadata") or {}).get("created_at")
        assert message.created_at == (None if stated is None else moment(stated))


def test_names_are_spelled_the_plain_way() -> None:
    assert context_of(OLDEST).current_state == "idle"
    assert context_of(THREE_TURNS).current_state == "idle"
    assert context_of(BRANCHED).current_state == "awaiting_tool_approval"
    assert context_of(STILL_STREAMING).current_state == "streaming_llm_response"
    sources = {message.metadata.get("source") for message in context_of(THREE_TURNS).messages()} - {None}
    assert sources == {"ai_generated"}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Idle", "idle"), ("idle", "idle"), ("StreamingLLMResponse", "streaming_llm_response"),
        ("streaming_l_l_m_response", "streaming_llm_response"), ("awaiting_l_l_m_response", "awaiting_llm_response"),
        ("a_i_generated", "ai_generated"), ("AIGenerated", "ai_generated"), ("user_input", "user_input"),
        ("AwaitingToolApproval", "awaiting_tool_approval"), ("failed", "failed"),
    ],
)  # fmt: skip
def test_both_spellings_of_a_name_are_read(written: str, plain: str) -> None:
    assert plain_name(written) == plain


def test_a_state_that_is_an_object_is_kept_whole() -> None:
    assert context_of(UNLISTED).current_state == raw_context(UNLISTED)["current_state"]


def test_the_oldest_files_have_texts_without_a_type() -> None:
    assert {message.message_type for message in context_of(OLDEST).messages()} == {"text"}


def test_a_tool_result_is_kept_with_its_request() -> None:
    raw = next(
        node["message"]["tool_result"]
        for node in raw_context(BRANCHED)["message_pool"].values()
        if node["message"].get("tool_result")
    )
    [message] = [found for found in context_of(BRANCHED).messages() if found.message_type == "tool_result"]
    assert message.role == "tool"
    assert raw.items() <= message.payload.items()


def test_branches_that_share_a_message_share_it() -> None:
    frame = ck.messages_df(context_of(BRANCHED))
    raw = raw_context(BRANCHED)["branches"]
    shared = set(raw["main"]["message_ids"]) & set(raw["shorter"]["message_ids"])
    assert set(frame["message_id"][frame["branches"] == "main, shorter"]) == shared
    assert len(shared) == 1


def test_an_id_that_no_message_has_is_named_once_and_a_message_that_no_branch_lists_is_read() -> None:
    raw = raw_context(UNLISTED)
    listed = raw["branches"]["main"]["message_ids"]
    [missing] = set(listed) - raw["message_pool"].keys()
    [unlisted] = raw["message_pool"].keys() - set(listed)
    store = Store(SINGLE_FILES / f"{UNLISTED}.json")
    store.contexts()[0].messages(branch="main")
    assert [(problem.message_id, problem.where) for problem in store.problems()] == [(missing, "branches.main")]
    assert store.message(unlisted).message_id == unlisted
    assert store.message(unlisted).position == len(raw["message_pool"]) - 1


def test_a_file_that_is_cut_off_is_named_and_the_others_are_read() -> None:
    store = Store(LEGACY / "single-file")
    with pytest.warns(CorruptFileWarning) as warned:
        assert {context.context_id for context in store.contexts()} == set(SINGLE)
    assert len(warned) == 1
    named = {Path(problem.path).stem: problem for problem in store.problems()}
    assert named.keys() == {CUT_OFF, UNLISTED}
    assert (named[CUT_OFF].where, named[CUT_OFF].context_id) == ("line 75 column 16", CUT_OFF)


def test_an_answer_that_still_streams_keeps_what_had_come() -> None:
    [message] = [found for found, raw in responses_of(STILL_STREAMING) if raw.get("completed_at") is None]
    response = message.streaming_response
    assert response is not None
    assert response.total_duration_ms is None
    assert len(response.chunks) > 1
    assert not message.content.isascii()
    [entry] = [entry for entry in context_of(STILL_STREAMING).entries if entry.message_id == message.message_id]
    assert entry.streaming is True


def test_title_and_keys_that_nobody_knows_come_along() -> None:
    metadata = context_of(MICROSECONDS).metadata
    raw = raw_context(MICROSECONDS)
    assert metadata.title == raw["title"]
    assert metadata.to_dict()["auto_generate_title"] == raw["auto_generate_title"]
    assert metadata.config.to_dict().items() >= raw["config"].items()


def split_copy(folder: Path, context_id: str = MICROSECONDS) -> Path:
    """A copy of one split context, to be changed; its files are not young."""
    shutil.copytree(SPLIT_FOLDERS / context_id, folder / context_id)
    return folder / context_id


def first_answer(context: Path) -> tuple[Path, dict[str, Any]]:
    """The file and the content of the first streamed answer."""
    for message_id in json.loads((context / "context.json").read_bytes())["branches"]["main"]["message_ids"]:
        path = context / "messages_pool" / f"{message_id}.json"
        content: dict[str, Any] = json.loads(path.read_bytes())
        if streamed(content):
            return path, content
    raise AssertionError(context)


def test_the_time_of_the_request_is_honoured_where_the_application_notes_it(tmp_path: Path) -> None:
    path, content = first_answer(split_copy(tmp_path))
    data = content["message"]["rich_type"]["data"]
    first = moment(data["chunks"][0]["timestamp"])
    sent = first.replace(microsecond=0)  # less than a second before the first chunk
    content["message"]["metadata"]["streaming"]["request_sent_at"] = sent.strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps(content), encoding="utf-8")
    response = Store(tmp_path / MICROSECONDS).message(path.stem).streaming_response
    assert response is not None
    assert (response.is_request_known, response.started_at) == (True, sent)
    assert response.figures["ttft_ms"] == pytest.approx(first.microsecond / 1000)
    assert response.figures["e2e_ms"] == pytest.approx((moment(data["completed_at"]) - sent).total_seconds() * 1000)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "noon", None, 5])
def test_a_node_with_a_bad_time_is_named_and_the_others_are_read(
    tmp_path: Path, stamp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    path, content = first_answer(split_copy(tmp_path))
    content["message"]["rich_type"]["data"]["chunks"][0]["timestamp"] = stamp
    path.write_text(json.dumps(content), encoding="utf-8")
    store = Store(tmp_path / MICROSECONDS)
    assert len(store.contexts()[0].messages()) == 5
    assert {(problem.path, problem.message_id) for problem in store.problems()} == {(str(path), path.stem)}


def test_a_node_with_a_wrong_key_is_named_with_the_key_and_the_reason(tmp_path: Path) -> None:
    path, content = first_answer(split_copy(tmp_path))
    content["parent_id"] = "not an id"
    path.write_text(json.dumps(content), encoding="utf-8")
    [problem] = Store(tmp_path / MICROSECONDS).problems()
    assert problem.where == f"{path.stem}.parent_id"
    assert "pattern" in problem.reason


def test_empty_deltas_keep_their_rows(tmp_path: Path) -> None:
    path, content = first_answer(split_copy(tmp_path))
    chunks = content["message"]["rich_type"]["data"]["chunks"]
    chunks[2]["delta"] = ""
    path.write_text(json.dumps(content), encoding="utf-8")
    response = Store(tmp_path / MICROSECONDS).message(path.stem).streaming_response
    assert response is not None
    assert (len(response.chunks), len(response.shown)) == (len(chunks), len(chunks) - 1)


def test_messages_without_a_context_file_that_can_be_read_are_one_branch_parents_first(tmp_path: Path) -> None:
    folder = split_copy(tmp_path)
    order = raw_context(MICROSECONDS)["branches"]["main"]["message_ids"]
    path = folder / "context.json"
    path.write_bytes(path.read_bytes()[:200])
    [context] = Store(tmp_path / MICROSECONDS).contexts()
    assert list(context.branches["main"].message_ids) == order
    assert [message.message_id for message in context.messages()] == order


def test_messages_whose_parents_run_in_a_circle_are_all_read(tmp_path: Path) -> None:
    path = tmp_path / f"{OLDEST}.json"
    content = json.loads((SINGLE_FILES / path.name).read_text(encoding="utf-8"))
    ids = list(content["message_pool"])
    for place, message_id in enumerate(ids):
        content["message_pool"][message_id]["parent_id"] = ids[place - 1]
    content["branches"]["main"]["message_ids"] = []
    path.write_text(json.dumps(content), encoding="utf-8")
    [context] = Store(path).contexts()
    assert set(context.message_ids) == set(ids)
