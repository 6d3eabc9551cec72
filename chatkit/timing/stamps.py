"""Moments as µs since the epoch, and as the text that files hold."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return µs since the epoch, exactly; a moment without a zone is in UTC."""
    return ((moment if moment.tzinfo else in_utc(moment)) - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the moment in UTC.

    >>> from_us(1_500_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=datetime.timezone.utc)
    """
    return _EPOCH + us * _MICROSECOND


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a zone is in UTC already, in a file as in Python."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_stamp(text: str) -> datetime:
    """Read an RFC 3339 time with any number of decimals; one without a zone is taken as UTC.

    Decimals past the sixth are cut, never rounded, so that times keep their order.

    Raises:
        ValueError: the text is no such time.

    >>> parse_stamp("2026-11-23T09:01:52.5663424Z").microsecond
    566342
    """
    if not _RFC_3339.fullmatch(text):  # fromisoformat also takes ISO weeks, commas and times without dashes
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    return in_utc(datetime.fromisoformat(text.upper()))


def format_stamp(moment: datetime) -> str:
    """Write a moment in UTC with six decimals.

    >>> format_stamp(from_us(1_500_000))
    '1970-01-01T00:00:01.500000Z'
    """
    return in_utc(moment).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
