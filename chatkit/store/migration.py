"""A store in an old format turned into a new one in chatkit's own, in a new folder; the source is only read.

Killed at any point and started again, it ends in the same files, byte for byte: nothing that is written depends on
the time, and a file that says the right thing already is left alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from chatkit.errors import ChatkitError, CorruptFileError, CorruptFileWarning, FormatError
from chatkit.store.folder import ContextFolder
from chatkit.store.json_files import dump_json
from chatkit.store.locate import FORMAT_NAME, check_is_store, find_contexts
from chatkit.store.migration_merge import Merged, merge
from chatkit.store.migration_record import Written
from chatkit.store.migration_report import Damage, MigrationReport
from chatkit.store.migration_source import Image, read_image, shadowed
from chatkit.store.migration_target import MIGRATION, UNREADABLE, Target, default_target, make_folder
from chatkit.store.problems import Problem
from chatkit.store.urls import is_url
from chatkit.store.verification import Verification, differences_in, only_in_target

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from chatkit.store.context_files import ContextFiles
    from chatkit.store.verification import Difference

Progress = Callable[[int, int], None]
"""Told how many contexts are done, and of how many."""

_TRIES = 3
"""How often a context is read again that the application changes while it is compared."""


def migrate(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    update: bool = False,
    progress: Progress | None = None,
) -> MigrationReport:
    """Turn a store into one in chatkit's own format, and compare the two; contexts that are so already are copied.

    Args:
        source: a store in an old format, or a mixed one. It is not changed in any way.
        target: a new folder, or one of an earlier migration of this source; ``SOURCE.chatkit`` by default.
        dry_run: only say what would be done.
        update: where the migration was complete before, bring over what is new or has changed since. What was changed
            or added in the target is kept.
        progress: told how many contexts are done, and of how many.

    Raises:
        FormatError: the source is no store, or the target is something else than a migration of it.
        StoreBusyError: another migration into the target is running.
        OSError: the disk refuses; the next attempt goes on from there.
    """
    root = _root(source)
    goal = _target(root, target)
    is_pending = goal.state == "done" and not update and not dry_run
    writes = not dry_run and not is_pending
    report = MigrationReport(goal.source_name, str(goal.path), is_dry=dry_run, is_pending=is_pending)
    try:
        with goal.writing() if writes else nullcontext():
            contexts = find_contexts(root)
            for n_done, context_id in enumerate(sorted(contexts)):
                if progress is not None:
                    progress(n_done, len(contexts))
                _bring(contexts[context_id], root, goal, report, writes=writes)
            report.shadowed = [_relative(path, root) for path in shadowed(contexts, root)]
            if progress is not None:
                progress(len(contexts), len(contexts))
            if writes and not report.differences:
                goal.write(goal.report_path, dump_json(report.of_target()))
                goal.finish()
    except ChatkitError:
        raise
    except OSError as error:
        reason = f"{error.strerror or error}; the source is as it was, and the same command goes on from here"
        raise OSError(error.errno, f"migration stopped: {reason}", str(goal.path)) from error
    return report


def migrated(source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a store in chatkit's own format: the source itself, or its migration, brought up to date.

    What is damaged in the source is named in a warning.

    Raises:
        CorruptFileError: the migration is not equal to its source.
        FormatError, StoreBusyError, OSError: see :func:`migrate`.
    """
    root = _root(source)
    check_is_store(root)
    if all(files.format_name == FORMAT_NAME for files in find_contexts(root).values()):
        return root
    report = migrate(root, target, update=True)
    if report.differences:
        raise CorruptFileError(report.target, "", f"not equal to {root}: {report.differences[0]}")
    if report.damaged:
        warnings.warn(
            f"{len(report.damaged)} damaged files were not migrated; the rest was. First: {report.damaged[0]}. "
            f"All are in {Path(report.target) / MIGRATION}",
            CorruptFileWarning,
            stacklevel=3,
        )
    return Path(report.target)


def verify_migration(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Verification:
    """Read every message of a source and of its migration, and compare them chunk by chunk; nothing is written.

    Raises:
        FormatError: the source is no store, or the target is no migration of it.
    """
    root = _root(source)
    goal = _target(root, target)
    if goal.state == "new":
        raise FormatError(f"{goal.path}: no migration; 'chatkit migrate' makes one")
    found = Verification()
    contexts = find_contexts(root)
    for n_done, context_id in enumerate(sorted(contexts)):
        if progress is not None:
            progress(n_done, len(contexts))
        folder = ContextFolder(goal.context_path(context_id))
        try:
            image = read_image(contexts[context_id])
        except (CorruptFileError, FileNotFoundError):
            found.unreadable.append(_relative(contexts[context_id].path, root))
            continue
        found.unreadable += sorted({_relative(Path(problem.path), root) for problem in image.damage})
        found.add(image, differences_in(image, folder))
        found.only_in_target += only_in_target(image, folder) if folder.path.is_dir() else []
    return found


def _root(source: str | os.PathLike[str]) -> Path:
    """Return a path that says which folder it is, unlike "."."""
    if is_url(str(source)):
        raise FormatError(f"{source}: a migration reads from a folder; copy what is behind the URL into one first")
    root = Path(source)
    return root.resolve() if root.name in {"", ".."} else root


def _target(source: Path, target: str | os.PathLike[str] | None) -> Target:
    check_is_store(source)
    return Target(default_target(source) if target is None else Path(target), source)


def _bring(files: ContextFiles, root: Path, goal: Target, report: MigrationReport, *, writes: bool) -> None:
    """Bring one context over, and compare it; one that is gone meanwhile is none."""
    try:
        image = read_image(files)
        folder = ContextFolder(goal.context_path(files.context_id))
        if writes:
            image, merged, differences = _brought(files, image, folder, goal)
            report.differences += differences
        else:
            merged = merge(image, folder, goal.written(files.context_id))
    except CorruptFileError as error:
        problem = Problem(error.path, files.context_id, None, error.where, error.reason)
        report.damaged += _kept([problem], root, goal, writes=writes)
    except FileNotFoundError:
        if files.path.exists():
            raise
    else:
        report.add(image, merged, _kept(image.damage, root, goal, writes=writes))


def _brought(
    files: ContextFiles, image: Image, folder: ContextFolder, goal: Target
) -> tuple[Image, Merged, list[Difference]]:
    """Write a context, read both sides anew and compare; again where the application has changed it meanwhile.

    One that changes all the time is compared as it was read; one whose files were all equal, byte for byte, has been.
    """
    for n_left in reversed(range(_TRIES)):
        merged = _write(image, folder, goal)
        if not merged.files:
            return image, merged, []
        now = read_image(_anew(files))
        if now.files == image.files or not n_left:
            break
        image = now
    said = now if now.files == image.files else image
    differences = differences_in(said, folder, kept=merged.kept_messages(said), kept_keys=merged.kept_keys)
    return said, merged, differences


def _anew(files: ContextFiles) -> ContextFiles:
    """Return the same context with nothing of it remembered."""
    found = find_contexts(files.path).get(files.context_id)
    if found is None:
        raise FileNotFoundError(f"{files.path}: gone")
    return found


def _write(image: Image, folder: ContextFolder, goal: Target) -> Merged:
    """Write what is to be written of a context; its metadata comes last.

    The record is written before the files, with what they were and what they will be, and after them once more: at
    whatever point this is killed, the record knows each file.
    """
    path = goal.record_path(image.context_id)
    after = Written.of(image.files, image.metadata.to_dict())
    before = goal.written(image.context_id)
    merged = merge(image, folder, before)
    if not merged.files and before == after:
        return merged
    goal.begin()
    with goal.held(image.context_id):
        merged = merge(image, folder, before)
        goal.write(path, before.either(after).to_bytes())
        make_folder(folder.messages_path)
        for name, data in merged.files.items():
            goal.write(folder.path / name, data)
        goal.write(path, after.to_bytes())
    return merged


def _kept(problems: Iterable[Problem], root: Path, goal: Target, *, writes: bool) -> list[Damage]:
    """Copy the bytes of damaged files, and say of each what is wrong with it."""
    found = []
    for problem in problems:
        relative = _relative(Path(problem.path), root)
        kept_as: str | None = f"{UNREADABLE}/{relative}"
        try:
            data = Path(problem.path).read_bytes()
        except OSError:  # missing, or not ours to read
            kept_as = None
        else:
            if writes:
                goal.write(goal.path / UNREADABLE / relative, data)
        found.append(Damage(relative, problem.context_id, problem.message_id, problem.where, problem.reason, kept_as))
    return found


def _relative(path: Path, root: Path) -> str:
    """Return where a file is under the source."""
    return path.relative_to(root if root.is_dir() else root.parent).as_posix()
