from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.timestamps import normalize, parse, parse_user_date, to_milliseconds, to_rfc3339

FIRST = -62_135_596_800_000  # 0001-01-01
LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999
moments = st.integers(FIRST, LAST)


@given(moments)
@example(0)
@example(-1)
@example(1_740_873_599_999)
def test_text_and_number_are_the_same_moment(milliseconds):
    assert parse(to_rfc3339(milliseconds)) == milliseconds


@given(moments, moments)
def test_texts_sort_as_their_moments(one, other):
    assert (to_rfc3339(one) < to_rfc3339(other)) == (one < other)


@given(st.datetimes(timezones=st.timezones()))
def test_any_time_zone_is_read_exactly(moment):
    seconds, micro = divmod(
        moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
    )
    assert to_milliseconds(moment) == seconds * 1000 + micro // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:00Z", 0),
        (" 1970-01-01T01:00:00.5+01:00 ", 500),
        ("1970-01-01 00:00:01", 1000),
    ],
)
def test_dates_as_people_write_them(text, milliseconds):
    assert parse(text) == milliseconds


@pytest.mark.parametrize("text", ["", "yesterday", "2025-02-30", "1740873599999999"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (the message is Python's own)
        parse(text)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2025-01-31", "2025-01-31T00:00:00.000Z"),
        (" 2025-1-3 ", "2025-01-03T00:00:00.000Z"),
        ("2025/01/31", "2025-01-31T00:00:00.000Z"),
        ("20250131", "2025-01-31T00:00:00.000Z"),
        ("2025-01-31 09:00", "2025-01-31T09:00:00.000Z"),
        ("2025-1-3 09:00:05+00", "2025-01-03T09:00:05.000Z"),
        ("2025-01-31 09:00 +0100", "2025-01-31T08:00:00.000Z"),
        ("2025-01-31T09:00:00+01:00", "2025-01-31T08:00:00.000Z"),
        ("2025-01-31t09:00z", "2025-01-31T09:00:00.000Z"),
        ("2025-01-31T09:00:00.250Z", "2025-01-31T09:00:00.250Z"),
    ],
)
def test_what_people_write_is_read_if_the_year_comes_first(text, iso):
    assert to_rfc3339(parse_user_date(text)) == iso


@given(moments)
def test_a_moment_written_as_a_message_has_it_is_read(milliseconds):
    assert parse_user_date(to_rfc3339(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01/02/2025",
        "1.2.2025",
        "25-01-02",
        "2025-01",
        "2025-01/02",
        "2025-02-30",
        "2025111",
        "2025-W05",
        "2025-01-31 noon",
        "2025-01-31 09:00 CET",
        "1712010112345",  # Unix ms; Python takes it for an evening in 1712
        "yesterday",
    ],
)
def test_what_could_mean_two_things_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (the setting's name makes the message)
        parse_user_date(text)


@pytest.mark.parametrize("milliseconds", [FIRST - 1, LAST + 1])
def test_moments_that_rfc3339_cannot_write_are_refused(milliseconds):
    with pytest.raises(OverflowError):
        to_rfc3339(milliseconds)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20250131", "2025-01-31T00:00:00.000Z"),
        ("1738310400000", "2025-01-31T08:00:00.000Z"),
        (" 2025-01-31T09:00:00+01:00 ", "2025-01-31T08:00:00.000Z"),
        ("20250131T080000Z", "2025-01-31T08:00:00.000Z"),
        ("2025-01-31t08:00:00z", "2025-01-31T08:00:00.000Z"),
        ("2025-01-31T08:00:00.250Z[GMT]", "2025-01-31T08:00:00.250Z"),
        ("2025-01-31T09:00:00+01:00[Europe/Copenhagen]", "2025-01-31T08:00:00.000Z"),
    ],
)
def test_a_time_in_a_record_is_read_if_it_is_clear(text, iso):
    assert normalize(text) == iso


@pytest.mark.parametrize(
    "text",
    [
        "",
        "99999999",  # no such month
        "1738310400",  # seconds, or the first days of 1970
        "202501310800",  # a date and a time, or 1976
        "20250131080000",
        "1738310400000000",
        "2025-01-31108:00",  # Python takes any character for the T
        "2025-01-31T08:00:00[GMT]",
        "2025-01-31[GMT]",
        "12025-01-31T08:00:00Z",
        "soon",
    ],
)
def test_a_text_in_a_record_that_is_no_clear_time_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 (nobody reads it)
        normalize(text)


def test_a_time_outside_the_years_1_to_9999_is_refused():
    with pytest.raises(OverflowError):
        normalize("9999-12-31T23:59:59-10:00")
