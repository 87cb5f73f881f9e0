"""What the formats of the teletype age share: messages between control characters, lines that were broken to fit a
printer's width, dates with two digits for the year, sets of 7-bit characters with national letters.

In: bytes of an item. Out: its messages, their texts without control characters, their paragraphs and times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from functools import partial
from re import Pattern
from typing import NamedTuple

from transforms import labels
from transforms.article import Article, RawItem, Reject
from transforms.parse.base import ParseError, read_entry
from transforms.parse.text import decode, without_mark
from transforms.parse.times import parse_time

SOH, STX, ETX = "\x01", "\x02", "\x03"

# A long message has 30 kB (a table of prices 200 kB), a day of a busy wire 3,000 messages of some 40 lines.
_MESSAGE_LIMIT = 1_000_000
_MESSAGES_LIMIT = 10_000
_ITEM_LIMIT = 12_000_000
_LINES_LIMIT = 200_000

# CR CR LF gave the carriage of a printer time to return; LF CR is what some concentrators made of CR LF.
_LINE_ENDS = re.compile(rb"\r{1,4}\n|\n\r(?!\n)|\r")
# All controls but those that frame a text and those that lay it out. DEL and NUL filled the line between messages.
_NO_TEXT = bytes([0, *range(4, 9), *range(0x0B, 0x0D), *range(0x0E, 0x20), 0x7F])


def text_of(message: bytes, spaces: bytes = b"") -> tuple[str, tuple[str, ...]]:
    """A message's text, with at most one STX and one ETX in it and no other control characters, and flags.

    `spaces` are control characters that stand for a space. ParseError `too_large`, `binary`.
    """
    if len(message) > _MESSAGE_LIMIT:
        raise ParseError("too_large", f"a message of {len(message)} bytes, over {_MESSAGE_LIMIT}")
    data = _LINE_ENDS.sub(b"\n", without_mark(message))
    if spaces:
        data = data.translate(bytes.maketrans(spaces, b" " * len(spaces)))
    data = data.translate(None, _NO_TEXT + b"\x01")
    head, begun, rest = data.partition(b"\x02")
    text, ended, tail = rest.partition(b"\x03") if begun else (b"", *head.partition(b"\x03")[1:])
    if not begun:
        head = head.partition(b"\x03")[0]
    marks = bytes([2, 3])
    head, text, tail = (part.translate(None, marks) for part in (head, text, tail))
    decoded, flags = decode(head + begun + text + ended + tail)
    mended, national = _national(decoded)
    return mended, tuple(sorted({*flags, *national}))


# --- 7-bit national letters (ISO 646) ---------------------------------------------------------------------------------

# Language -> (words that its copy is full of and that have no national letter, what the signs stand for). The signs and
# their letters: ISO 646 registrations 21 (German), 10 (Swedish), 60 (Norwegian), 69 (French), 17 (Spanish). Danish copy
# uses the Norwegian set.
_NATIONAL = {
    "de": ("der die das und den von mit nicht auf ist im dem", str.maketrans("[\\]{|}~", "ÄÖÜäöüß")),
    "sv": ("och att det som en av inte med den till har", str.maketrans("[\\]{|}", "ÄÖÅäöå")),
    "no": ("og det som en av ikke med den til har er af i", str.maketrans("[\\]{|}", "ÆØÅæøå")),
    "fr": ("le la les des une du et est dans pour que qui", str.maketrans("\\{|}", "çéùè")),
    "es": ("el la los las una del en y que por con para", str.maketrans("[\\]{|}", "¡Ñ¿°ñç")),
}
_COMMON = {name: frozenset(words.split()) for name, (words, _) in _NATIONAL.items()}
_LETTER_SIGN = re.compile(
    r"""[A-Za-z][{|}~\\\[\]](?=[a-z])          # within a word
      | (?<![^\s"'(-])[{|}](?=[a-z])          # at its start
      | (?<=[a-z])[{|}~](?=[\s.,;:)"'-])      # at its end
      """,
    re.VERBOSE,
)
_IN_BRACES = re.compile(r"(?<![A-Za-z])\{[A-Za-z]*\}(?![A-Za-z])")
_SIGN = re.compile(r"[{|}~\\\[\]]")
# What was decoded must show three letters in words, and nine signs of ten must be such letters: in code, tables and
# addresses the signs stand apart.
_LEAST_SIGNS = 3
_LEAST_SHARE = 0.9


def _national(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with national letters for the signs that stand in their place, and the flag that this was guessed."""
    if not text.isascii() or not any(sign in text for sign in "{|}~"):
        return text, ()
    if _IN_BRACES.search(text):
        return text, ()
    inside = len(_LETTER_SIGN.findall(text))
    if inside < _LEAST_SIGNS or inside < _LEAST_SHARE * len(_SIGN.findall(text)):
        return text, ()
    words = re.findall(r"[a-z]+", text.lower())
    hits = {name: sum(word in common for word in words) for name, common in _COMMON.items()}
    best = max(hits, key=lambda name: hits[name])
    others = max(count for name, count in hits.items() if name != best)
    if hits[best] < 3 or hits[best] <= others:
        return text, ()
    return text.translate(_NATIONAL[best][1]), ("charset_guessed",)


# --- paragraphs -------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W\d_]+")
_LAST_PART = re.compile(r"([^\W\d_]{1,40})-$")
_ITEM = re.compile(r"(?:[-*•–]|\d{1,2}[.)]) \S")
# Lines that are all narrower than any printer and begin with no small letter are a list.
_NARROW = 40
# Rows of prices and places, which are set flush right.
_ROW = re.compile(r"\d[\d.,:]* ")
# No printer is so wide either: who writes such a line writes one for each paragraph.
_WIDE = 120
# Where a line that could have held the next word ends early, it was ended on purpose. Composers broke lines some
# characters before the margin.
_SLACK = 12
# German leaves a hyphen open before these: Ober- und Unterhaus.
_CONJUNCTIONS = "und oder bis bzw. sowie and or to et ou y o och eller og"
_JOINS = frozenset(_CONJUNCTIONS.split())
_ENDS_SENTENCE = (".", "!", "?", ":", '"', "”", "“", "''", ")", "…")


def paragraphs(lines: Iterable[str]) -> str:
    """The copy that a printer's lines hold: paragraphs parted by an empty line, tables and lists line by line.

    An empty line or an indented one begins a paragraph; lines that were broken for the width alone are joined. A hyphen
    at a line's end stays (`low-` `income`), unless it is a soft one or the copy has the word in one elsewhere.
    """
    rows = [line.rstrip() for line in lines]
    words: frozenset[str] | None = None
    texts = [row.lstrip() for row in rows]
    # Cells stand apart by a tab or three spaces, within a line that has been stripped.
    columns = ["   " in text or "\t" in text for text in texts]
    width = _width(text for text, cells in zip(texts, columns, strict=True) if text and not cells)
    margin = min((len(row) - len(text) for row, text in zip(rows, texts, strict=True) if text), default=0)
    listed = width < _NARROW and not any(text[:1].islower() for text in texts)
    parts: list[str] = []
    current: list[str] = []
    last, last_cells = "", False
    # How far the text of the last item of a list is from the left; -1 outside of lists.
    item = -1

    for row, text, cells in zip(rows, texts, columns, strict=True):
        indent = len(row) - len(text)
        opens = (indent >= margin + 2 or row.startswith("\t")) and not (current and indent == item)
        if not text or (opens and not _ITEM.match(text)):
            item = -1
        rows_apart = opens and _ROW.match(text) and _ROW.match(last)
        if text and current and (cells or last_cells or rows_apart):
            current.append(f"\n{text}")
        elif not text or not current or opens or max(len(text), len(last)) > _WIDE:
            if current:
                parts.append("".join(current))
            current = [text] if text else []
        elif listed or (_ITEM.match(text) and not (item < 0 and _goes_on_with_dash(last, text, width))):
            current.append(f"\n{text}")
        elif _ends_early(last, text, width):
            if last.endswith(_ENDS_SENTENCE) and len(current) > 1 and not _ITEM.match(last):
                parts.append("".join(current))
                current = [text]
            else:
                current.append(f"\n{text}")
        else:
            if words is None and last.endswith("-"):
                words = frozenset(_WORD.findall("\n".join(rows)))
            current.append(_joined(current, text, words or frozenset()))
        if _ITEM.match(text) and current and current[-1] in (text, f"\n{text}"):
            item = indent + 2
        last, last_cells = text, cells
    if current:
        parts.append("".join(current))
    return "\n\n".join(parts)


def _joined(current: list[str], text: str, words: frozenset[str]) -> str:
    """What `text` adds to a paragraph whose line was broken for the width."""
    before = current[-1]
    if not before.endswith(("-", "\u00ad", "¬")):
        return f" {text}"
    begun, rest = _LAST_PART.search(before[-40:]), _WORD.match(text)
    if begun and rest and begun[1] + rest[0] in words:
        current[-1] = before[:-1]
        return text
    if before.endswith(("\u00ad", "¬")):
        current[-1] = before[:-1]
        return text
    hyphen = before.endswith("-") and len(before) > 1 and before[-2].isalnum()
    return text if hyphen and text.split(None, 1)[0] not in _JOINS else f" {text}"


def _goes_on_with_dash(last: str, text: str, width: int) -> bool:
    """True where a line begins with the dash of a sentence that the line above has begun."""
    return text[0] in "-–" and not last.endswith(_ENDS_SENTENCE) and not _ends_early(last, text, width)


def _ends_early(row: str, following: str, width: int) -> bool:
    """True where the next line's first word would have had its place on `row`."""
    return len(row) + 1 + len(following.split(None, 1)[0]) <= width - _SLACK


def _width(texts: Iterable[str]) -> int:
    """How wide the copy was set: all but the widest twentieth of its lines fit."""
    lengths = sorted(map(len, texts))
    return lengths[(len(lengths) - 1) * 19 // 20] if lengths else 0


# --- times ------------------------------------------------------------------------------------------------------------

# First letters of the months in the languages of agencies that send these formats; none means two months.
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan gen ene янв", "feb fev fév févr feb фев", "mar mär mae maer mrz mrt мар", "apr avr abr апр",
            "may mai mag maj mei май мая", "jun giu juin juni июн", "jul lug juil juli июл", "aug aou aoû aout ago авг",
            "sep set sept сен", "oct okt ott out окт", "nov ноя", "dec dez déc dic des дек",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_GERMAN_ZONES = {"MEZ": "CET", "MESZ": "CEST", "Z": "UTC"}
# `231205 Jan 17`, `101137 GMT Dez 18`, `091430Z MAR 2026`: IPTC 7901's day, time, zone, month, year.
GROUP = re.compile(
    r"(?P<day>[0-3]\d)(?P<hour>[0-2]\d)(?P<minute>[0-5]\d)(?:\s?(?P<zone>Z|[A-Z]{3,4}))?\s(?P<month>[^\W\d_]{3,9})\.?\s"
    r"(?P<year>(?:19|20)?\d\d)(?!\d)"
)


class Moment(NamedTuple):
    """A time that a message states."""

    raw: str
    """As `parse_time` reads it."""
    day: str
    """Its date, YYYY-MM-DD."""


def year_of(digits: str) -> int:
    """The year of two digits or four: the formats are of 1979 (IPTC 7901) and 1989, so 79 to 99 are of that century."""
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 79 else 2000)


def group_time(text: str) -> Moment | None:
    """The first day/time group in `text`, None where there is none."""
    for found in GROUP.finditer(text):
        month = _month(found["month"])
        if month:
            zone = found["zone"] or ""
            return moment(
                year_of(found["year"]), month, int(found["day"]), f"{found['hour']}:{found['minute']}",
                _GERMAN_ZONES.get(zone, zone),
            )  # fmt: skip
    return None


def moment(year: int, month: int, day: int, clock: str, zone: str) -> Moment:
    """The Moment of what a message states apart."""
    date = f"{year:04}-{month:02}-{day:02}"
    return Moment(f"{date} {clock} {zone}".strip(), date)


def times_of(stated: Moment | None, zone: tzinfo) -> dict[str, str]:
    """The raw times of an Article; the date alone where the time is in a zone that nobody knows."""
    if stated is None:
        return {}
    try:
        parse_time(stated.raw, zone)
    except ValueError:
        return {"version_created": stated.raw, "date_line": stated.day}
    return {"version_created": stated.raw}


def _month(word: str) -> int:
    word = word.lower()
    return _MONTHS.get(word) or _MONTHS.get(word[:4]) or _MONTHS.get(word[:3], 0)


# --- identity ---------------------------------------------------------------------------------------------------------

_NOT_IN_NAMES = re.compile(r"[\W_]+")


def guid_of(service: str, day: str, slug: str, part: str) -> str:
    """The identity of a text over its versions: who sent it, the day, its slug without labels; empty without them all.

    These formats have no identifier but the number of the transmission, which is another for each version. Spaces and
    punctuation of a slug do not count, because headers shorten it by them. A part of a text (`add 1`) is no version of
    it, so it has an identity of its own.
    """
    name = _NOT_IN_NAMES.sub("", slug.casefold())
    if not (service and day and name):
        return ""
    return ":".join(filter(None, (service.casefold(), day, name, part.replace(" ", ""))))


def state_of(said: labels.Labels) -> str:
    """The publishing status that labels state, empty where they state none."""
    return {labels.KILL: "kill", labels.WITHHOLD: "withheld", labels.EMBARGO: "embargoed"}.get(said.signal, "")


def messages(data: bytes, starts: Iterable[int]) -> Iterator[bytes]:
    """`data` cut where messages start; what stands before the first goes with it. ParseError `too_large`."""
    if len(data) > _ITEM_LIMIT:
        raise ParseError("too_large", f"an item of {len(data)} bytes, over {_ITEM_LIMIT}")
    if data.count(b"\n") + data.count(b"\r") > 3 * _LINES_LIMIT or data.count(b"\n") > _LINES_LIMIT:
        raise ParseError("too_large", f"over {_LINES_LIMIT} lines in one item")
    places = list(at_most(starts))
    places[:1] = [0]
    for start, end in zip(places, [*places[1:], len(data)], strict=True):
        yield data[start:end]


def entries(item: RawItem, starts: Pattern[bytes], read: Callable[[bytes], Article]) -> Iterator[Article | Reject]:
    """What `read` gives for each message of an item; messages are entries where there are several."""
    found = list(messages(item.data, (start.start() for start in starts.finditer(item.data))))
    if len(found) < 2:
        yield read(item.data)
        return
    for position, message in enumerate(found, start=1):
        yield read_entry(item, position, message, partial(read, message))


def at_most(places: Iterable[int]) -> Iterator[int]:
    """`places`; ParseError `too_large` once there are too many."""
    for count, place in enumerate(places, start=1):
        if count > _MESSAGES_LIMIT:
            raise ParseError("too_large", f"over {_MESSAGES_LIMIT} messages in one item")
        yield place


def until_end(lines: list[str]) -> list[str]:
    """The lines before `NNNN`, which ends a telex."""
    end = next((at for at, line in enumerate(lines) if line.strip() == "NNNN"), len(lines))
    return lines[:end]


def without_blank_ends(lines: list[str]) -> list[str]:
    """The lines from the first to the last that has something on it."""
    filled = [at for at, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


# Behind the group there may be an agency's sign.
_LINES_LOOKED_AT = 3
_GROUP_LINE = 45


def group_at_end(lines: list[str]) -> tuple[Moment | None, list[str]]:
    """The day/time group that one of the last lines is, and the lines without it."""
    filled = [at for at, line in enumerate(lines) if line.strip()][-_LINES_LOOKED_AT:]
    for at in reversed(filled):
        line = lines[at].strip()
        if len(line) <= _GROUP_LINE and GROUP.match(line):
            return group_time(line), [*lines[:at], *lines[at + 1 :]]
    return None, lines


def breaks_off(lines: list[str]) -> bool:
    """True where the first line was ended on purpose: the next one's first word would have had its place on it."""
    texts = [line.strip() for line in lines]
    return len(texts) > 1 and bool(texts[1]) and _ends_early(texts[0], texts[1], _width(filter(None, texts)))
