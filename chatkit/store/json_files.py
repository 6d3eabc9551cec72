"""JSON files and models: reading with the place of what is wrong, writing with half characters escaped."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from chatkit.errors import CorruptFileError
from chatkit.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
R = TypeVar("R", bound=Record)
_YOUNG_S = 1.0
_PAUSE_S = 0.05
_LONE_HALF = re.compile("[\ud800-\udfff]")


def read_json(path: Path) -> Any:
    """Read a JSON file; see :func:`read_patiently`."""
    return read_patiently(path, parse_json)


def read_patiently(path: Path, parse: Callable[[bytes, Path], T]) -> T:
    """Read a file; one younger than a second that does not parse is read once again first.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it can't be opened, or does not parse.
    """
    try:
        return parse(read_bytes(path), path)
    except CorruptFileError:
        if not is_young(path):
            raise
        time.sleep(_PAUSE_S)
        return parse(read_bytes(path), path)


def is_young(path: Path) -> bool:
    """Whether a file changed a moment ago, so that whoever writes it may not be done.

    Where a URL does not tell when that was (NaN), it is not: what is put there is put whole.
    """
    try:
        return time.time() - path.stat().st_mtime <= _YOUNG_S
    except NotADirectoryError:  # a file stands where its folder should be
        return False


def parse_json(data: bytes, path: Path) -> Any:
    """Parse the content of a JSON file.

    Raises:
        CorruptFileError: with line and column.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise CorruptFileError(str(path), f"line {error.lineno} column {error.colno}", error.msg) from error
    except UnicodeDecodeError as error:
        raise CorruptFileError(str(path), f"byte {error.start}", "not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise CorruptFileError(str(path), "", str(error)) from error


def read_record(path: Path, kind: type[R]) -> R:
    """Read a file that holds one model.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is not JSON, or says something else than the model.
    """
    return validate(read_json(path), kind, path)


def validate(content: Any, kind: type[R], path: Path) -> R:
    """Make a model of a file's parsed content.

    Raises:
        CorruptFileError: with the path of the first wrong key.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CorruptFileError(str(path), ".".join(map(str, first["loc"])), first["msg"]) from error
    except (OverflowError, RecursionError) as error:
        raise CorruptFileError(str(path), "", str(error)) from error


def dump(record: Record) -> bytes:
    """Return a model as the bytes of its file."""
    return dump_json(record.to_dict())


def dump_json(content: Any) -> bytes:
    """Return UTF-8 JSON on one line, halves of characters as escapes, with a line end."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n"
    return _LONE_HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def read_bytes(path: Path) -> bytes:
    """Read a file; one that is there but can't be opened (no permission, a folder) is as bad as a damaged one."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise CorruptFileError(str(path), "", error.strerror or str(error)) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
