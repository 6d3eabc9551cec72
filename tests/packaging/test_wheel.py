"""The wheel, built and installed elsewhere."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_scripts_styles_templates_notebooks_and_store_but_no_recordings(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for part in (
        "chatkit/py.typed",
        "chatkit/web/core.js",
        "chatkit/web/style.css",
        "chatkit/reports/templates/report.html",
        "chatkit/server/templates/api.html",
        "chatkit/web/server_page.html",
        "chatkit/share/notebooks/01_quickstart.ipynb",
        "chatkit/share/data/store/store.json",
    ):
        assert part in names
    assert not [name for name in names if "recordings/" in name or name.startswith("tests")]


def test_an_installed_wheel_lays_out_its_store_and_reports_on_it(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    code = f"""
import sys
sys.path.insert(0, {str(target)!r})
import chatkit
assert chatkit.__file__.startswith({str(target)!r}), chatkit.__file__
from pathlib import Path
from chatkit.cli.lab_command import lay_out
from chatkit.cli.main import main
lay_out(Path("work"))
assert (Path("work") / "notebooks" / "01_quickstart.ipynb").exists()
sys.exit(main(["report", "work/data/store"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "all" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 100_000
