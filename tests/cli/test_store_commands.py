"""The commands that look after a store: check, repair, trash, schema."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import chatkit
from chatkit.cli.main import main

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "store"


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    store = chatkit.Store.create(tmp_path / "store")
    context = store.create_context(title="One")
    for number in range(3):
        context.append_message(chatkit.Message.from_text(f"message {number}"))
    return store.path


def index_of(store_path: Path) -> Path:
    return next(store_path.glob("contexts/*/index.json"))


def test_check_of_a_sound_store_finds_nothing_and_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(SAMPLE)]) == 0
    assert capsys.readouterr().out == "0 findings in 93 contexts\n"


def test_check_names_what_is_wrong_and_repair_mends_it_only_when_told(
    store_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = index_of(store_path)
    whole = index.read_bytes()
    index.unlink()
    assert main(["check", str(store_path)]) == 1
    assert f"{index}: is missing [made anew from the messages]" in capsys.readouterr().out
    assert main(["repair", str(store_path)]) == 1
    assert "1 can be mended: run again with --apply" in capsys.readouterr().out
    assert not index.exists()
    assert main(["repair", str(store_path), "--apply"]) == 0
    assert "1 mended, 0 left" in capsys.readouterr().out
    assert json.loads(index.read_bytes()) == json.loads(whole)
    assert main(["check", str(store_path)]) == 0


def test_check_and_repair_print_json_too(store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = index_of(store_path)
    index.write_text("{", encoding="utf-8")
    main(["check", str(store_path), "--json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["kind"], finding["path"]) == ("index", str(index))
    main(["repair", str(store_path), "--apply", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert [found["kind"] for found in said["mended"]] == ["index"]
    assert said["left"] == []
    assert said["applied"] is True


def test_a_damaged_message_is_left_as_it_is_and_named(store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = min(store_path.glob("contexts/*/messages/*.json"))
    message.write_bytes(b"{ torn")
    assert main(["repair", str(store_path), "--apply"]) == 1
    said = capsys.readouterr().out
    assert f"{message}: " in said
    assert "[left as it is]" in said
    assert message.read_bytes() == b"{ torn"


@pytest.mark.parametrize("command", ["check", "repair"])
def test_an_old_store_cannot_be_mended_and_says_what_can(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(ROOT / "tests" / "store" / "legacy" / "split")]) == 1
    assert "chatkit migrate" in capsys.readouterr().err


def test_trash_lists_what_was_deleted_and_removes_it_only_when_told(
    store_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (context,) = chatkit.Store(store_path).contexts()
    moved = context.delete()
    assert chatkit.Store(store_path).contexts() == []
    assert main(["trash", str(store_path)]) == 0
    assert capsys.readouterr().out == f"{moved}\n1 deletions in the trash\n"
    assert moved.exists()
    assert main(["trash", str(store_path), "--empty"]) == 0
    assert "1 deletions removed for good" in capsys.readouterr().out
    assert not moved.exists()


def test_what_lies_in_the_trash_can_be_moved_back(store_path: Path) -> None:
    (context,) = chatkit.Store(store_path).contexts()
    home = store_path / "contexts" / context.context_id
    shutil.move(context.delete(), home)
    assert len(chatkit.Store(store_path).contexts()[0].messages()) == 3


def test_the_schemas_are_sound_and_every_file_of_the_sample_store_obeys_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["schema"])
    schemas = json.loads(capsys.readouterr().out)
    kinds = {
        "store": [SAMPLE / "store.json"],
        "metadata": list(SAMPLE.glob("contexts/*/metadata.json")),
        "index": list(SAMPLE.glob("contexts/*/index.json")),
        "message": list(SAMPLE.glob("contexts/*/messages/*.json")),
    }
    assert schemas.keys() == kinds.keys()
    assert len(kinds["message"]) == 274
    for name, files in kinds.items():
        Draft202012Validator.check_schema(schemas[name])
        validator = Draft202012Validator(schemas[name])
        for path in files:
            validator.validate(json.loads(path.read_bytes()))


def test_a_file_that_lacks_what_it_must_have_disobeys_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema", "message"])
    validator = Draft202012Validator(json.loads(capsys.readouterr().out))
    message = json.loads(next(SAMPLE.glob("contexts/*/messages/*.json")).read_bytes())
    assert validator.is_valid(message)
    assert not validator.is_valid({key: value for key, value in message.items() if key != "role"})
    assert not validator.is_valid(message | {"position": "first"})


def test_output_that_nobody_reads_to_its_end_is_no_traceback() -> None:
    """The reader closes after one line, as ``head -1`` does."""
    command = [sys.executable, "-m", "chatkit", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
