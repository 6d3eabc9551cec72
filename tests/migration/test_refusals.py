"""What a migration does not touch: other people's folders, and its own source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from chatkit.errors import FormatError, StoreBusyError
from chatkit.store import Store
from chatkit.store.migration import migrate
from tests.migration.sources import mixed
from tests.store.trees import filled, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def a_file(path: Path) -> None:
    path.write_bytes(b"mine")


def a_folder_of_files(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_bytes(b"mine")


def a_store(path: Path) -> None:
    filled(path)


def the_migration_of_another_source(path: Path) -> None:
    migrate(mixed(path.with_name("other")), path)


def a_folder_named_like_ours(path: Path) -> None:
    (path / "migration").mkdir(parents=True)
    (path / "migration" / "notes.txt").write_bytes(b"mine")


def a_state_of_a_newer_version(path: Path) -> None:
    (path / "migration").mkdir(parents=True)
    content = {"format": "chatkit migration", "version": 2, "source": "../source", "state": "done"}
    (path / "migration" / "state.json").write_text(json.dumps(content), encoding="utf-8")


def a_damaged_state(path: Path) -> None:
    (path / "migration").mkdir(parents=True)
    (path / "migration" / "state.json").write_bytes(b"{")


@pytest.mark.parametrize(
    "foreign",
    [
        a_file, a_folder_of_files, a_store, the_migration_of_another_source, a_folder_named_like_ours,
        a_state_of_a_newer_version, a_damaged_state,
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"update": True}, {"dry_run": True}], ids=str)
def test_a_folder_that_is_not_ours_is_refused_and_not_touched(
    source: Path, foreign: Callable[[Path], None], options: dict[str, Any]
) -> None:
    target = source.with_name("target")
    foreign(target)
    before = snapshot(target)
    with pytest.raises(FormatError, match="give a new folder"):
        migrate(source, target, **options)
    assert snapshot(target) == before


def test_the_refusal_names_both_sources_and_what_to_do_where_the_source_was_moved(source: Path) -> None:
    migrate(source)
    source.rename(source.with_name("moved"))
    target = source.with_name("source.chatkit")
    with pytest.raises(FormatError, match=r"the migration of \.\./source, not of \.\./moved; .*write its new place"):
        migrate(source.with_name("moved"), target)


def test_source_and_target_that_move_together_still_belong_together(source: Path, tmp_path: Path) -> None:
    migrate(source, tmp_path / "target")
    (tmp_path / "elsewhere").mkdir()
    for name in ("source", "target"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    report = migrate(tmp_path / "elsewhere" / "source", tmp_path / "elsewhere" / "target", update=True)
    assert report.written == []


@pytest.mark.parametrize("place", [".", "new", "conversations/new", ".."])
def test_a_target_inside_or_around_the_source_is_refused(source: Path, place: str) -> None:
    before = snapshot(source.parent)
    with pytest.raises(FormatError, match="apart"):
        migrate(source, source / place)
    assert snapshot(source.parent) == before


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such folder"):
        migrate(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_a_new_one(source: Path) -> None:
    target = source.with_name("target")
    target.mkdir()
    assert migrate(source, target).n_contexts == 2


def test_a_dry_run_writes_nothing_and_says_what_would_be_done(source: Path) -> None:
    before = snapshot(source.parent)
    report = migrate(source, dry_run=True)
    assert snapshot(source.parent) == before
    assert (report.n_contexts, report.n_messages, len(report.damaged), len(report.written)) == (2, 8, 1, 2)
    assert report.to_text().startswith("Would migrate")
    assert report.to_text().endswith("dry run.")


def test_two_migrations_into_one_folder_at_once_are_refused(source: Path) -> None:
    migrate(source)
    target = source.with_name("source.chatkit")
    with (
        FileLock(target / ".locks" / "migration.lock"),
        pytest.raises(StoreBusyError, match="another migration"),
    ):
        migrate(source, update=True)


def test_a_source_without_a_context_becomes_a_store_without_one(tmp_path: Path) -> None:
    Store.create(tmp_path / "empty")
    migrate(tmp_path / "empty")
    assert Store(tmp_path / "empty.chatkit").contexts() == []


def test_a_source_named_by_a_dot_is_migrated_beside_its_folder(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(source)
    migrate(".")
    assert len(Store(source.with_name("source.chatkit")).contexts()) == 2
