"""Times as wires write them, to microseconds UTC.

In: the value of a time field (text, a number, or what a YAML or TOML loader made of it) and the zone for times that
name none. Out: `Stated`. An impossible date or an unknown form is a ValueError: a time is never guessed.

`24:00` is the midnight that ends its day (ISO 8601). A leap second, `:60`, is read as the first second of the next
minute, as unix clocks count, and only where UTC can have one: at the end of a month. Digits below a microsecond go.
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

_UNIX = re.compile(r"\d{9,13}(?:\.\d+)?")
# `20260309`, `202603091730`, `20260309173000`, as a number or as text. Read as unix times they would lie before 1990
# or after 2199, so neither can be taken for the other.
_COMPACT = re.compile(r"(?:1[89]|2[01])\d{6}(?:\d{4}(?:\d{2})?)?")
# ISO 8601 and RFC 3339, and what differs by a missing zero, slashes, the zone apart from the time, or `3:17 PM`:
# `2025-2-9`, `2025/02/09`, `2025-02-09 3:17`, `2025-02-09 23:25:27 +0100`, `… UTC`, `… -5`; databases and people write
# so. A date may have a zone too (XML Schema's `2026-03-09Z`).
_ISO = re.compile(
    r"""(?:(?P<year>\d{4})(?:(?P<mark>[-/])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})|(?P<tight>\d{4})(?!\d{1,3}(?!\d))))
        (?:(?:[Tt]\ {0,9}|\ {1,9}|(?<=\d{8}))
           (?P<hour>\d{1,2}(?=:)|\d{2})
           (?:(?P<colon>:?)(?P<minute>\d{2})(?:(?P=colon)(?P<second>\d{2})(?:[.,](?P<fraction>\d{0,12}))?)?)?
           (?:\ {0,9}(?P<half>[AaPp]\.?[Mm]\.?(?![A-Za-z])))?
        )?
        (?:\ {0,9}(?P<zone>[A-Za-z]{1,5}(?:[+-][\d:]{1,5})?|[+-][\d:]{1,5})
           (?:\[[\w/+-]{1,40}\])?   # Java names the region behind the offset
        )?
    """,
    re.ASCII | re.VERBOSE,
)
_ZONE_OF_DATE = re.compile(r"\d(?:Z|[+-]\d\d:\d\d)$", re.ASCII)
# RFC 822, section 5.1, and RFC 850: day, month, a year of two digits, clock and zone, in this order only.
_SHORT_YEAR = re.compile(
    r"(?P<before>(?:[A-Za-z]{3,9},?\s{1,9})?\d{1,2})[ -](?P<month>[A-Za-z]{3})[ -](?P<year>\d{2})"
    r"(?P<after>\s{1,9}\d{1,2}:\d{2}(?::\d{2})?\s{1,9}\S{1,10})",
    re.ASCII,
)

# The words of a date in English, as mail and people write it; RFC 822, section 5, has the short ones.
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,12}))?)?", re.ASCII)
# `9th`, and the dashes of `09-Mar-2026`.
_ORDINAL = re.compile(r"(\d{1,2})(?:st|nd|rd|th)", re.ASCII | re.IGNORECASE)
_DASHED = re.compile(r"\b(\d{1,2})-([A-Za-z]{3,9})-(\d{4})\b", re.ASCII)
_OFFSET = re.compile(r"(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?", re.ASCII)
_COMMENT = re.compile(r"\s*\((?P<said>[^()]*)\)$")
# Kiribati is 14 hours before Greenwich, and no place as far behind it; more is a broken offset.
_FARTHEST = timedelta(hours=14)
# Hours from UTC. First the names of RFC 822, section 5.1, then those that have one meaning in the copy of Europe (BST
# is British, not of Bangladesh), Japan and Korea, Australia and New Zealand, and the rest. Names that several zones
# share (IST, AST) are not read, nor the letters of soldiers but Z: RFC 822 has their signs wrong, so RFC 2822, section
# 4.3, says that they tell nothing.
_ZONES = {
    "Z": 0, "UT": 0, "GMT": 0, "UTC": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3,
    "JST": 9, "KST": 9, "AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
    "AKST": -9, "AKDT": -8, "HST": -10, "SAST": 2, "EAT": 3, "PKT": 5, "WIB": 7, "HKT": 8, "SGT": 8,
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
    if _COMPACT.fullmatch(text) or (isinstance(value, str) and not _UNIX.fullmatch(text)):
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


def _from_text(text: str, zone: tzinfo) -> Stated:
    if len(text) > _LONGEST:
        raise ValueError(f"{text!r:.60} is no time: {len(text)} characters")
    # Some programs write a proper minus sign.
    text = text.replace("\u2212", "-")
    if not text[:4].isdigit():
        return _from_words(text, zone)
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r:.60} is no time that wires write, nor ISO 8601")
    own = _zone(found["zone"]) if found["zone"] else None
    if found["zone"] and own is None:
        raise ValueError(f"{text!r:.60}: {found['zone']} is no time zone that has one meaning")
    month, day = (found["month"], found["day"]) if found["mark"] else (found["tight"][:2], found["tight"][2:])
    try:
        date_of = date(int(found["year"]), int(month), int(day))
        if found["hour"] is None:
            if found["zone"] and not _ZONE_OF_DATE.search(text):
                raise ValueError("a date with a zone and no clock")
            return _stated(datetime.combine(date_of, time(), own), zone, "day")
        clock = _clock_of(found["hour"], found["minute"], found["second"], found["fraction"], found["half"] or "")
        return _at(date_of, clock, own, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r:.60} does not exist: {error}") from error


def _from_words(text: str, zone: tzinfo) -> Stated:
    """A date with the month's name, in any order: `Mon, 09 Mar 2026 23:25:27 +0100`, `March 9, 2026 3:17 PM`.

    Each word must be known and no part may come twice, so that nothing is left over that would change the time. The
    year must have four digits: which of two short numbers it is would be a guess.
    """
    short = _SHORT_YEAR.fullmatch(text)
    if short:
        # RFC 2822, section 4.3, says which century.
        century = "20" if short["year"] < "50" else "19"
        text = f"{short['before']} {short['month']} {century}{short['year']}{short['after']}"
    parts: dict[str, str] = {}
    comment = _COMMENT.search(text)
    words = _DASHED.sub(r"\1 \2 \3", text[: comment.start()] if comment else text).replace(",", " ").split()
    if comment and not any(_part(word) == "zone" for word in words) and _zone(comment["said"]) is not None:
        # `9 March 2026, 17:30 (GMT)`: here it is no comment on a zone, it is the zone.
        words.append(comment["said"])
    for word in words:
        part = _part(word)
        if part is None or part in parts:
            raise ValueError(f"{text!r:.60} is no time that wires write ({word!r:.20})")
        parts[part] = word
    needed = {"day", "month", "year"} | ({"clock"} if parts.keys() & {"half", "zone"} else set())
    if not needed <= parts.keys():
        raise ValueError(f"{text!r:.60} is no time: no {', '.join(sorted(needed - parts.keys()))}")
    month = next(number for number, name in enumerate(_MONTHS, start=1) if _abbreviates(parts["month"], name))
    try:
        day = date(int(parts["year"]), month, int(_ORDINAL.sub(r"\1", parts["day"])))
        if "clock" not in parts:
            return _stated(datetime.combine(day, time()), zone, "day")
        hour, minute, second, fraction = _CLOCK.fullmatch(parts["clock"]).groups()  # type: ignore[union-attr]
        clock = _clock_of(hour, minute, second, fraction, parts.get("half", ""))
        return _at(day, clock, _zone(parts["zone"]) if "zone" in parts else None, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r:.60} does not exist: {error}") from error


def _part(word: str) -> str | None:
    """Which part of a date a word is, None if none."""
    if word.isascii() and word.isdecimal():
        return {1: "day", 2: "day", 4: "year"}.get(len(word))
    if _ORDINAL.fullmatch(word):
        return "day"
    if _CLOCK.fullmatch(word):
        return "clock"
    if word.lower() == "at":
        return "at"
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


def _clock_of(hour: str, minute: str, second: str, fraction: str, half: str) -> tuple[int, int, int, int]:
    """Hour (0 to 24), minute, second (60 in a leap second) and microsecond; of what is not there, 0."""
    hours, minutes, seconds = (int(digits or 0) for digits in (hour, minute, second))
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(f"{hour} {half}: the hour must be 1 to 12")
        hours = hours % 12 + (12 if _half(half) == "pm" else 0)
    return hours, minutes, seconds, int((fraction or "")[:6].ljust(6, "0"))


def _at(day: date, clock: tuple[int, int, int, int], own: tzinfo | None, zone: tzinfo) -> Stated:
    """The time of a day and a clock in `own`, the zone that the text names, if any."""
    hour, minute, second, fraction = clock
    ends_day = clock == (24, 0, 0, 0)
    leaps = second == 60
    moment = datetime.combine(day, time(0 if ends_day else hour, minute, 59 if leaps else second, fraction), own)
    stated = _stated(moment + timedelta(days=ends_day, seconds=leaps), zone, "second")
    if leaps:
        after = _EPOCH + timedelta(microseconds=stated.time - fraction)
        if (after.day, after.time()) != (1, time()):
            raise ValueError("UTC has no leap second there")
    return stated


def _zone(word: str) -> tzinfo | None:
    """The zone that a name or an offset stands for, None if it is neither."""
    offset = _OFFSET.fullmatch(word)
    if offset is None:
        hours = _ZONES.get(word.upper())
        return None if hours is None else timezone(timedelta(hours=hours))
    distance = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
    if distance > _FARTHEST:
        return None
    return timezone(-distance if offset["sign"] == "-" else distance)


def _stated(moment: datetime, zone: tzinfo, precision: str) -> Stated:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{moment} is no time of news: the year must be {_FIRST_YEAR} to {_LAST_YEAR}")
    assumed = moment.tzinfo is None
    aware = moment.replace(tzinfo=zone) if assumed else moment
    return Stated((aware - _EPOCH) // _MICROSECOND, precision, assumed)
