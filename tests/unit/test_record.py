"""Blocks of envelopes, and the times that payloads write."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.record import BadBlock, Envelope, pack, unpack
from ingest.times import EARLIEST, LATEST, TimeFormat, clock, micros

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ENVELOPES = st.builds(
    Envelope,
    TEXT,
    TEXT,
    st.binary(max_size=100),
    st.integers(0, 2**53),
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    st.integers(-1, 1000),
    st.integers(-1, 2**40),
)


@given(st.lists(ENVELOPES, max_size=8))
@settings(max_examples=100)
def test_a_block_gives_back_what_was_packed(envelopes: list[Envelope]) -> None:
    assert unpack(pack(envelopes)) == envelopes


@given(st.lists(ENVELOPES, min_size=1, max_size=3), st.data())
@settings(max_examples=100)
def test_a_truncated_block_is_never_read_in_part(envelopes: list[Envelope], data: st.DataObject) -> None:
    block = pack(envelopes)
    with pytest.raises(BadBlock):
        unpack(block[: data.draw(st.integers(0, len(block) - 1))])
    with pytest.raises(BadBlock):
        unpack(block + b"x")


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_arbitrary_bytes_are_a_bad_block(junk: bytes) -> None:
    for block in (junk, b"EBB1" + junk, b"EBB1\x00\x00\x00\x02[]" + junk):
        try:
            assert unpack(block) == []
        except BadBlock:
            continue


NOON = 1_772_452_800_000_000
"""2026-03-02T12:00:00Z: 20,514 days of 86,400 s after the epoch, and 43,200 s."""


def test_noon_by_hand() -> None:
    assert NOON == (20_514 * 86_400 + 43_200) * 1_000_000


@pytest.mark.parametrize(
    ("pattern", "zone", "raw", "expected"),
    [
        ("iso8601", "UTC", "2026-03-02T12:00:00Z", NOON),
        ("iso8601", "UTC", "2026-03-02T12:00:00", NOON),
        ("iso8601", "UTC", "2026-03-02 13:00:00.000001+01:00", NOON + 1),
        ("iso8601", "UTC", "20260302T120000Z", NOON),
        ("iso8601", "UTC", " 2026-03-02T12:00:00Z\n", NOON),
        ("iso8601", "Europe/Berlin", "2026-03-02T13:00:00", NOON),
        ("iso8601", "Europe/Berlin", "2026-03-02T12:00:00Z", NOON),  # its own offset wins
        ("iso8601", "Europe/Berlin", "2026-10-25T02:30:00", 1_792_888_200_000_000),  # twice in that night: the first, UTC+2
        ("iso8601", "UTC", "0001-01-01T00:00:00Z", EARLIEST),
        ("iso8601", "UTC", "9999-12-31T23:59:59.999999Z", LATEST),
        ("epoch_s", "UTC", 1_772_452_800, NOON),
        ("epoch_s", "UTC", "1772452800.000001", NOON + 1),
        ("epoch_s", "UTC", 1_772_452_800.123456, NOON + 123_456),
        ("epoch_ms", "UTC", 1_772_452_800_000, NOON),
        ("epoch_ms", "UTC", 1_772_452_800_000.25, NOON + 250),
        ("epoch_us", "UTC", -1, -1),
        ("%d.%m.%Y %H:%M", "Europe/Berlin", "02.03.2026 13:00", NOON),
        ("%d/%m/%Y %H:%M %z", "UTC", "02/03/2026 07:00 -0500", NOON),
    ],
)
def test_times(pattern: str, zone: str, raw: object, expected: int) -> None:
    assert clock(TimeFormat(pattern, zone))(raw) == expected


@pytest.mark.parametrize(
    ("pattern", "raw"),
    [
        ("iso8601", None),
        ("iso8601", ""),
        ("iso8601", 1_772_452_800),
        ("iso8601", "0001-01-01T00:00:00+14:00"),  # in UTC the year before the first
        ("iso8601", "10000-01-01T00:00:00Z"),
        ("iso8601", "2026-02-30T00:00:00Z"),
        ("epoch_s", True),
        ("epoch_s", float("nan")),
        ("epoch_s", float("inf")),
        ("epoch_s", 1e300),
        ("epoch_s", "1e999999999"),
        ("epoch_s", "1_000"),
        ("epoch_s", "١٢"),
        ("epoch_us", 2**63),
        ("epoch_s", "9" * 5000),
    ],
)
def test_no_times(pattern: str, raw: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        clock(TimeFormat(pattern))(raw)


MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC))


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
@settings(max_examples=100)
def test_iso_agrees_with_exact_arithmetic(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert clock(TimeFormat())(local.isoformat()) == micros(local) == expected


@pytest.mark.parametrize(
    ("pattern", "zone"), [("iso", "UTC"), ("%Q!", "UTC"), ("iso8601", "Mars/Olympus"), ("iso8601", "../etc")]
)
def test_formats_that_make_no_sense(pattern: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"%|zone|format"):
        clock(TimeFormat(pattern, zone))
