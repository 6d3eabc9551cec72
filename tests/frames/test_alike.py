"""Arrays of chunks that are written alike: what is read of them without a parser is what a parser reads."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from chatkit.frames.alike import alike
from chatkit.timing.stamps import format_stamp, from_us, parse_stamp

FORMS: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":")},
    "by default": {},
    "indented": {"indent": 2},
    "deeply indented": {"indent": 11},
    "escaped": {"separators": (",", ":"), "ensure_ascii": True},
}
DELTAS = ["Hel", "lo", "", ' "quoted"', "\\", '\\\\"', "\n", "é — 😀", "\u2028\x7f", '","timestamp":"', "}]", "\t\x00"]


def chunk(number: int, delta: str, **more: Any) -> dict[str, Any]:
    """A chunk as every writer has it; the first has no interval."""
    us = f"{number * 10_007:06d}"
    found = {
        "sequence": number,
        "delta": delta,
        "timestamp": f"2026-11-23T09:01:52.{us}Z",
        "accumulated_chars": number * 4,
        "interval_ms": number * 10,
    }
    return {key: value for key, value in (found | more).items() if number > 1 or key != "interval_ms"}


def response(*deltas: str) -> list[dict[str, Any]]:
    return [chunk(number, delta) for number, delta in enumerate(deltas, start=1)]


def written(chunks: Any, **form: Any) -> bytes:
    return json.dumps(chunks, **{"ensure_ascii": False} | form).encode()


def rows(arrays: list[bytes]) -> tuple[list[int], list[tuple[int, str, str]]]:
    """The numbers of the arrays that are alike, and their chunks."""
    found = alike(arrays)
    if found is None:
        return [], []
    assert found.counts.sum() == len(found.delta)
    columns = (
        found.sequence.tolist(),
        found.delta.to_pylist(),
        [format_stamp(from_us(us)) for us in found.us.tolist()],
    )
    return found.numbers.tolist(), list(zip(*columns, strict=True))


def plain(chunks: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    return [(one["sequence"], one["delta"], format_stamp(parse_stamp(one["timestamp"]))) for one in chunks]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_arrays_of_one_writer_are_read_as_a_parser_reads_them(form: dict[str, Any]) -> None:
    several = [response(*DELTAS), response("alone"), response(*reversed(DELTAS)), response("a", "b")]
    expected = [row for chunks in several for row in plain(chunks)]
    assert rows([written(chunks, **form) for chunks in several]) == ([0, 1, 2, 3], expected)


@pytest.mark.parametrize("space", ["\x0b", "\x0c", "\x1c", "\xa0"])
@pytest.mark.parametrize("place", ["[{", '{"s', ':1,"', ',"d', "},{", "4}", "}]"])
def test_white_space_that_json_has_not_is_no_form(space: str, place: str) -> None:
    """Also where all arrays have it."""
    array = written(response("a", "a"), separators=(",", ":")).decode()
    spoilt = array.replace(place, place[0] + space + place[1:])
    assert spoilt != array
    assert rows([spoilt.encode()] * 3) == ([], [])


def test_numbers_of_up_to_seven_digits_are_read() -> None:
    numbers = [1, 9, 10, 99, 123, 1_234, 98_765, 100_000, 7_654_321, 9_999_999]
    found = alike([written([chunk(1, "x"), *(chunk(2, "a", sequence=number) for number in numbers)])])
    assert found is not None
    assert found.sequence.tolist() == [1, *numbers]


STRANGE: dict[str, bytes] = {
    "no chunks": b"[]",
    "null": b"null",
    "another order of keys": written([dict(reversed(one.items())) for one in response("a", "b")]),
    "a kind": written([chunk(1, "a"), chunk(2, "b", kind="reasoning")]),
    "a key missing": written([chunk(1, "a"), {k: v for k, v in chunk(2, "b").items() if k != "interval_ms"}]),
    "a number as text": written([chunk(1, "a"), chunk(2, "b", sequence="2")]),
    "a number with a point": written([chunk(1, "a"), chunk(2, "b", accumulated_chars=8.0)]),
    "a number below zero": written([chunk(1, "a"), chunk(2, "b", interval_ms=-3)]),
    "null for a number": written([chunk(1, "a"), chunk(2, "b", interval_ms=None)]),
    "eight digits": written([chunk(1, "a"), chunk(2, "b", accumulated_chars=12_345_678)]),
    "a zero before": written(response("a", "b")).replace(b'"sequence": 2', b'"sequence": 02'),
    "a plus": written(response("a", "b")).replace(b'"sequence": 2', b'"sequence": +2'),
    "hexadecimal": written(response("a", "b")).replace(b'"sequence": 2', b'"sequence": 0x2'),
    "no number": written(response("a", "b")).replace(b'"sequence": 2', b'"sequence": '),
    "an interval on the first": written([chunk(2, "a"), chunk(3, "b")]),
    "other white space": written(response("a", "b")).replace(b', "timestamp"', b',  "timestamp"'),
    "white space behind": written(response("a", "b")) + b" ",
    "a control character": written(response("a", "bXc")).replace(b"X", b"\n"),
    "an escape that JSON lacks": written(response("a", "bXc")).replace(b"X", b"\\x"),
    "half a character": written(response("a", "bXc")).replace(b"X", b"\\ud83d"),
    "a key too many": written([chunk(1, "a"), chunk(2, "b", extra=1)]),
    "cut off": written(response("a", "b"))[:-4],
    "one more bracket": written(response("a", "b")) + b"]",
    "a key written otherwise": written(response("a", "b")).replace(b'"interval_ms"', b'"interval\\u005fms"'),
    "a key that ends in another": written(response("a", "b")).replace(b'"interval_ms"', b'"interval\\"ms"'),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_an_array_that_differs_is_left_to_a_parser_and_no_other_with_it(name: str) -> None:
    one, two = response("Hel", 'l"o'), response("a\\", "b", "c")
    found = rows([written(one), STRANGE[name], written(two)])
    assert found == ([0, 2], plain(one) + plain(two))
    assert rows([STRANGE[name]]) in (([], []), ([0], []))


def test_there_need_be_none() -> None:
    assert alike([]) is None
    assert alike([b"", b"[]", b"[1]"]) is None
    assert alike([written(response("alone"))]) is None


def test_a_form_with_very_long_white_space_is_left_to_a_parser() -> None:
    assert alike([written(response("a", "b"), indent=200)]) is None


@pytest.mark.parametrize("seed", range(40))
def test_whatever_byte_is_changed_no_array_is_read_otherwise_than_by_a_parser(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    form = chance.choice(list(FORMS.values()))
    several = [written(response(*chance.choices(DELTAS, k=chance.randint(2, 9))), **form) for _ in range(4)]
    for _ in range(50):
        changed = list(several)
        at = chance.randrange(1, len(changed))
        changed[at] = _changed(changed[at], chance)
        numbers, found = rows(changed)
        expected = [row for number in numbers for row in plain(json.loads(changed[number].decode()))]
        assert found == expected
        assert {*numbers, at} == {0, 1, 2, 3}  # no other array is given up with it


def _changed(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    byte = bytes([chance.choice(b'{}[]",:0129.eE+-\\unaltrfs \n\x00\x1f\x7f\x80\xa9\xc3\xe2\xf0\xff')])
    return chance.choice(
        [
            data[:place] + byte + data[place + 1 :],
            data[:place] + byte + data[place:],
            data[:place] + data[place + 1 :],
            data[:place] + data[place + chance.randint(2, 30) :],
        ]
    )
