"""``chatkit migrate`` as a person uses it."""

from __future__ import annotations

import argparse
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from chatkit.cli import migrate_command
from chatkit.errors import FormatError
from tests.migration.sources import CUT_OFF, OLDEST, STILL_STREAMING, add_to_single_file
from tests.store.trees import snapshot

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str | Path) -> int:
    """Run the command as its parser understands these words."""
    parser = argparse.ArgumentParser()
    migrate_command.add_to(parser.add_subparsers())
    arguments = parser.parse_args(["migrate", *map(str, words)])
    return int(arguments.run(arguments))


@pytest.fixture
def whole(source: Path) -> Path:
    """A source of which every file can be read."""
    (source / "conversations" / f"{CUT_OFF}.json").unlink()
    return source


def test_a_migration_says_what_it_did_and_that_it_was_verified(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(whole) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Migrated: ../source into {whole}.chatkit"
    assert lines[1] == "  2 contexts (single-file 1, split 1), 2 of them written now"
    assert lines[2] == "  8 messages (streaming_response 2, text 6)"
    assert "       4  a message that does not say its type: it was taken from its content" in lines
    assert lines[-1].startswith("Verified: every message was read back and is equal, chunk by chunk")


def test_damaged_files_are_named_and_the_exit_code_is_1(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(source) == 1
    printed = capsys.readouterr().out
    assert "Damaged in the source, not migrated; the bytes are kept under unreadable/ in the target:" in printed
    assert f"  conversations/{CUT_OFF}.json: line 75 column 16: " in printed


def test_a_verification_has_exit_code_0_or_1(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(source)
    assert run(source, "--verify") == 0
    assert "all equal" in capsys.readouterr().out
    path = next((source.with_name("source.chatkit") / "contexts" / OLDEST / "messages").iterdir())
    path.unlink()
    assert run(source, "--verify") == 1
    assert f"message {path.stem}: file: there in the source, missing in the target" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(whole.parent)
    assert run(whole, whole.with_name("new"), "--dry-run") == 0
    assert snapshot(whole.parent) == before
    assert capsys.readouterr().out.startswith("Would migrate")


def test_an_update_brings_changes_over(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(whole)
    add_to_single_file(whole / "conversations" / f"{OLDEST}.json", 1)
    assert run(whole) == 0
    assert "--update brings the changes over" in capsys.readouterr().out
    assert run(whole, "--update") == 0
    assert "1 of them written now" in capsys.readouterr().out


def test_the_report_as_json_is_the_one_that_is_kept_in_the_target(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(source, "--json")
    printed = json.loads(capsys.readouterr().out)
    this_run = printed.pop("this_run")
    assert (this_run["written"], this_run["differences"]) == ([OLDEST, STILL_STREAMING], [])
    assert printed == json.loads((source.with_name("source.chatkit") / "migration" / "report.json").read_bytes())
    assert (printed["contexts"], printed["formats"]) == (2, {"single-file": 1, "split": 1})
    assert printed["damaged"][0]["kept_as"] == f"unreadable/conversations/{CUT_OFF}.json"
    assert printed["inferred"]["usage"] == {
        "count": 2,
        "meaning": "a response without token usage: it was never recorded",
    }


def test_a_verification_as_json_has_its_differences(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(source)
    next((source.with_name("source.chatkit") / "contexts" / OLDEST / "messages").iterdir()).unlink()
    capsys.readouterr()
    run(source, "--verify", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert [difference["where"] for difference in printed["differences"]] == ["file"]


def test_a_foreign_target_is_an_error_with_the_reason(source: Path) -> None:
    target = source.with_name("source.chatkit")
    target.mkdir()
    (target / "notes.txt").write_bytes(b"mine")
    with pytest.raises(FormatError, match="not empty, and no earlier migration"):
        run(source)


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_to_a_person_and_not_to_a_file(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(migrate_command, "_SHOWN_AFTER_S", 0)
    assert run(whole, whole.with_name("a")) == 0
    assert capsys.readouterr().err == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run(whole, whole.with_name("b")) == 0
    assert "context" in terminal.getvalue()


def test_progress_is_not_shown_within_the_first_second(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run(whole) == 0
    assert terminal.getvalue().strip() == ""
