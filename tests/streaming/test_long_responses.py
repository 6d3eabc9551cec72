"""A response too long to be kept in memory is stored to the byte as one that is, and takes no more memory."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import tracemalloc
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from chatkit.errors import StoreBusyError
from chatkit.models import Message, Piece, Response, Usage
from chatkit.models.ending import Ending
from chatkit.store import Store, bookkeeping, journal, large_message, streaming
from chatkit.store.atomic import write_all
from chatkit.store.begun import begun_response
from chatkit.store.checking import check_store
from chatkit.store.journal import JournalWarning
from chatkit.store.json_files import dump
from chatkit.store.repair import repair_store
from chatkit.store.streaming import Stream
from chatkit.timing.stamps import to_us
from tests.store.trees import CONTEXT_ID, filled, message_id, stored_files, text, the_context

if TYPE_CHECKING:
    from pathlib import Path

SENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PIECES = [
    (5.0, "Let me see\n", "reasoning"),
    (6.25, 'She said: "Oh', "text"),
    (9.0, "\ud83d", "text"),
    (9.0, "\ude00\\é\u2028", "text"),
    (14.5, '{"to":', "tool_call"),
    (20.0, "\ud83d", "text"),
    (30.0, "x" * 50, "text"),
    (31.0, "\ude00", "text"),
]
ENDING = Ending(
    completed_at=SENT + timedelta(seconds=1),
    usage=Usage(prompt_tokens=3, completion_tokens=9),
    finish_reason="stop",
)


def begun(path: Path, most_chars: int | None) -> Stream:
    folder = filled(path).context(CONTEXT_ID).folder()
    response = begun_response(message_id=message_id(50), started_at=SENT, model="m", metadata={"scenario": "long"})
    return Stream(folder, response, "second", most_chars=most_chars)


def feed(stream: Stream) -> None:
    for ms, delta, kind in PIECES:
        stream.append(delta, kind=kind, at_us=to_us(SENT) + round(ms * 1000))


@pytest.mark.parametrize("most_chars", [0, 30, 60])
@pytest.mark.parametrize("part_size", [1, 20, 1 << 20])
def test_it_is_stored_to_the_byte_as_one_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_chars: int, part_size: int
) -> None:
    monkeypatch.setattr(large_message, "_PART_SIZE", part_size)
    kept, long = begun(tmp_path / "kept", None), begun(tmp_path / "long", most_chars)
    feed(kept)
    feed(long)
    assert len(kept.pieces) == len(PIECES)
    assert long.pieces == []
    message = kept.finalize(**ENDING._asdict())
    assert message.streaming_response
    assert message.streaming_response.content == 'She said: "Oh😀\\é\u2028\ud83d' + "x" * 50 + "\ude00"
    assert long.end(ENDING) is None
    files = stored_files(tmp_path / "long")
    assert files == stored_files(tmp_path / "kept")
    assert not any("journal" in name for name in files)


def test_what_finalize_returns_is_read_back(tmp_path: Path) -> None:
    stream = begun(tmp_path / "store", 0)
    feed(stream)
    response = stream.finalize(**ENDING._asdict()).streaming_response
    assert response
    assert [(chunk.delta, chunk.kind) for chunk in response.chunks] == [(delta, kind) for _, delta, kind in PIECES]
    assert response.metadata.average_chunk_interval_ms == pytest.approx(26 / 7)


def end_with_a_warning(stream: Stream) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        feed(stream)
        list(stream._journal.pieces())  # which waits for the disk, so that the warning comes before the end
        stream.end(ENDING)
    assert [one.category for one in told] == [JournalWarning]
    assert "No space left" in str(told[0].message)


@pytest.mark.parametrize("refused_at", range(1, len(PIECES) + 1))
def test_what_a_full_disk_does_not_take_into_the_journal_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused_at: int
) -> None:
    """Half of one line still goes through; the disk has room again when the response ends."""
    stream, kept = begun(tmp_path / "store", 0), begun(tmp_path / "kept", None)
    n_written = 0

    def write(handle: int, data: bytes) -> None:
        nonlocal n_written
        n_written += 1
        if n_written == refused_at:
            write_all(handle, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_all(handle, data)

    monkeypatch.setattr(journal, "write_all", write)
    end_with_a_warning(stream)
    monkeypatch.undo()
    feed(kept)
    kept.end(ENDING)
    assert stored_files(tmp_path / "store") == stored_files(tmp_path / "kept")


def test_an_end_that_the_disk_refuses_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = begun(tmp_path / "store", 0)
    feed(stream)

    def replace(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(os, "replace", replace)
        with pytest.raises(OSError, match="No space left"):
            stream.end(ENDING)
    stream.append("!", at_us=to_us(SENT) + 40_000)
    content = stream.finalize(**ENDING._asdict()).content
    assert (content[:13], content[-2:]) == ('She said: "Oh', "\ude00!")
    assert not [name for name in stored_files(tmp_path / "store") if "chatkit-tmp" in name]


def test_thirty_megabytes_take_a_few_megabytes_of_memory(tmp_path: Path) -> None:
    stream = begun(tmp_path / "store", 1_000_000)
    stream.append("x")
    tracemalloc.start()
    try:
        for number in range(3_000):
            stream.append(f"{number:09d} " * 1_000)
            if number % 500 == 0:
                sum(1 for _ in stream._journal.pieces())  # which waits for the disk
        stream.end(Ending())
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    [path] = tmp_path.rglob(f"{stream.message_id}.json")
    assert path.stat().st_size > 60_000_000
    assert most_bytes < 12_000_000


def test_others_write_to_the_context_while_a_long_response_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That can take a minute, and a writer waits for half of one."""
    stream = begun(tmp_path / "store", 0)
    feed(stream)
    real = bookkeeping.write_large_message

    def write(*given: Any) -> Any:
        real(*given)
        other = threading.Thread(target=lambda: the_context(Store(tmp_path / "store")).append_message(text(51)))
        other.start()
        other.join(10)
        assert not other.is_alive(), "the context is locked"
        assert check_store(tmp_path / "store") == []
        (tmp_path / "store" / "contexts" / CONTEXT_ID / "index.json").unlink()  # so that there is something to repair
        repair_store(tmp_path / "store")
        in_flight = the_context(Store(tmp_path / "store")).message(stream.message_id).streaming_response
        assert in_flight is not None
        assert in_flight.status == "streaming"

    monkeypatch.setattr(streaming, "write_large_message", write)
    stream.end(ENDING)
    listed = the_context(Store(tmp_path / "store")).message_ids
    assert {stream.message_id, message_id(51)} < {*listed}
    assert check_store(tmp_path / "store") == []


def test_an_end_that_finds_the_context_locked_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: Any) -> NoReturn:
        raise StoreBusyError("somebody holds it")

    stream = begun(tmp_path / "store", 0)
    feed(stream)
    with monkeypatch.context() as patch:
        patch.setattr(streaming, "writing", busy)
        with pytest.raises(StoreBusyError):
            stream.end(ENDING)
    assert not [name for name in stored_files(tmp_path / "store") if "chatkit-tmp" in name]
    assert check_store(tmp_path / "store") == []
    stream.append(" more")
    assert stream.finalize(**ENDING._asdict()).content.endswith(" more")


def test_what_a_killed_recorder_left_is_stored_to_the_byte_as_its_journal_says(tmp_path: Path) -> None:
    """The message is made of the pieces in memory here, and written in parts by whoever recovers it."""
    stream = begun(tmp_path / "store", None)
    feed(stream)
    list(stream._journal.pieces())
    copy = shutil.copytree(tmp_path / "store", tmp_path / "copy")
    [path] = copy.rglob("*.journal.jsonl")
    begin = json.loads(path.read_bytes().splitlines()[0])
    the_context(Store(copy)).append_message(text(52))
    expected = Message.from_response(
        Response.from_pieces(
            [Piece(to_us(SENT) + round(ms * 1000), delta, kind) for ms, delta, kind in PIECES],
            started_at=SENT,
            model="m",
            finish_reason="interrupted",
        ),
        **{name: begin[name] for name in ("message_id", "context_id", "position", "parent_id", "branch", "metadata")},
    )
    assert not path.exists()
    [stored] = copy.rglob(f"{stream.message_id}.json")
    assert stored.read_bytes() == dump(expected)
    stream.abort()
