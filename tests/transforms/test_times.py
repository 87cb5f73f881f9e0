"""Times as agencies, feeds, mail and databases write them: every form is read to the microsecond or refused."""

from __future__ import annotations

import time as clock
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.parse.times import iso, parse_time

PARIS = ZoneInfo("Europe/Paris")


def read(text):
    stated = parse_time(text, PARIS)
    return iso(stated.time), stated.precision, stated.zone_assumed


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-09T23:25:27Z",
        "2025-02-09t23:25:27z",
        "2025-02-09 23:25:27z",
        "2025-02-10T00:25:27+01:00",
        "2025-02-10T00:25:27+0100",
        "2025-02-10T00:25:27+01",
        "2025-02-10T00:25:27+1",
        "2025-02-10T00:25:27 +01:00",
        "2025-02-10T00:25:27CET",
        "2025-02-10T00:25:27 UTC+1",
        "2025-02-10T00:25:27+01:00[Europe/Paris]",
        "2025-02-09T22:25:27\u221201:00",
        "2025-02-09T23:25:27-00:00",
        "2025-02-09T13:25:27-10:00",
        "2025-02-10T13:25:27+14:00",
        "2025-02-10T04:55:27+05:30",
        "20250209T232527+0000",
        "20250209T232527Z",
        "20250209t232527z",
        "20250210T002527+01",
        "20250209232527Z",
        "20250210002527+0100",
        "2025-02-09T232527+0000",
        "20250209T23:25:27Z",
        "2025-02-09 11:25:27 PM UTC",
        "Sun, 09 Feb 2025 23:25:27 GMT",
        "Sun, 09 Feb 2025 23:25:27 UT",
        "Sun, 09 Feb 2025 23:25:27 Z",
        "Sun, 09 Feb 2025 23:25:27 -0000",
        "Sun, 09 Feb 2025 23:25:27 (UTC)",
        "Sun, 09 Feb 2025 18:25:27 EST",
        "Sun, 09 Feb 2025 18:25:27 -0500 (EST)",
        "Mon, 10 Feb 2025 00:25:27 GMT+1",
        "Mon, 10 Feb 2025 01:25:27 CEST",
        "Mon, 10 Feb 2025 01:25:27 MESZ",
        "Mon, 10 Feb 2025 09:25:27 AEST",
        "Mon, 10 Feb 2025 08:55:27 ACST",
        "Sun, 09 Feb 25 23:25:27 GMT",
        "09 Feb 25 23:25:27 +0000",
        "Sunday, 09-Feb-25 23:25:27 GMT",
        "Sun, 09-Feb-2025 23:25:27 GMT",
        "Sun Feb  9 23:25:27 UTC 2025",
        "Sun Feb  9 23:25:27 +0000 2025",
        "February 9th, 2025 at 11:25:27 p.m. UTC",
        "1739143527",
        1739143527,
        1739143527000,
    ],
)
def test_one_moment_in_every_form(text):
    assert read(text) == ("2025-02-09T23:25:27Z", "second", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-02-09T23:25:27", "2025-02-09T22:25:27Z"),
        ("2025-02-09 23:25", "2025-02-09T22:25:00Z"),
        ("2025/2/9 23:25:27", "2025-02-09T22:25:27Z"),
        ("20250209T2325", "2025-02-09T22:25:00Z"),
        ("202502092325", "2025-02-09T22:25:00Z"),
        ("Sun Feb  9 23:25:27 2025", "2025-02-09T22:25:27Z"),
        ("2025-02-09 11:25 PM", "2025-02-09T22:25:00Z"),
        ("Feb. 9, 2025, 11:25 p.m.", "2025-02-09T22:25:00Z"),
        ("2025-07-09T23:25:27", "2025-07-09T21:25:27Z"),
    ],
)
def test_no_zone_is_assumed_and_marked(text, expected):
    assert read(text) == (expected, "second", True)


@pytest.mark.parametrize(
    ("text", "expected", "assumed"),
    [
        ("2025-02-09", "2025-02-08T23:00:00Z", True),
        ("20250209", "2025-02-08T23:00:00Z", True),
        ("2025-02-09Z", "2025-02-09T00:00:00Z", False),
        ("2025-02-09+01:00", "2025-02-08T23:00:00Z", False),
        ("2025-02-09-05:00", "2025-02-09T05:00:00Z", False),
        ("9th February 2025", "2025-02-08T23:00:00Z", True),
        ("09-Feb-2025", "2025-02-08T23:00:00Z", True),
    ],
)
def test_a_date_is_a_day_also_with_a_zone(text, expected, assumed):
    assert read(text) == (expected, "day", assumed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-09T23:25:27.123456789Z", "2026-03-09T23:25:27.123456Z"),
        ("2026-03-09T23:25:27.9999999Z", "2026-03-09T23:25:27.999999Z"),
        ("2026-03-09T23:25:27,5Z", "2026-03-09T23:25:27.500000Z"),
        ("20260309T232527.25Z", "2026-03-09T23:25:27.250000Z"),
        ("Mon, 09 Mar 2026 23:25:27.123 GMT", "2026-03-09T23:25:27.123000Z"),
        ("2026-03-09T23:25:27.Z", "2026-03-09T23:25:27Z"),
    ],
)
def test_fractions_to_the_microsecond(text, expected):
    assert read(text) == (expected, "second", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-09T24:00:00Z", "2026-03-10T00:00:00Z"),
        ("2026-12-31T24:00Z", "2027-01-01T00:00:00Z"),
        ("Mon, 9 Mar 2026 24:00:00 GMT", "2026-03-10T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000Z"),
        ("20161231T235960Z", "2017-01-01T00:00:00Z"),
        ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z"),
        ("Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"),
    ],
)
def test_the_end_of_a_day_and_leap_seconds(text, expected):
    assert read(text) == (expected, "second", False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-09T24:00:01Z",
        "2026-03-09T24:30Z",
        "2026-03-09T23:25:60Z",
        "2026-03-09T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T23:59:61Z",
        "2026-03-09T23:60Z",
        "2026-03-09T23:25:27+01:75",
        "2026-03-09T23:25:27+15:00",
        "2026-03-09T23:25:27-24:00",
        "2026-03-09T23:25:27Z+01:00",
        "2026-03-09T23:25:27[Europe/Paris]",
        "2026-03-09T23:25:27 Europe/Paris",
        "2026-03-09T23:25:27 IST",
        "2026-03-09T23:25:27X",
        "2026-03-09x23:25:27Z",
        "2026-03-09T23:2527Z",
        "2026-03-09T",
        "2026-03",
        "2026-068",
        "2026-3-09T1Z",
        "2026/03-09",
        "2026-02-29T10:00Z",
        "2026-03-09 UTC",
        "2026-03-09-05",
        "2026-03-09 13:00 PM",
        "Mon, 09 Mar 2026 23:25:27 A",
        "Mon, 09 Mar 2026 23:25:27 +2500",
        "09 Mar 26 23:25:27",
        "Mar 09 26 23:25:27 GMT",
        "09Mar26 1730 GMT",
        "0917:30 GMT",
        "9 März 2026",
        "٢٠٢٦-٠٣-٠٩T10:00Z",
        "0000-01-01T00:00Z",
        "1799-12-31",
        "9999-12-31T24:00Z",
        "now",
        "-",
    ],
)
def test_what_is_no_time_is_refused_with_its_text(text):
    with pytest.raises(ValueError, match=r"^.*(?:is no time|does not exist|no time zone)") as told:
        parse_time(text, UTC)
    assert repr(text)[1:-1][:40] in str(told.value)


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2199, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS, st.sampled_from(["%z", " %z", "colon"]), st.sampled_from(["T", " ", "t"]))
def test_iso_8601_in_every_zone(moment, zone, form, between):
    local = moment.astimezone(zone)
    offset = local.isoformat()[-6:] if form == "colon" else local.strftime(form)
    text = f"{local:%Y-%m-%d}{between}{local:%H:%M:%S.%f}{offset}"
    stated = parse_time(text, PARIS)
    assert stated.time == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert not stated.zone_assumed


@given(MOMENTS, OFFSETS)
def test_mail_dates_in_every_zone(moment, zone):
    local = moment.replace(microsecond=0).astimezone(zone)
    assert iso(parse_time(format_datetime(local), PARIS).time) == f"{moment:%Y-%m-%dT%H:%M:%S}Z"


@given(st.text(max_size=100) | st.from_regex(r"[0-9TZ:+\-., ]{1,40}", fullmatch=True) | st.floats() | st.integers())
def test_anything_is_read_or_a_value_error(value):
    try:
        stated = parse_time(value, UTC)
    except ValueError:
        return
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stated.time)
    assert datetime(1799, 12, 30, tzinfo=UTC) <= moment < datetime(2200, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-03-09T" + "1" * 89, "2026-03-09" + " " * 90, "a " * 50, "9" * 100, "20260309" * 12]
)
def test_refusing_takes_no_time(text):
    begin = clock.perf_counter()
    for _ in range(20):
        with pytest.raises(ValueError, match=r"."):
            parse_time(text.strip() + "!", UTC)
    assert clock.perf_counter() - begin < 0.5
