"""Times of files, many at once: RFC 3339 text into µs since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from chatkit.timing.stamps import parse_stamp, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

UTC_US = pa.timestamp("us", "UTC")
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""What Python's datetime holds: the years 1 to 9999."""
_USUAL_SIZE = len("2026-11-23T09:01:52.566342Z")
"""Of this size and with a Z at the end Arrow takes no other form."""
_PLAIN = r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)((\.\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)?$"


class Moments(NamedTuple):
    """Times in µs since the epoch.

    Attributes:
        us: 0 where there is none.
        known: whether there is one.
        bad: rows whose text is no time.
    """

    us: NDArray[np.int64]
    known: NDArray[np.bool_]
    bad: NDArray[np.int64]


def moments(stamps: Sequence[str | None] | pa.Array) -> Moments:
    """Read times of the form that files have; None is unknown.

    Those in UTC with up to six decimals, the usual ones, are cast all at once. Arrow takes forms that RFC 3339 does
    not have, and cuts nothing, so that others are looked at first, and the last ones are parsed one by one.

    >>> moments(["1970-01-01T00:00:01Z", None, "1970-01-01T00:00:00.1234567", "soon"])
    Moments(us=array([1000000,       0,  123456,       0]), known=array([ True, False,  True, False]), bad=array([3]))
    """
    try:
        texts = stamps if isinstance(stamps, pa.Array) else pa.array(stamps, pa.string())
    except UnicodeEncodeError:  # half a character
        return _one_by_one(stamps)
    known = np.asarray(texts.is_valid())
    usual = _is_usual(texts) | ~known
    if not usual.all():
        return _some_unusual(texts, known, usual)
    us = _cast(texts)
    return _one_by_one(texts.to_pylist()) if us is None else Moments(us, known, np.empty(0, dtype=np.int64))


def _some_unusual(texts: pa.Array, known: NDArray[np.bool_], usual: NDArray[np.bool_]) -> Moments:
    us, bad = np.zeros(len(texts), dtype=np.int64), []
    for rows, cast in ((np.flatnonzero(usual & known), _cast), (np.flatnonzero(~usual), _cast_unusual)):
        part = texts.take(pa.array(rows))
        found = cast(part)
        if found is None:
            found, _, wrong = _one_by_one(part.to_pylist())
            bad.append(rows[wrong])
        us[rows] = found
    wrong = np.concatenate([np.empty(0, dtype=np.int64), *bad])
    known = known.copy()
    known[wrong] = False
    return Moments(us, known, wrong)


def _is_usual(texts: pa.Array) -> NDArray[np.bool_]:
    """Whether each text has the outer form ``YYYY-MM-DDThh:mm:ss[.f…]Z``; the cast checks the digits."""
    _, offsets, data = texts.buffers()
    at = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    size = np.diff(at)
    if not size.any():
        return np.zeros(len(texts), dtype=np.bool_)
    text = np.frombuffer(data, dtype=np.uint8)
    if (size == _USUAL_SIZE).all():
        last = text[at[0] : at[-1]].reshape(-1, _USUAL_SIZE)[:, _USUAL_SIZE - 1]
        return np.equal(last, ord("Z"))

    def has(place: NDArray[np.int32], sign: str) -> NDArray[np.bool_]:
        return np.equal(text[np.minimum(place, len(text) - 1)], ord(sign))

    start, end = at[:-1], at[1:] - 1
    decimals = ((size >= 22) & (size <= 27) & has(start + 19, ".")) | (size == 20)
    usual: NDArray[np.bool_] = decimals & has(start + 13, ":") & has(start + 16, ":") & has(end, "Z")
    return usual


def _cast(texts: pa.Array) -> NDArray[np.int64] | None:
    """Cast; None where one is refused, or is outside of what Python holds."""
    try:
        cast = texts.cast(UTC_US).view(pa.int64())
        us = np.array(cast.fill_null(0) if cast.null_count else cast)
    except pa.ArrowInvalid:
        return None
    return us if len(us) == 0 or (us.min() >= _FIRST_US and us.max() <= _LAST_US) else None


def _cast_unusual(texts: pa.Array) -> NDArray[np.int64] | None:
    """Cut decimals past the sixth, take what has no zone as UTC, and cast."""
    if not pc.all(pc.match_substring_regex(texts, _PLAIN)).as_py():
        return None
    cut = pc.replace_substring_regex(texts, _PLAIN, r"\1\3\4")
    has_zone = pc.match_substring_regex(cut, r"(Z|[+-]\d\d:\d\d)$")
    return _cast(pc.if_else(has_zone, cut, pc.binary_join_element_wise(cut, "Z", "")))


def _one_by_one(stamps: Sequence[str | None]) -> Moments:
    us, known, bad = np.zeros(len(stamps), dtype=np.int64), np.zeros(len(stamps), dtype=np.bool_), []
    for row, stamp in enumerate(stamps):
        if stamp is None:
            continue
        try:
            us[row], known[row] = to_us(parse_stamp(stamp)), True
        except (ValueError, OverflowError):
            bad.append(row)
    return Moments(us, known, np.array(bad, dtype=np.int64))
