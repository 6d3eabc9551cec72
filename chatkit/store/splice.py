"""Changing one part of a JSON file without reading the rest as models.

Values that are not touched stay as the bytes they were: unknown keys survive, and a context of ten thousand messages
gets another one in milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from chatkit.errors import CorruptFileError, StoreBusyError
from chatkit.store.atomic import write_atomically
from chatkit.store.json_files import dump_json, parse_json, read_patiently

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
        StoreBusyError: somebody else writes it all the time.
    """
    for _ in range(_TRIES):
        before, content = read_patiently(path, _with_parts)
        if not change(content) or write_atomically(path, bytes(raw(content)) + b"\n", only_over=before):
            return
    raise StoreBusyError(f"{path}: somebody else writes it all the time, so nothing was written; try again")


def read_parts(path: Path) -> Object:
    """Read a file and take its object apart, one level deep.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it holds no JSON object.
    """
    return read_patiently(path, read_object)


def _with_parts(data: bytes, path: Path) -> tuple[bytes, Object]:
    return data, read_object(data, path)


def read_object(data: bytes | msgspec.Raw, path: Path) -> Object:
    """Take an object apart, one level deep.

    Raises:
        CorruptFileError: it is none.
    """
    try:
        return _OBJECT.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = parse_json(bytes(data), path)  # half a character, which the fast decoder refuses, or a defect
    if not isinstance(found, dict):
        raise CorruptFileError(str(path), "", "not a JSON object")
    return {key: raw(value) for key, value in found.items()}


def read_array(data: bytes | msgspec.Raw, path: Path) -> Array:
    """Take an array apart, one level deep.

    Raises:
        CorruptFileError: it is none.
    """
    try:
        return _ARRAY.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = parse_json(bytes(data), path)
    if not isinstance(found, list):
        raise CorruptFileError(str(path), "", "not a JSON array")
    return [raw(value) for value in found]


def lengthened(array: msgspec.Raw, values: list[bytes]) -> msgspec.Raw:
    """Return the bytes of an array with values at its end; what it holds is not looked at."""
    if not values:
        return array
    held = bytes(array)
    held = held[: held.rindex(b"]")].rstrip()
    return msgspec.Raw(held + b"," * (held != b"[") + b",".join(value.strip() for value in values) + b"]")


def raw(value: object) -> msgspec.Raw:
    """Return a plain value as the bytes of its JSON; values that are such bytes already stay as they are."""
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except UnicodeEncodeError:  # half a character
        return msgspec.Raw(_encoded(value))


def _encoded(value: object) -> bytes:
    """Encode level by level, halves of characters as escapes, in keys too."""
    if isinstance(value, msgspec.Raw):
        return bytes(value)
    if isinstance(value, dict):
        return b"{" + b",".join(_encoded(key) + b":" + _encoded(part) for key, part in value.items()) + b"}"
    if isinstance(value, list | tuple):
        return b"[" + b",".join(map(_encoded, value)) + b"]"
    return dump_json(value).strip()
