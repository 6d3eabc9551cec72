"""The house: a module imports only what stands above it, and nothing above the pandas line imports pandas."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import chatkit

PACKAGE = Path(chatkit.__file__).parent

LAYERS = [
    "errors", "timing", "sse", "web", "models", "store", "replay", "capture", "formats", "server", "chat",
    "frames", "metrics", "charts", "player", "reports", "cli",
]  # fmt: skip
FIRST_WITH_PANDAS = "frames"
HEAVY = {"pandas", "pyarrow", "matplotlib"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(path: Path) -> str | None:
    """The room a file is in; None for the package's own two files, which may name everything."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return None if first in {"__init__", "__main__"} else first


def imported(path: Path) -> set[str]:
    """Every module a file imports, at the top or inside a function, for types only or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            module = node.module or ""
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_its_own_layer_and_those_above(path: Path) -> None:
    here = layer_of(path)
    if here is None:
        return
    assert here in LAYERS, f"{here} has no place in the list of layers"
    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("chatkit.")}
    below = {room for room in rooms & set(LAYERS) if LAYERS.index(room) > LAYERS.index(here)}
    assert not below


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_above_the_pandas_line_imports_what_is_heavy(path: Path) -> None:
    here = layer_of(path)
    if here is not None and LAYERS.index(here) >= LAYERS.index(FIRST_WITH_PANDAS):
        return
    assert not HEAVY & {name.split(".")[0] for name in imported(path)}


def test_importing_chatkit_costs_neither_pandas_nor_matplotlib() -> None:
    heavy = "{'pandas', 'matplotlib', 'pyarrow', 'numpy'}"
    code = f"import sys, chatkit; dir(chatkit); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_a_store_costs_no_pandas() -> None:
    code = "import sys, chatkit as ck; ck.Store; ck.Message; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_public_name_is_a_module() -> None:
    for found in pkgutil.walk_packages(chatkit.__path__, "chatkit."):
        if found.name != "chatkit.__main__":
            importlib.import_module(found.name)
    modules = [name for name in chatkit.__all__ if isinstance(getattr(chatkit, name), ModuleType)]
    assert modules == []


def test_every_public_name_is_told_to_type_checkers_too() -> None:
    tree = ast.parse(Path(chatkit.__file__).read_text(encoding="utf-8"))
    checking = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name for node in checking.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told | {"__version__"} == set(chatkit.__all__)
    assert told == {name for names in chatkit._HOMES.values() for name in names}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = chatkit.nonsense
