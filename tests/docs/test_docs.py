"""The docs say what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import chatkit
from chatkit.frames import tables

if TYPE_CHECKING:
    from chatkit.frames.column import Column, Table

ROOT = Path(__file__).parents[2]
TABLES = {
    "contexts_df": tables.CONTEXTS,
    "messages_df": tables.MESSAGES,
    "responses_df": tables.RESPONSES,
    "chunks_df": tables.CHUNKS,
    "problems_df": tables.PROBLEMS,
}


def test_the_api_page_lists_exactly_the_public_names() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(chatkit.__all__)


def row(column: Column) -> str:
    return f"| `{column.name}` | {column.dtype} | {column.unit or ''} | {column.meaning} |"


@pytest.mark.parametrize(("name", "table"), TABLES.items())
def test_the_tables_page_says_what_the_declarations_say(name: str, table: Table) -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("| `")] == [row(column) for column in table]


def test_the_two_commands_stand_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for extra, command in (("lab", "chatkit report data/store"), ("dev", "python -m pytest")):
        line = f'python3 -m venv .venv && .venv/bin/python -m pip install -e ".[{extra}]" && .venv/bin/{command}'
        assert line in readme.splitlines()


def test_every_test_that_the_format_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "format.md").read_text(encoding="utf-8")))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 30
    assert named - there == set()


def test_every_requirement_of_the_format_has_a_scenario_that_a_test_holds() -> None:
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    requirements = re.split(r"^\*\*(\d\.\d)\*\*", page, flags=re.MULTILINE)[1:]
    texts = dict(zip(requirements[::2], requirements[1::2], strict=True))
    assert [number for number, text in texts.items() if "*Held by*" not in text.split("\n#")[0]] == []
