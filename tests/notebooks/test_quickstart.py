"""The notebooks' figures are held by their saved outputs; here, that they really are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_is_exempt_but_those_whose_only_output_is_a_picture(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        exempt = "NBVAL_" in cell.source or any(tag.startswith("nbval") for tag in cell.metadata.get("tags", []))
        if cell.cell_type == "code" and exempt:
            assert [set(output.get("data", {})) - {"text/plain"} for output in cell.outputs] == [{"image/png"}]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_with_its_outputs_and_without_errors(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    pictures = [o for c in cells if "plot_" in c.source for o in c.outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == sum("plot_" in cell.source for cell in cells)


def test_moving_one_stored_chunk_by_100_ms_makes_the_notebooks_test_fail(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "data" / "store", tmp_path / "data" / "store")
    (tmp_path / "notebooks").mkdir()
    notebook = shutil.copy(ROOT / "notebooks" / "01_quickstart.ipynb", tmp_path / "notebooks")
    # The 40th chunk of a response that stands out in nothing.
    path = next((tmp_path / "data" / "store").rglob("messages/22eba1ec-*.json"))
    message = json.loads(path.read_text(encoding="utf-8"))
    chunk = message["streaming_response"]["chunks"][39]
    moved = datetime.fromisoformat(chunk["timestamp"]) + timedelta(milliseconds=100)
    chunk["timestamp"] = moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    path.write_text(json.dumps(message), encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(notebook)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "gap_ms" in done.stdout
    assert "Cell outputs differ" in done.stdout
