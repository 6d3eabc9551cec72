"""Moments in files: RFC 3339, any number of decimals, µs inside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkit.timing.stamps import format_stamp, from_us, parse_stamp, to_us

SECOND = datetime(2026, 11, 23, 9, 1, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    ("decimals", "microseconds"),
    [("", 0), (".5", 500_000), (".566", 566_000), (".566342", 566_342), (".566342499", 566_342), (".5663429", 566_342)],
)
def test_decimals_past_the_sixth_are_cut(decimals: str, microseconds: int) -> None:
    assert parse_stamp(f"2026-11-23T09:01:52{decimals}Z") == SECOND + timedelta(microseconds=microseconds)


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_stamp("2026-11-23T09:01:52.5") == SECOND + timedelta(milliseconds=500)


@pytest.mark.parametrize("text", ["2026-11-23T11:01:52+02:00", "2026-11-23T03:31:52-05:30", "2026-11-23 09:01:52z"])
def test_a_time_of_another_zone_is_the_same_moment_in_utc(text: str) -> None:
    moment = parse_stamp(text)
    assert moment == SECOND
    assert moment.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-11-23", "2026-11-23T09:01", "20261123T090152Z", "2026-13-23T09:01:52Z", "2026-11-23T25:01:52Z",
        "2026-11-23x09:01:52Z", "2026-11-23T09:01:52Q", "1795424512", "2026-W48-1T09:01:52Z", "2026-11-23T09:01:52,5Z",
    ],
)  # fmt: skip
def test_what_is_no_rfc_3339_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_stamp(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_survives_being_written_and_read(moment: datetime) -> None:
    assert parse_stamp(format_stamp(moment)) == moment


@given(st.integers(min_value=-(10**15), max_value=10**16))
def test_microseconds_survive_becoming_a_moment(us: int) -> None:
    assert to_us(from_us(us)) == us


def test_microseconds_count_from_the_epoch_whatever_the_zone() -> None:
    assert to_us(datetime(1970, 1, 1, 2, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))) == 7


def test_a_moment_is_written_in_utc_with_six_decimals() -> None:
    moment = datetime(2026, 11, 23, 11, 1, 52, tzinfo=timezone(timedelta(hours=2)))
    assert format_stamp(moment) == "2026-11-23T09:01:52.000000Z"
