"""Times as wires write them, to microseconds UTC.

In: the value of a time field (text, a number, or what a YAML or TOML loader made of it) and the zone for times that
name none. Out: `Stated`. An impossible date or an unknown form is a ValueError: a time is never guessed.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from transforms.article import Stated

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# News has no earlier or later times; what lies beyond is a broken clock or a wrong unit.
_FIRST_YEAR, _LAST_YEAR = 1800, 2199
# Unix times: below this, seconds (until the year 5138); from it, milliseconds.
_MILLISECONDS_FROM = 10**11
# Nothing was sent with a unix time before 1990: 0 is a missing time, and a small number is something else.
_FIRST_UNIX_TIME = datetime(1990, 1, 1, tzinfo=UTC)

# `Monday, 09 September 2026 10:00:00 GMT+0100 (Central European Standard Time)` is as long as a time gets.
_LONGEST = 100

_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")
_UNIX = re.compile(r"\d{9,13}(?:\.\d+)?")
# `20260309`, `202603091730`, `20260309173000`, as a number or as text. Read as unix times they would lie before 1990
# or after 2199, so neither can be taken for the other.
_COMPACT = re.compile(r"(?P<day>(?:1[89]|2[01])\d{6})(?P<clock>\d{4}(?:\d{2})?)?")
# `2025-02-09 23:25:27 +0100`, `… UTC`, `… -5`: the zone apart from the time, as YAML, databases and people write it.
_ZONE_APART = re.compile(r"(?P<moment>\d{4}\S*[Tt ]\S+)\s+(?P<zone>\S{1,10})")
# `2025-2-9`, `2025/02/09`, `2025-02-09 3:17`: ISO 8601 but for missing zeros or slashes.
_LOOSE = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:(?P<gap>[T ]+)(?P<hour>\d{1,2})(?=:))?(?!\d)", re.ASCII)

# The words of a date in English, as mail and people write it; RFC 822, section 5, has the short ones.
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_OFFSET = re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?", re.ASCII)
_COMMENT = re.compile(r"\s*\([^()]*\)$")
# Hours from UTC. First the names of RFC 822, section 5.1, then those that have one meaning in Europe's and Japan's
# copy (BST is British, not of Bangladesh). Names that several zones share (IST, AST) are not read.
_ZONES = {
    "Z": 0, "UT": 0, "GMT": 0, "UTC": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9,
}  # fmt: skip


def parse_time(value: object, zone: tzinfo) -> Stated:
    """The time that `value` states; ValueError says what is wrong with it."""
    if isinstance(value, datetime):
        return _stated(value, zone, "second")
    if isinstance(value, date):
        return _stated(datetime.combine(value, time()), zone, "day")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"a value of type {type(value).__name__} is no time")
    text = str(value).strip()
    compact = _COMPACT.fullmatch(text)
    if compact:
        moment = _iso_time("T".join(filter(None, compact.groups())))
        return _stated(moment, zone, "second" if compact["clock"] else "day")
    if isinstance(value, str) and not _UNIX.fullmatch(text):
        return _from_text(text, zone)
    return _stated(_from_unix(value), zone, "second")


def iso(micros: int) -> str:
    """`micros` (since 1970, UTC) as ISO 8601 text with a Z; fractions only where there are any."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat().removesuffix("+00:00") + "Z"


def _from_unix(value: int | float | str) -> datetime:
    try:
        number = float(value)
        seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
        moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except OverflowError as error:
        raise ValueError(f"{value!r:.60} is no time") from error
    if moment < _FIRST_UNIX_TIME:
        raise ValueError(f"{value!r:.60} as a unix time is {moment:%Y-%m-%d}, before any that was sent")
    return moment


def _strict(loose: re.Match[str]) -> str:
    day = f"{loose[1]}-{loose[3]:0>2}-{loose[4]:0>2}"
    return f"{day}T{loose['hour']:0>2}" if loose["hour"] else day


def _from_text(text: str, zone: tzinfo) -> Stated:
    if len(text) > _LONGEST:
        raise ValueError(f"{text!r:.60} is no time: {len(text)} characters")
    if not text[:4].isdigit():
        return _from_words(text, zone)
    text = _LOOSE.sub(_strict, text, count=1)
    if _DATE_ONLY.fullmatch(text):
        return _stated(_iso_time(text), zone, "day")
    apart = _ZONE_APART.fullmatch(text)
    named = _zone(apart["zone"]) if apart else None
    if apart is None or named is None:
        return _stated(_iso_time(text), zone, "second")
    moment = _iso_time(apart["moment"])
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r:.60} names two zones")
    return _stated(moment.replace(tzinfo=named), zone, "second")


def _from_words(text: str, zone: tzinfo) -> Stated:
    """A date with the month's name, in any order: `Mon, 09 Mar 2026 23:25:27 +0100`, `March 9, 2026 3:17 PM`.

    Each word must be known and no part may come twice, so that nothing is left over that would change the time. The
    year must have four digits: which of two short numbers it is would be a guess.
    """
    parts: dict[str, str] = {}
    for word in _COMMENT.sub("", text).replace(",", " ").split():
        part = _part(word)
        if part is None or part in parts:
            raise ValueError(f"{text!r:.60} is no time that wires write ({word!r:.20})")
        parts[part] = word
    needed = {"day", "month", "year"} | ({"clock"} if parts.keys() & {"half", "zone"} else set())
    if not needed <= parts.keys():
        raise ValueError(f"{text!r:.60} is no time: no {', '.join(sorted(needed - parts.keys()))}")
    month = next(number for number, name in enumerate(_MONTHS, start=1) if _abbreviates(parts["month"], name))
    try:
        day = date(int(parts["year"]), month, int(parts["day"]))
        if "clock" not in parts:
            return _stated(datetime.combine(day, time()), zone, "day")
        moment = datetime.combine(day, _clock(parts["clock"], parts.get("half", "")))
    except ValueError as error:
        raise ValueError(f"{text!r:.60} does not exist: {error}") from error
    return _stated(moment.replace(tzinfo=_zone(parts["zone"]) if "zone" in parts else None), zone, "second")


def _part(word: str) -> str | None:
    """Which part of a date a word is, None if none."""
    if word.isascii() and word.isdecimal():
        return {1: "day", 2: "day", 4: "year"}.get(len(word))
    if _CLOCK.fullmatch(word):
        return "clock"
    if _half(word) in ("am", "pm"):
        return "half"
    if any(_abbreviates(word, name) for name in _MONTHS):
        return "month"
    if any(_abbreviates(word, name) for name in _WEEKDAYS):
        return "weekday"
    return None if _zone(word) is None else "zone"


def _abbreviates(word: str, name: str) -> bool:
    word = word.lower().rstrip(".")
    return len(word) >= 3 and name.startswith(word)


def _half(word: str) -> str:
    return word.lower().replace(".", "")


def _clock(word: str, half: str) -> time:
    hours, minutes, seconds = (int(digits or 0) for digits in _CLOCK.fullmatch(word).groups())  # type: ignore[union-attr]
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(f"{word} {half}: the hour must be 1 to 12")
        hours = hours % 12 + (12 if _half(half) == "pm" else 0)
    return time(hours, minutes, seconds)


def _zone(word: str) -> tzinfo | None:
    """The zone that a name or an offset stands for, None if it is neither."""
    offset = _OFFSET.fullmatch(word)
    if offset is None:
        hours = _ZONES.get(word.upper())
        return None if hours is None else timezone(timedelta(hours=hours))
    distance = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    return timezone(-distance if offset["sign"] == "-" else distance)


def _iso_time(text: str) -> datetime:
    if "W" in text[4:6]:
        # `2026-W10` would be read as its Monday, to the second.
        raise ValueError(f"{text!r:.60} is a week, no time that wires write")
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
