"""The command line, as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import chatkit
from chatkit.cli.lab_command import lay_out
from chatkit.cli.main import main

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "store"
CAPTURES = ROOT / "data" / "recordings"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_report_prints_a_summary_where_it_wrote_and_how_to_go_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(SAMPLE)]) == 0
    printed = capsys.readouterr().out
    first, second, *_ = printed.splitlines()
    for heading in (
        "responses",
        "TTFT p50",
        "TTFT p95",
        "gap p50",
        "gap p99",
        "stalls",
        "tokens/s",
        "tokens in",
        "tokens out",
    ):
        assert heading in first
    # 137 recordings and 11 stalls; 162 ms and 958 ms by numpy.percentile over the recordings' first chunks
    assert second.split()[:4] == ["all", "137", "162", "958"]
    assert "11" in second.split()
    assert f"Report: {here / 'report.html'}" in printed
    assert "chatkit lab" in printed
    assert (here / "report.html").stat().st_size > 100_000


def test_report_groups_by_labels_and_columns(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(SAMPLE), "-o", str(here / "r.html"), "--by", "scenario", "--by", "model"]) == 0
    lines = capsys.readouterr().out.splitlines()
    busy = [line.split() for line in lines if line.split()[:1] == ["busy"]]
    assert [(row[1], row[2]) for row in busy] == [("gemma-3-270m-q4", "8"), ("qwen2.5-coder-0.5b-instruct-q4", "8")]


def test_report_on_an_unknown_label_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(SAMPLE), "--by", "colour"]) == 1
    assert "no response has the label 'colour'" in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: None, "no such folder"),
        (lambda path: path.mkdir(), "not a store"),
        (lambda path: path.write_text("hello", encoding="utf-8"), "not a store"),
    ],
    ids=["missing", "empty", "a file"],
)
def test_report_on_what_is_no_store_is_one_line_and_exit_code_1(
    here: Path, capsys: pytest.CaptureFixture[str], make: object, says: str
) -> None:
    assert callable(make)
    make(here / "thing")
    assert main(["report", str(here / "thing")]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.startswith("chatkit: ")
    assert "Traceback" not in said


def test_import_makes_a_store_and_importing_again_adds_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [str(CAPTURES / f"chat-ctx00-t{turn}.jsonl") for turn in range(3)]
    assert main(["import", *chosen, "--store", "mine"]) == 0
    assert "3 recordings: 6 messages in 1 new contexts" in capsys.readouterr().out
    assert main(["import", *chosen, "--store", "mine"]) == 0
    assert "0 messages in 0 new contexts; 6 messages were there already" in capsys.readouterr().out
    assert len(chatkit.Store(here / "mine").contexts()) == 1


def test_import_names_what_it_could_not_read_and_imports_the_rest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.jsonl").write_text('{"capture": 1}\n', encoding="utf-8")
    good = CAPTURES / "c1-short-00.jsonl"
    cut = here / "cut.jsonl"
    cut.write_bytes((CAPTURES / "c1-short-01.jsonl").read_bytes()[:5000])
    assert main(["import", "bad.jsonl", str(good), "cut.jsonl", "--store", "mine"]) == 1
    said = capsys.readouterr()
    assert "not imported: bad.jsonl: line 1: id: Field required" in said.err
    assert "kept up to there: cut.jsonl" in said.err
    statuses = chatkit.responses_df("mine")["status"].tolist()
    assert sorted(statuses) == ["complete", "interrupted"]


def test_import_of_a_path_that_is_not_there_imports_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(CAPTURES / "c1-short-00.jsonl"), "nowhere", "--store", "mine"]) == 1
    assert "nowhere: no such file or folder; nothing was imported" in capsys.readouterr().err
    assert list((here / "mine" / "contexts").iterdir()) == []


def test_a_damaged_message_is_one_line_and_the_rest_is_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", str(CAPTURES / "c1-short-00.jsonl"), str(CAPTURES / "c1-short-01.jsonl"), "--store", "mine"])
    response = next(path for path in here.rglob("messages/*.json") if "chunks" in path.read_text(encoding="utf-8"))
    response.write_bytes(response.read_bytes()[:2000])
    capsys.readouterr()
    assert main(["report", "mine"]) == 0
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert response.name in said.err
    assert said.out.splitlines()[1].split()[:2] == ["all", "1"]


def test_lab_lays_out_notebooks_and_store_and_writes_over_nothing(here: Path) -> None:
    (here / "notebooks").mkdir()
    (here / "notebooks" / "mine.ipynb").write_text("mine", encoding="utf-8")
    assert lay_out(here) == [here / "data"]
    assert (here / "notebooks" / "mine.ipynb").read_text(encoding="utf-8") == "mine"
    assert len(chatkit.Store(here / "data" / "store").contexts()) == 93
    assert lay_out(here) == []


@pytest.mark.parametrize("command", [["-m", "chatkit", "--version"], ["-m", "chatkit", "--help"]])
def test_the_package_runs_as_a_module(command: list[str]) -> None:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True)
    assert "chatkit" in done.stdout
    if "--version" in command:
        assert done.stdout.strip() == f"chatkit {chatkit.__version__}"


def test_wrong_arguments_are_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fly"])
    assert stopped.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_report_on_an_old_store_says_what_is_known_and_once_why_the_rest_is_not(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = ROOT / "tests" / "store" / "legacy" / "split"
    assert main(["report", str(old), "-o", str(here / "old.html")]) == 0
    said = capsys.readouterr().out
    everything = said.splitlines()[1].split()
    assert everything[:4] == ["all", "5", "-", "-"]  # TTFT unknown, p50 and p95
    assert float(everything[4]) > 0  # gaps known
    assert said.count("The time at which the request was sent is not known for 5 of 5 responses") == 1
