"""The player's files: their own tests under node, and how they are joined into one module."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from chatkit.web import join_modules, page_module, player_module, player_style

HERE = Path(__file__).parent
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not on PATH: the JavaScript's own tests need it")


@needs_node
def test_core_passes_its_own_tests() -> None:
    ran = subprocess.run(
        ["node", "--test", str(HERE / "core.test.mjs")],
        capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


@needs_node
@pytest.mark.parametrize("module", [player_module, page_module])
def test_joined_module_is_valid_and_imports_nothing(module: object, tmp_path: Path) -> None:
    assert callable(module)
    path = tmp_path / "joined.mjs"
    path.write_text(module(), encoding="utf-8")
    print_exports = f"console.log(Object.keys(await import({path.as_uri()!r})).join())"
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", print_exports],
        capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip
    assert (ran.stdout.strip(), ran.stderr) == ("default", "")


def test_joining_drops_imports_over_several_lines_and_keeps_the_default_export() -> None:
    first = "export const A = 1;\nexport async function b() {}\nexport class C {}\n"
    second = 'import {\n  A,\n  b,\n} from "./first.js";\nexport default { A };\n'
    assert join_modules([first, second]) == (
        "const A = 1;\nasync function b() {}\nclass C {}\n\nexport default { A };\n"
    )


@pytest.mark.parametrize("line", ['import x from "./x.js";', "export { a };", 'import "./x.js";'])
def test_joining_refuses_what_it_would_leave_behind(line: str) -> None:
    with pytest.raises(ValueError, match="can't join modules over this line"):
        join_modules([line + "\n"])


def test_nothing_in_the_files_could_end_a_script_or_style_element() -> None:
    for text in (page_module(), player_style()):
        assert "</" not in text
        assert "<!--" not in text


def test_every_class_of_the_style_sheet_is_prefixed() -> None:
    classes = re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/", "", player_style(), flags=re.DOTALL))
    assert classes
    assert [name for name in classes if not name.startswith("ck-")] == []
