"""Changing one part of a JSON file without reading the rest as models.

Values that are not touched stay as the bytes they were: unknown keys survive, and a context of ten thousand messages
gets another one in milliseconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from chatkit.errors import CorruptFileError
from chatkit.store.atomic import write_atomically
from chatkit.store.json_files import dump_json, parse_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Object = dict[str, msgspec.Raw]
Array = list[msgspec.Raw]
_OBJECT = msgspec.json.Decoder(Object)
_ARRAY = msgspec.json.Decoder(Array)
_TRIES = 100


def change_file(path: Path, change: Callable[[Object], bool]) -> None:
    """Change a JSON object in a file; made again on the new one if somebody else writes it meanwhile.

    Args:
        path: the file.
        change: changes the object it is given; False if there is nothing to write.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it holds no JSON object.
    """
    for _ in range(_TRIES):
        before = path.read_bytes()
        content = read_object(before, path)
        if not change(content):
            return
        data = msgspec.json.encode(content) + b"\n"
        if path.read_bytes() == before:
            write_atomically(path, data)
            return
    raise CorruptFileError(str(path), "", "changes all the time; nothing was written")


def read_object(data: bytes | msgspec.Raw, path: Path) -> Object:
    """Take an object apart, one level deep.

    Raises:
        CorruptFileError: it is none.
    """
    found = _take_apart(_OBJECT, data, path)
    if not isinstance(found, dict):
        raise CorruptFileError(str(path), "", "not a JSON object")
    return {key: _as_raw(value) for key, value in found.items()}


def read_array(data: bytes | msgspec.Raw, path: Path) -> Array:
    """Take an array apart, one level deep.

    Raises:
        CorruptFileError: it is none.
    """
    found = _take_apart(_ARRAY, data, path)
    if not isinstance(found, list):
        raise CorruptFileError(str(path), "", "not a JSON array")
    return [_as_raw(value) for value in found]


def _take_apart(decoder: msgspec.json.Decoder[Any], data: bytes | msgspec.Raw, path: Path) -> Any:
    """Decode one level; half a character, which the fast decoder refuses, is left to the patient one."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return parse_json(bytes(data), path)


def _as_raw(value: Any) -> msgspec.Raw:
    return value if isinstance(value, msgspec.Raw) else msgspec.Raw(json.dumps(value).encode())


def raw(value: object) -> msgspec.Raw:
    """Return a plain value as the bytes of its JSON; values that are such bytes already stay as they are."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except UnicodeEncodeError:  # half a character
        return msgspec.Raw(dump_json(value).strip())
