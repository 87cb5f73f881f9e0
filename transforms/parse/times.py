"""Times as wires write them, to microseconds UTC.

In: the value of a time field (text, a number, or what a YAML or TOML loader made of it) and the zone for times that
name none. Out: `Stated`. An impossible date or an unknown form is a ValueError: a time is never guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from email.utils import parsedate_to_datetime

from transforms.article import Stated

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# News has no earlier or later times; what lies beyond is a broken clock or a wrong unit.
_FIRST_YEAR, _LAST_YEAR = 1800, 2199
# Unix times: below this, seconds (until the year 5138); from it, milliseconds.
_MILLISECONDS_FROM = 10**11

_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_NUMBER = re.compile(r"\d{9,13}")
# `2025-02-09 23:25:27 +0100`, `… UTC`, `… Z`: the offset apart from the time, as YAML and databases write it.
_OFFSET_APART = re.compile(r"\s+(?:(?P<offset>[+-]\d{2}:?\d{2})|Z|UTC|GMT)$", re.IGNORECASE)


# `2025-2-9`, `2025/02/09`, `2025-02-09 3:17`: ISO 8601 but for missing zeros or slashes.
_LOOSE = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:(?P<gap>[T ]+)(?P<hour>\d{1,2})(?=:))?(?!\d)", re.ASCII)


def parse_time(value: object, zone: tzinfo) -> Stated:
    """The time that `value` states; ValueError says what is wrong with it."""
    if isinstance(value, datetime):
        return _stated(value, zone, "second")
    if isinstance(value, date):
        return _stated(datetime.combine(value, time()), zone, "day")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r:.60} is no time")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return _from_text(value.strip(), zone)
    number = float(value)
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    try:
        return _stated(_EPOCH + timedelta(milliseconds=round(seconds * 1000)), zone, "second")
    except OverflowError as error:
        raise ValueError(f"{value!r:.60} is no time") from error


def iso(micros: int) -> str:
    """`micros` (since 1970, UTC) as ISO 8601 text with a Z; fractions only where there are any."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().removesuffix("+00:00") + "Z"


def _strict(loose: re.Match[str]) -> str:
    day = f"{loose[1]}-{loose[3]:0>2}-{loose[4]:0>2}"
    return f"{day}T{loose['hour']:0>2}" if loose["hour"] else day


def _from_text(text: str, zone: tzinfo) -> Stated:
    text = _LOOSE.sub(_strict, text, count=1) if text[:4].isdigit() else text
    if _DATE_ONLY.fullmatch(text):
        return _stated(_iso_time(text), zone, "day")
    apart = _OFFSET_APART.search(text)
    joined = text[: apart.start()] + (apart["offset"] or "Z") if apart else text
    try:
        return _stated(_iso_time(joined), zone, "second")
    except ValueError as error:
        if text[:4].isdigit():
            raise
        try:
            return _stated(parsedate_to_datetime(text), zone, "second")
        except (ValueError, IndexError, TypeError):
            raise ValueError(f"{text!r:.60} is no time that wires write: {error}") from error


def _iso_time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r:.60} does not exist or is not ISO 8601: {error}") from error


def _stated(moment: datetime, zone: tzinfo, precision: str) -> Stated:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{moment} is no time of news: the year must be {_FIRST_YEAR} to {_LAST_YEAR}")
    assumed = moment.tzinfo is None
    aware = moment.replace(tzinfo=zone) if assumed else moment
    return Stated((aware - _EPOCH) // _MICROSECOND, precision, assumed)
