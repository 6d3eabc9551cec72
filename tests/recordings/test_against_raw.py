"""Every recording through the importer and the tables, against the raw file and against the server's own clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.recordings.imported import Imported, differences, import_captures
from tests.recordings.oracle import Expected, expect

RECORDINGS = sorted((Path(__file__).parents[2] / "data" / "recordings").glob("*.jsonl"))

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not in this distribution")
each_recording = pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
expected_of = cache(expect)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return import_captures(RECORDINGS, tmp_path_factory.mktemp("imported") / "store")


def _is_blocked(expected: Expected) -> bool:
    """Whether the client hung while it read, so that its times are not the server's."""
    return bool(expected.header["label"]["scenario"] == "blocked-client")


def test_every_recording_is_one_response(imported: Imported) -> None:
    assert len(RECORDINGS) == 137
    assert sorted(imported.responses) == sorted(expected_of(path).message_id for path in RECORDINGS)


@each_recording
def test_the_row_of_a_response_is_what_the_raw_file_gives(path: Path, imported: Imported) -> None:
    expected = expected_of(path)
    assert not differences(imported.responses[expected.message_id], expected.response)


@each_recording
def test_the_rows_of_chunks_are_what_the_raw_file_gives(path: Path, imported: Imported) -> None:
    expected = expected_of(path)
    found = imported.chunks[expected.message_id]
    assert len(found) == len(expected.chunks)
    wrong = [differences(row, expected_row) for row, expected_row in zip(found, expected.chunks, strict=True)]
    assert not [row for row in wrong if row]


@each_recording
def test_the_text_of_a_message_is_what_was_sent(path: Path, imported: Imported) -> None:
    expected = expected_of(path)
    response = imported.store.message(expected.message_id).streaming_response
    assert response is not None
    assert response.content == expected.content
    assert [chunk.delta for chunk in response.chunks] == [row["delta"] for row in expected.chunks]


@each_recording
def test_the_server_s_own_figures_are_kept_as_sent(path: Path, imported: Imported) -> None:
    expected = expected_of(path)
    response = imported.store.message(expected.message_id).streaming_response
    assert response is not None
    assert response.metadata.server_timings == expected.timings


def test_turns_of_one_conversation_share_a_context_and_others_share_none(imported: Imported) -> None:
    labels: dict[str, set[str]] = defaultdict(set)
    for path in RECORDINGS:
        header = expected_of(path).header
        context_id = imported.responses[expected_of(path).message_id]["context_id"]
        labels[context_id].add(header["label"].get("context", header["id"]))
    assert all(len(names) == 1 for names in labels.values())
    # 22 conversations of 2 to 5 turns make 66 of the recordings; the 71 others stand alone
    assert len(labels) == 22 + 71
    assert Counter(row["context_id"] for row in imported.responses.values()).most_common(1)[0][1] == 5


def test_time_per_token_agrees_with_the_server_s_own_clock(imported: Imported) -> None:
    off: dict[bool, list[float]] = {True: [], False: []}
    for expected in map(expected_of, RECORDINGS):
        tpot_ms = imported.responses[expected.message_id]["tpot_ms"]
        if expected.timings and tpot_ms is not None:
            server_ms = expected.timings["predicted_ms"] / (expected.timings["predicted_n"] - 1)
            off[_is_blocked(expected)].append(abs(tpot_ms / server_ms - 1))
    assert len(off[False]) == 127
    assert max(off[False]) < 0.015
    assert len(off[True]) == 2
    assert max(off[True]) < 0.0325  # 3.2 %: its last read came late, and with it the finish event


def test_headers_and_prompt_time_make_the_wait_for_the_first_chunk(imported: Imported) -> None:
    off_ms = []
    for expected in map(expected_of, RECORDINGS):
        row = imported.responses[expected.message_id]
        if row["server_prompt_ms"] is not None and not _is_blocked(expected):
            off_ms.append(abs(row["headers_ms"] + row["server_prompt_ms"] - row["ttft_ms"]))
            assert row["after_headers_ms"] == pytest.approx(row["server_prompt_ms"], abs=8.0)
    assert len(off_ms) == 127
    assert max(off_ms) < 8.0


def test_eleven_stalls_are_found_in_eight_responses_and_no_others(imported: Imported) -> None:
    stalls_ms = {
        path.stem: [row["gap_ms"] for row in imported.chunks[expected_of(path).message_id] if row["is_stall"]]
        for path in RECORDINGS
    }
    counts = {name: len(found) for name, found in stalls_ms.items() if found}
    assert counts == {
        "behind-nginx-ctx12-t1": 1,
        "busy-chat-1t-ctx24-t1": 1,
        "busy-chat-1t-ctx25-t1": 1,
        "busy-chat-1t-ctx26-t1": 2,
        "busy-chat-1t-ctx27-t0": 1,
        "busy-chat-ctx20-t2": 1,
        "stall-0": 2,
        "stall-1": 2,
    }
    assert sum(row["n_stalls"] or 0 for row in imported.responses.values()) == 11
    # the freeze that the late request with the long prompt brought upon the two others
    assert [round(gap) for gap in stalls_ms["stall-0"]] == [1126, 982]
    assert [round(gap) for gap in stalls_ms["stall-1"]] == [1126, 982]
