"""Killed at any point and started again, a migration ends in the same files, byte for byte."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from chatkit.store import Store
from chatkit.store.atomic import TEMPORARY_PREFIX
from chatkit.store.migration import migrate, verify_migration
from tests.migration.sources import OLDEST, STILL_STREAMING, add_to_single_file, change_json, finish_streaming, tree
from tests.store.trees import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir")
"""All that a migration changes goes through these."""


class KilledError(BaseException):
    """The process ends here: no clean-up of ours sees an ordinary error."""


@contextmanager
def stopped_at(step: int, error: BaseException | None = None) -> Iterator[list[str]]:
    """Count the calls, and stop before the one of this number; a write is torn in the middle."""
    made: list[str] = []
    originals: dict[str, Callable[..., Any]] = {name: getattr(os, name) for name in CALLS}

    def watched(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            made.append(name)
            if len(made) == step and name == "write":
                originals["write"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            if len(made) == step or (error is None and 0 < step < len(made)):  # the dead clean nothing up
                raise error or KilledError
            return originals[name](*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, watched(name))
        yield made


def calls_of(run: Callable[[], object]) -> list[str]:
    """The calls of an undisturbed run."""
    with stopped_at(0) as made:
        run()
    return made


def test_a_first_migration_killed_anywhere_ends_in_the_same_files(source: Path) -> None:
    before = snapshot(source)
    target = source.with_name("target")
    calls = calls_of(lambda: migrate(source, target))
    expected = tree(target)
    assert len(calls) > 100
    assert set(calls) >= {"open", "write", "fsync", "replace", "mkdir"}
    for step in range(1, len(calls) + 1):
        shutil.rmtree(target)
        with stopped_at(step), pytest.raises(KilledError):
            migrate(source, target)
        report = migrate(source, target)
        assert tree(target) == expected, f"killed at call {step}, {calls[step - 1]}"
        assert report.differences == []
    assert snapshot(source) == before


def test_a_migration_killed_twice_ends_in_the_same_files(source: Path) -> None:
    target = source.with_name("target")
    calls = calls_of(lambda: migrate(source, target))
    expected = tree(target)
    for step in range(1, len(calls), 7):
        shutil.rmtree(target)
        for later in (step, 20):  # the second comes too late where there is not so much left to do
            with stopped_at(later), suppress(KilledError):
                migrate(source, target)
        migrate(source, target)
        assert tree(target) == expected


def changed(source: Path) -> None:
    """Let the application go on: a new question, an answer that comes to its end, another title."""
    add_to_single_file(source / "conversations" / f"{OLDEST}.json", 1)
    finish_streaming(source)
    change_json(source / "contexts" / STILL_STREAMING / "context.json", lambda content: content.update(title="Focus"))


def test_an_update_killed_anywhere_ends_in_what_a_first_migration_makes(source: Path, tmp_path: Path) -> None:
    target, earlier = source.with_name("target"), tmp_path / "earlier"
    migrate(source, target)
    shutil.copytree(target, earlier)
    changed(source)
    calls = calls_of(lambda: migrate(source, target, update=True))
    fresh = source.with_name("fresh")
    migrate(source, fresh)
    expected = tree(fresh)
    assert tree(target) == expected
    for step in range(1, len(calls) + 1):
        shutil.rmtree(target)
        shutil.copytree(earlier, target)
        with stopped_at(step), pytest.raises(KilledError):
            migrate(source, target, update=True)
        report = migrate(source, target, update=True)
        assert tree(target) == expected, f"killed at call {step}, {calls[step - 1]}"
        assert (report.kept, report.added) == ({}, {})


def test_an_update_killed_before_the_source_changed_again_takes_nothing_for_a_change_in_the_target(
    source: Path, tmp_path: Path
) -> None:
    target, earlier, middle = source.with_name("target"), tmp_path / "earlier", tmp_path / "middle"
    migrate(source, target)
    shutil.copytree(target, earlier)
    finish_streaming(source)
    shutil.copytree(source, middle)
    calls = calls_of(lambda: migrate(source, target, update=True))
    for step in range(1, len(calls) + 1, 3):
        shutil.rmtree(target)
        shutil.copytree(earlier, target)
        with stopped_at(step), pytest.raises(KilledError):
            migrate(source, target, update=True)
        finish_streaming(source)  # one more chunk
        report = migrate(source, target, update=True)
        assert (report.kept, report.differences) == ({}, [])
        shutil.rmtree(source)
        shutil.copytree(middle, source)


def test_a_target_that_is_not_finished_is_none_for_the_application_to_take_as_whole(source: Path) -> None:
    target = source.with_name("target")
    with stopped_at(120), pytest.raises(KilledError):
        migrate(source, target)
    assert not (target / "store.json").exists()
    assert b'"running"' in (target / "migration" / "state.json").read_bytes()
    assert not verify_migration(source, target).is_equal


def test_a_full_disk_gives_a_clear_error_and_the_next_attempt_goes_on(source: Path) -> None:
    number = errno.ENOSPC
    before = snapshot(source)
    target = source.with_name("target")
    calls = calls_of(lambda: migrate(source, target))
    expected = tree(target)
    for step, name in enumerate(calls, start=1):
        if name in {"open", "mkdir"}:  # folders that are there are opened, and made if they are not
            continue
        shutil.rmtree(target, ignore_errors=True)
        with (
            stopped_at(step, OSError(number, os.strerror(number))),
            pytest.raises(OSError, match=f"migration stopped: {os.strerror(number)}; .*goes on from here") as raised,
        ):
            migrate(source, target)
        assert (raised.value.errno, raised.value.filename) == (number, str(target))
        assert list(target.rglob(f"{TEMPORARY_PREFIX}*")) == []
        migrate(source, target)
        assert tree(target) == expected
    assert snapshot(source) == before


def test_what_was_complete_stays_readable_while_an_update_is_killed(source: Path) -> None:
    target = source.with_name("target")
    migrate(source, target)
    changed(source)
    with stopped_at(40), pytest.raises(KilledError):
        migrate(source, target, update=True)
    assert [len(context.messages()) >= 4 for context in Store(target, strict=True).contexts()] == [True, True]
