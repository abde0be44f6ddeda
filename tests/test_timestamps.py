from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.timestamps import (
    EARLIEST,
    LATEST,
    normalize,
    parse,
    parse_user_date,
    to_milliseconds,
    to_rfc3339,
)

moments = st.integers(EARLIEST, LATEST)


@given(moments)
@example(0)
@example(-1)
@example(1_740_873_599_999)
def test_text_and_number_are_the_same_moment(milliseconds):
    text = to_rfc3339(milliseconds)
    assert parse(text) == parse_user_date(text) == milliseconds


@given(moments, moments)
def test_texts_sort_as_their_moments(one, other):
    assert (to_rfc3339(one) < to_rfc3339(other)) == (one < other)


@given(st.datetimes(timezones=st.timezones()))
def test_any_time_zone_is_read_exactly(moment):
    seconds, micro = divmod(
        moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
    )
    assert to_milliseconds(moment) == seconds * 1000 + micro // timedelta(milliseconds=1)


DAY, EIGHT = "2025-01-31T00:00:00.000Z", "2025-01-31T08:00:00.000Z"
STATE, PERSON, RECORD = (
    lambda text: to_rfc3339(parse(text)),
    lambda text: to_rfc3339(parse_user_date(text)),
    normalize,
)
"""Who writes a time: a program into a state, a person into a setting, Dixa into a record."""


@pytest.mark.parametrize(
    ("read", "text", "iso"),
    [
        (STATE, "2025-01-31", DAY),
        (STATE, " 2025-01-31T09:00:00+01:00 ", EIGHT),
        (STATE, "2025-01-31 08:00:00", EIGHT),
        (PERSON, "2025-01-31", DAY),
        (PERSON, " 2025-1-3 ", "2025-01-03T00:00:00.000Z"),
        (PERSON, "2025/01/31", DAY),
        (PERSON, "20250131", DAY),
        (PERSON, "2025-01-31 08:00", EIGHT),
        (PERSON, "2025-01-31 09:00 +0100", EIGHT),
        (PERSON, "2025-01-31T09:00:00+01:00", EIGHT),
        (PERSON, "2025-01-31t08:00z", EIGHT),
        (RECORD, "20250131", DAY),
        (RECORD, "1738310400000", EIGHT),
        (RECORD, " 2025-01-31T09:00:00+01:00 ", EIGHT),
        (RECORD, "20250131T080000Z", EIGHT),
        (RECORD, "2025-01-31t08:00:00z", EIGHT),
        (RECORD, "2025-01-31T08:00:00.250Z[GMT]", "2025-01-31T08:00:00.250Z"),
        (RECORD, "2025-01-31T09:00:00+01:00[Europe/Copenhagen]", EIGHT),
    ],
)
def test_what_is_clear_is_read(read, text, iso):
    assert read(text) == iso


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((each, text) for each in (STATE, PERSON, RECORD) for text in ("", "soon", "2025-02-30")),
        (STATE, "1740873599999999"),
        (PERSON, "01/02/2025"),
        (PERSON, "25-01-02"),
        (PERSON, "2025-01"),
        (PERSON, "2025-01/02"),
        (PERSON, "2025111"),
        (PERSON, "2025-W05"),
        (PERSON, "2025-01-31 noon"),
        (PERSON, "2025-01-31 09:00 CET"),
        (PERSON, "1712010112345"),  # Unix ms; Python takes it for an evening in 1712
        (RECORD, "99999999"),  # no such month
        (RECORD, "1738310400"),  # seconds, or the first days of 1970
        (RECORD, "202501310800"),  # a date and a time, or 1976
        (RECORD, "1738310400000000"),
        (RECORD, "2025-01-31108:00"),  # Python takes any character for the T
        (RECORD, "2025-01-31T08:00:00[GMT]"),
        (RECORD, "2025-01-31[GMT]"),
        (RECORD, "12025-01-31T08:00:00Z"),
    ],
)
def test_what_is_none_or_could_mean_two_things_is_refused(read, text):
    with pytest.raises(ValueError):  # noqa: PT011 (the setting or the field makes the message)
        read(text)


def test_a_time_outside_the_years_1_to_9999_is_refused():
    for milliseconds in (EARLIEST - 1, LATEST + 1):
        with pytest.raises(OverflowError):
            to_rfc3339(milliseconds)
    with pytest.raises(OverflowError):
        normalize("9999-12-31T23:59:59-10:00")
