"""What the fast lane takes, the models take too and say the same of it: whatever is in the files."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import chatkit as ck
from chatkit.frames.message_file import message_file
from chatkit.frames.moments import moments
from chatkit.frames.old_scan import old_rows
from chatkit.frames.part import ALL
from chatkit.frames.progress import Progress
from chatkit.store import Store
from chatkit.store.json_files import dump
from chatkit.store.locate import find_contexts
from chatkit.timing.stamps import parse_stamp, to_us
from tests.frames.lanes import both_ways, spoil
from tests.frames.stores import FIRST, answer, filled, message_id
from tests.store.trees import LEGACY

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parents[2] / "data" / "store"
RESPONSE = message_id(1)


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """Two contexts of the sample store, whose files are not young any more."""
    for context in sorted((SAMPLE / "contexts").iterdir())[:2]:
        shutil.copytree(context, tmp_path / "contexts" / context.name)
    return tmp_path


def aged(path: Path) -> None:
    """Give all files a time of change a day ago: young ones that don't parse are waited for."""
    for file in path.rglob("*.json"):
        moment = time.time() - 86_400
        os.utime(file, (moment, moment))


@pytest.mark.parametrize("asked", [{}, {"labels": ["client", "scenario"]}], ids=["all", "labels"])
def test_the_sample_store_reads_the_same_fast_and_by_the_models(asked: dict[str, Any]) -> None:
    for table in (ck.messages_df, ck.responses_df, ck.chunks_df):
        found, expected = table(SAMPLE, cache=False, **asked), table(Store(SAMPLE).contexts(), **asked)
        assert found.equals(expected)
        assert found.dtypes.equals(expected.dtypes)


def test_old_formats_read_the_same_by_path_and_as_contexts() -> None:
    both_ways(LEGACY / "single-file")
    both_ways(LEGACY / "split")


@pytest.mark.parametrize("seed", range(8))
def test_spoilt_files_read_the_same_fast_and_by_the_models(some: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    files = sorted(some.rglob("*.json"))
    whole = {path: path.read_bytes() for path in files}
    for _ in range(2):
        spoilt = chance.sample(files, 3)
        for path in spoilt:
            path.write_bytes(spoil(whole[path], chance))
        aged(some)
        both_ways(some)
        for path in spoilt:
            path.write_bytes(whole[path])


NO_CHUNKS = '"chunks":[{"sequence":9,"delta":"no","timestamp":"2026-11-23T09:01:52.000000Z","accumulated_chars":2}]'
CONFUSING: dict[str, tuple[str, str]] = {
    "chunks among the labels, before": ('{"schema":1', f'{{"metadata":{{{NO_CHUNKS}}},"schema":1'),
    "chunks among the labels, after": ('"metadata":{}}', f'"metadata":{{{NO_CHUNKS}}}}}'),
    "chunks of an unknown key": ('{"schema":1', '{"before":{"chunks":[]},"schema":1'),
    "chunks twice": ('"started_at"', f'{NO_CHUNKS},"started_at"'),
    "chunks twice, no array last": ('"started_at"', '"chunks":null,"started_at"'),
    "a response twice": ('"streaming_response":', '"streaming_response":{"chunks":[]},"streaming_response":'),
    "a key that ends so": ('{"schema":1', '{"\\"chunks":[1],"schema":1'),
    "a text that says so": ('"content":"', '"content":"\\"chunks\\":[{}],\\"started_at\\":'),
    "a beginning among the labels": ('"metadata":{}}', '"metadata":{"started_at":[[1],2]}}'),
    "a beginning in a list": ('"metadata":{}}', '"metadata":{"of":[{"started_at":0},[]]}}'),
    "a bracket too many": ('],"started_at"', ']],"started_at"'),
    "a bracket too few": ('],"started_at"', ',"started_at"'),
    "a comma more": ('],"started_at"', ',],"started_at"'),
    "chunks last": (',"metadata":{}}', ',"metadata":{},"chunks":[]}'),
    "an array in an array": ('"chunks":[', '"chunks":[[],'),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONFUSING)
def test_files_whose_chunks_are_hard_to_find_read_the_same_fast_and_by_the_models(some: Path, kind: str) -> None:
    before, after = CONFUSING[kind]
    n_changed = 0
    for path in sorted(some.glob("contexts/*/messages/*.json")):
        message = json.loads(path.read_bytes())
        data = json.dumps({**message, "metadata": {}}, separators=(",", ":"), ensure_ascii=False)
        if message["message_type"] == "streaming_response":
            assert before in data
            path.write_text(data.replace(before, after, 1), encoding="utf-8")
            n_changed += 1
    assert n_changed
    aged(some)
    both_ways(some)


@pytest.mark.parametrize("layout", ["single-file", "split"])
@pytest.mark.parametrize("seed", range(6))
def test_spoilt_files_of_old_formats_read_the_same_fast_and_by_the_models(
    tmp_path: Path, layout: str, seed: int
) -> None:
    chance = random.Random(f"{layout} {seed}")  # noqa: S311 - no secret
    shutil.copytree(LEGACY / layout, tmp_path / "old")
    files = sorted((tmp_path / "old").rglob("*.json"))
    whole = {path: path.read_bytes() for path in files}
    for _ in range(3):
        spoilt = chance.sample(files, min(3, len(files)))
        for path in spoilt:
            path.write_bytes(spoil(whole[path], chance))
        aged(tmp_path)
        both_ways(tmp_path / "old")
        for path in spoilt:
            path.write_bytes(whole[path])


def old_changes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Values in a node of an old format that one reader might take and another not."""
    data = "message.rich_type.data"
    yield "another id", {"id": message_id(99)}
    yield "no parent", {"parent_id": "x"}
    yield "a role in capitals", {"message.role": "ASSISTANT"}
    yield "no role", {"message.role": None}
    yield "an image", {"message.content": [{"type": "image", "url": "x"}]}
    yield "no content", {"message.content": None}
    yield "an unknown key", {"message.more": [1]}
    yield "a tool call", {"message.tool_calls": [{"id": "1"}]}
    yield "another type", {"message.message_type": "tool_result", "message.rich_type": None}
    yield "another rich type", {"message.rich_type.kind": "chart"}
    yield "an empty rich type", {"message.rich_type": {}}
    yield "labels", {"message.metadata": {"scenario": "idle", "n": 1, "source": "a_i_generated"}}
    yield "a time of its own", {"message.metadata": {"created_at": "2026-11-23T09:00:00Z"}}
    yield "a time that is none", {"message.metadata": {"created_at": "soon"}}
    yield "a number for a time", {"message.metadata": {"created_at": 5}}
    yield "when it was sent", {"message.metadata": {"streaming": {"request_sent_at": "2026-11-23T08:59:00.5Z"}}}
    yield "an empty sent time", {"message.metadata": {"streaming": {"request_sent_at": ""}}}
    yield "known moments", {"message.metadata": {"streaming": {"headers_at": "2026-11-23T08:59:00.5Z"}}}
    yield "streaming that is none", {"message.metadata": {"streaming": [1]}}
    yield "no end", {f"{data}.completed_at": None}
    yield "an empty end", {f"{data}.completed_at": ""}
    yield "usage", {f"{data}.usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    yield "usage with a point", {f"{data}.usage": {"prompt_tokens": 3.0}}
    yield "metadata", {f"{data}.metadata": {"headers_at": "2026-11-23T08:59:00.5Z"}}
    yield "metadata that is empty", {f"{data}.metadata": {}}
    yield "no chunks", {f"{data}.chunks": []}
    yield "chunks that are null", {f"{data}.chunks": None}
    yield "chunks numbered from 0", {f"{data}.chunks.0.sequence": 0}
    yield "a number as text", {f"{data}.chunks.0.sequence": "1"}
    yield "an empty delta", {f"{data}.chunks.1.delta": ""}
    yield "a kind", {f"{data}.chunks.1.kind": "reasoning"}
    yield "a kind that is null", {f"{data}.chunks.1.kind": None}
    yield "half a character", {f"{data}.chunks.0.delta": "\ud83d", f"{data}.chunks.1.delta": "\ude00"}
    yield "back in time", {f"{data}.chunks.2.timestamp": "2026-01-01T00:00:00.000000Z"}
    yield "no time", {f"{data}.chunks.2.timestamp": "2026-13-01T00:00:00.000000Z"}
    yield "nine digits", {f"{data}.chunks.0.timestamp": "2026-11-23T09:00:00.000000999Z"}


OLD_CHANGES = dict(old_changes())


@pytest.mark.parametrize("name", OLD_CHANGES)
def test_an_odd_value_of_an_old_format_reads_the_same_fast_and_by_the_models(tmp_path: Path, name: str) -> None:
    shutil.copytree(LEGACY / "split", tmp_path / "old")
    path = max((tmp_path / "old").rglob("messages_pool/*.json"), key=lambda file: file.stat().st_size)
    _change(path, OLD_CHANGES[name])
    aged(tmp_path)
    both_ways(tmp_path / "old")


def test_labels_of_old_messages_are_the_same_in_both_lanes(tmp_path: Path) -> None:
    shutil.copytree(LEGACY / "split", tmp_path / "old")
    for path in (tmp_path / "old").rglob("messages_pool/*.json"):
        _change(path, {"message.metadata": {"n": 1, "source": "a_i_generated", "streaming": {"chunks_count": 2}}})
    asked: dict[str, Any] = {"labels": ["n", "source", "streaming"], "cache": False}
    found = ck.responses_df(tmp_path / "old", **asked)
    assert found["n"].dropna().unique().tolist() == [1]
    assert found["source"].dropna().unique().tolist() == ["ai_generated"]
    assert found["streaming"].isna().all()
    assert found.equals(ck.responses_df(Store(tmp_path / "old").contexts(), **asked))


def test_plain_contexts_of_old_formats_take_the_fast_lane() -> None:
    """Else the equality above would say nothing of it."""
    files = list(find_contexts(LEGACY / "split").values()) + list(find_contexts(LEGACY / "single-file").values())
    found = old_rows(files, ALL, Progress())
    assert 0 < len(found.others) < len(files) / 2
    assert found.contexts.rows.num_rows == len(files) - len(found.others)
    assert found.messages.counts().sum() > 0


def changes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Values in a response's file that one reader might take and another not."""
    yield "a number as text", {"streaming_response.content": 5}
    yield "truth for a number", {"streaming_response.chunks.0.sequence": True}
    yield "a whole number with a point", {"streaming_response.chunks.0.sequence": 7.0}
    yield "a half number", {"streaming_response.chunks.0.sequence": 7.5}
    yield "a count with a point", {"streaming_response.chunks.0.accumulated_chars": 1.0}
    yield "a number past 64 bits", {"streaming_response.usage.prompt_tokens": 2**63}
    yield "the last number of 64 bits", {"streaming_response.usage.prompt_tokens": 2**63 - 1}
    yield "a count of any size", {"streaming_response.total_duration_ms": 10**30}
    yield (
        "half a character",
        {"streaming_response.chunks.0.delta": "\ud83d", "streaming_response.chunks.1.delta": "\ude00"},
    )
    yield "half a character in a name", {"streaming_response.model": "m\ud83d"}
    yield "half a character in the text", {"streaming_response.content": "a\ud83d b"}
    yield "nine digits", {"streaming_response.chunks.1.timestamp": "2026-11-23T09:01:00.110000999Z"}
    yield "no zone", {"streaming_response.started_at": "2026-11-23T09:01:00"}
    yield "a zone", {"streaming_response.started_at": "2026-11-23T11:01:00+02:00"}
    yield "small letters", {"streaming_response.started_at": "2026-11-23t09:01:00z"}
    yield "no colons", {"streaming_response.started_at": "2026-11-23T090100Z"}
    yield "no such day", {"streaming_response.chunks.2.timestamp": "2026-02-30T09:01:00.120000Z"}
    yield (
        "bad times twice",
        {"created_at": "soon", "streaming_response.chunks.2.timestamp": "2026-13-01T00:00:00.000000Z"},
    )
    yield "out of range", {"created_at": "0001-01-01T00:00:00+14:00"}
    yield "the year 0", {"created_at": "0000-01-01T00:00:00.000000Z"}
    yield "back in time", {"streaming_response.chunks.1.timestamp": "2026-11-23T09:00:59.000000Z"}
    yield "a newer schema", {"schema": 2}
    yield "an older schema", {"schema": -5}
    yield "a schema under its Python name", {"schema_version": 9}
    yield "another id", {"message_id": message_id(99)}
    yield "an id in capitals", {"parent_id": message_id(0).upper() + "A"}
    yield "an id and a line end", {"parent_id": message_id(0) + "\n"}
    yield "metadata that is null", {"metadata": None}
    yield "metadata that is a list", {"metadata": []}
    yield "infinity", {"metadata": {"x": float("inf")}}
    yield "another type", {"message_type": "tool_request", "tool_request": {"content": "run"}}
    yield (
        "another type and no response",
        {"message_type": "tool_request", "tool_request": {"content": "run"}, "streaming_response": None},
    )
    yield "another type and a response", {"message_type": "tool_request"}
    yield "a type that is a field", {"message_type": "metadata"}
    yield "a type that is an argument", {"message_type": "cls", "cls": {"content": "run"}, "streaming_response": None}
    yield (
        "a type that is an argument of the models",
        {"message_type": "_fields_set", "_fields_set": {"content": "run"}, "streaming_response": None},
    )
    yield "text besides", {"text": {"content": "other"}}
    yield (
        "timings of all kinds",
        {"streaming_response.metadata.server_timings": {"prompt_ms": 10**400, "predicted_ms": True}},
    )
    yield "timings that are none", {"streaming_response.metadata.server_timings": []}
    yield "another start", {"streaming_response.metadata.started_at_is": "later"}
    yield "an empty delta", {"streaming_response.chunks.0.delta": ""}
    yield "another kind", {"streaming_response.chunks.0.kind": "image"}
    yield "a kind that is null", {"streaming_response.chunks.0.kind": None}
    yield "no chunks", {"streaming_response.chunks": []}
    yield "chunks that are null", {"streaming_response.chunks": None}
    yield "unknown keys", {"x": {"y": [1, {"z": None}]}, "streaming_response.chunks.0.extra": [1.5]}


CHANGES = dict(changes())


@pytest.mark.parametrize("name", CHANGES)
def test_an_odd_value_reads_the_same_fast_and_by_the_models(tmp_path: Path, name: str) -> None:
    path = filled(tmp_path).path / "contexts" / FIRST / "messages" / f"{RESPONSE}.json"
    _change(path, CHANGES[name])
    aged(tmp_path)
    both_ways(tmp_path)


def _change(path: Path, values: dict[str, Any]) -> None:
    content = json.loads(path.read_bytes())
    for place, value in values.items():
        *parents, key = place.split(".")
        holder = content
        for parent in parents:
            holder = holder[int(parent) if isinstance(holder, list) else parent]
        holder[int(key) if isinstance(holder, list) else key] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "data",
    [
        b'{"x":"\xff",', b'{"\xff":1,', b'{"x":' + b"1" * 5000 + b",", b'{"x":' + b"[" * 5000 + b"]" * 5000 + b",",
        b'{"x":"\\ud83d",', b'{"message_id":null,', b'{"role":"system",', b"\xef\xbb\xbf{", b'{"x":NaN,',
        b'{"x":"\x01",',
        b'{"metadata":{"x":"\xed\xa0\x80"},',
    ],
    ids=[
        "no UTF-8", "no UTF-8 in a key", "endless", "deep", "half", "twice null", "twice", "BOM", "NaN", "control",
        "half bytes",
    ],
)  # fmt: skip
def test_odd_bytes_read_the_same_fast_and_by_the_models(tmp_path: Path, data: bytes) -> None:
    path = filled(tmp_path).path / "contexts" / FIRST / "messages" / f"{RESPONSE}.json"
    path.write_bytes(data + path.read_bytes()[1:])
    aged(tmp_path)
    both_ways(tmp_path)


def test_an_ordinary_file_takes_the_fast_lane() -> None:
    content = dump(answer(1, (100, "a — b"), (110, "thin", "reasoning")).model_copy(update={"context_id": FIRST}))
    found = message_file(content, FIRST, RESPONSE)
    assert found is not None
    assert found[1] == "a — b"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:01:52.566342Z", "2026-11-23T09:01:52Z", "2026-11-23 09:01:52.5Z",
        "2026-11-23T09:01:52.566342999Z",
        "2026-11-23T09:01:52.566", "2026-11-23T09:01:52-05:30", "2026-11-23t09:01:52z", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "2026-11-23T09:01:52,5Z", "2026-11-23T090152.5Z",
        "2026-11-23", "2026-W48-1", "", "2026-11-23T24:00:00Z", "2026-02-29T00:00:00Z", "2026-11-23T09:01:52.Z",
        "2026-11-23T09:01:52+0200", "0000-01-01T00:00:00Z", "2026-11-23T09:01:5266Z", "\ud83d",
        "2026-11-23T09:01:52Z\n",
    ],
)  # fmt: skip
def test_times_read_together_are_those_read_one_by_one(text: str) -> None:
    try:
        expected = to_us(parse_stamp(text))
    except (ValueError, OverflowError):
        expected = None
    for others in ([], ["2026-11-23T09:01:52.566342Z", None]):
        found = moments([text, *others])
        assert (found.us[0] if found.known[0] else None) == expected
        assert found.bad.tolist() == ([0] if expected is None else [])
        assert found.us[1:].tolist() == [1795424512566342, 0][: len(others)]
