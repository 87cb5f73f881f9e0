"""ANPA 1312: two header lines, lines of slug, headline and notes that begin with `^`, copy, a line with the time.

    SYN SYN SOH w2870 US asian
    f l DC3 DC1 BC-LT--Harbor-Fire     03-09 0456
    STX ^BC-LT--Harbor Fire, 1st Ld-Writethru,450<
    ^Headline<
    ^By JANE DOE=
    ^Agency Name=
    TAB copy …
    ETX AP-WF-03-09-26 1509GMT<

Where the control characters are lost, the lines alone tell. An article is told by agency, day and slug: the story's
number is another for each version. The header's date names no year, so the time is that of the last line or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from transforms import labels
from transforms.article import Article, RawItem, Reject, Stated, Subject
from transforms.parse import teletype
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError
from transforms.parse.fields import build
from transforms.parse.teletype import ETX, STX
from transforms.parse.times import parse_time

_FIRST = (
    r"(?P<service>[A-Za-z])?(?P<number>\d{3,4})(?P<agency>[A-Z]{2,15})?[\x1f ]?"
    r"(?P<selector>[A-Za-z0-9-]{0,6})[ \t]{0,9}"
)
_SECOND = (
    r"(?P<priority>[A-Za-z]) (?P<category>[A-Za-z])(?P<form>[\x13\x14][\x11\x12])?[ \t]{1,9}"
    r"(?P<keyword>[^\s\x02^<][^\r\n\x02^<]{0,100})"
)
_END_OF_LINE = r"\r{0,3}\n"
_HEADER = re.compile(rf"{_FIRST}{_END_OF_LINE}{_SECOND}")
_OPENING = re.compile(rf"[\s\x00\x07\x16\x7f]{{0,200}}\x01?{_HEADER.pattern}")
# The rest of the second line: the keyword, its version, the date and the count of words.
_DATED = re.compile(r"(?P<slug>\S.{0,80}?)[ \t]+(?P<date>\d{1,2}-\d{1,2})(?:[ \t]+(?P<words>\d{1,5}))?[ \t]*$")
_STARTS = re.compile(rb"\x01(?=[A-Za-z]?\d{3,4}[^\r\n]{0,24}\r{0,3}\n[A-Za-z] [A-Za-z])")
_BARE_STARTS = re.compile(
    rb"^[A-Za-z]\d{4}[A-Za-z0-9-]{0,21}[ \t]{0,9}\r{0,3}\n"
    rb"(?=[A-Za-z] [A-Za-z][ \t]{1,9}\S[^\r\n]{0,100}\d{1,2}-\d{1,2} )",
    re.MULTILINE,
)

# The priorities of the Associated Press in order of urgency; advances (a, s) and what may be sent any time come last.
_PRIORITIES = {"f": 1, "b": 2, "u": 3, "r": 4, "d": 5, "a": 6, "s": 6, "w": 6}
# The category codes that agencies share.
_CATEGORIES = {
    "a": "domestic", "d": "food", "e": "entertainment", "f": "finance", "i": "international", "k": "commentary",
    "l": "lifestyle", "o": "weather", "p": "politics", "q": "sports results", "s": "sports", "t": "travel",
    "v": "advisories", "w": "Washington",
}  # fmt: skip
_ADVISORIES = "v"

# How the last line states the time: the Associated Press, The Canadian Press, Kyodo.
_SENT = (
    re.compile(
        r"(?P<agency>[A-Z]{2,5})-[A-Z]{2,4}-(?P<month>\d\d)-(?P<day>\d\d)-(?P<year>\d\d) "
        r"(?P<hour>\d\d):?(?P<minute>\d\d) ?(?P<zone>[A-Z]{2,4})?<?"
    ),
    re.compile(
        r"(?P<hour>\d\d):(?P<minute>\d\d)(?P<zone>[A-Z]{2,4})? (?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d\d)<?"
    ),
    re.compile(
        r"[A-Z]{2,5}-(?P<hour>\d\d):(?P<minute>\d\d)-(?P<day>\d\d)-(?P<month>\d\d)-(?P<year>\d\d)<?"
    ),
)  # fmt: skip
# `ET` and the like are summer or winter time, as the date says.
_PLACES = {
    "ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles",
}  # fmt: skip
_LAST_LINES = 4

# The cycle (AMs, PMs, both) that opens a slug; AP- is BC- on the way to the web.
_CYCLE = re.compile(r"(?P<cycle>AM|PM|BC|AP)s?-", re.IGNORECASE)
_HALF = re.compile(r"(?<=\d)\{(?!\S)")
_REFERENCE = re.compile(r"\*(?P<number>[\w-]{1,12})")
_BYLINE = re.compile(r"(?:By|BY) (?P<who>\S.{1,150})")
_NOTE = re.compile(
    r"(?i:\(?Eds|Editors?:|EDITOR'?S'? NOTE|Update:|code:)|(?:With )?[A-Z]{2,5} (?:Photo|Graphic|Video|Audio)s?\b"
)
_NAMED = re.compile(r"(?P<name>HL|INDEX|SYMBOL):\s*(?P<value>.*)")
# What an editing system took for the end of a line: quad left, end of head.
_LINE_SIGNS = "<=+@! "
# Typesetting instructions stand between SCD and TEC. Spaces of several widths, the mark of a table's line.
_INSTRUCTION = re.compile(rb"\x0c[^\x0b\x0c\n]{0,80}\x0b")
_SPACES = b"\x08\x10\x1c\x1d\x1e\x1f"
_DASH = re.compile(r"(?<=[^\s_]) (?:_|--) (?=[^\s_])")

ELEMENTS: Elements = {
    "guid": ("agency, day and slug without its labels",),
    "provider": ("last line: the letters before the date", "first header line: the name behind the number"),
    "alternative_ids": ("first header line: service level and number", "the number behind ^*"),
    "stated_version": ("slug: the number of the lead (1st Ld-Writethru)",),
    "signal": ("slug: its labels (Ld, Writethru, ADD, CORRECTION, KILL)",),
    "pub_status": ("slug: KILL, WITHHOLD",),
    "priority": ("second header line: priority (f, b, u, r, d as 1 to 5, advances as 6)",),
    "subjects": ("second header line: category, as scheme anpa1312", "^SYMBOL:"),
    "keywords": ("^INDEX:",),
    "slugline": ("the first ^ line, without labels and count of words", "second header line: keyword"),
    "headline": ("^HL:", "the first ^ line below the slug"),
    "description": ("the ^ lines that follow",),
    "byline": ("^By …",),
    "credit": ("the ^ line below the byline",),
    "ed_note": ("^Eds: …", "^AP Photo …", "^Update: …"),
    "body": ("the lines of copy", "^ lines, where there are no others"),
    "version_created": ("the last line's time",),
}


def recognise(sample: Sample) -> bool:
    """A line of service level and number, and a second of priority, category and keyword."""
    opening = _OPENING.match(sample.head)
    return opening is not None and (
        "\x01" in opening[0] or opening["form"] is not None or _DATED.match(opening["keyword"]) is not None
    )


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a file of messages, each message an entry where there are several."""
    starts = _STARTS if teletype.SOH.encode() in item.data else _BARE_STARTS
    return teletype.entries(item, starts, partial(_article, item, settings))


def _article(item: RawItem, settings: Settings, message: bytes) -> Article:
    text, flags = teletype.text_of(_INSTRUCTION.sub(b"", message), spaces=_SPACES)
    header = _HEADER.match(text.lstrip("\n \x02\x03"))
    if header is None:
        raise ParseError("header", "no header lines of ANPA 1312")
    copy, _, tail = header.string[header.end() :].replace(STX, "\n", 1).partition(ETX)
    dated = _DATED.match(header["keyword"])
    lines = teletype.until_end(copy.split("\n"))
    sent = _sent(tail.split("\n"))
    if sent is None:
        sent, lines = _sent_at_end(lines)
    head, body = _heads(lines)
    found = _read(head, header["keyword"] if dated is None else dated["slug"])
    slug = found.pop("slug")
    said = labels.together([slug, *found.pop("labels"), labels.of_headline(found["headline"])])
    if said.signal == labels.ADVISORY or (header["category"].lower() == _ADVISORIES and said.signal != labels.KILL):
        raise SkipError("advisory", f"an advisory to editors: {slug.base:.80}")
    provider = (sent["agency"] if sent else "") or header["agency"] or ""
    day = _day(dated["date"] if dated else "", sent)
    service = provider or (header["service"] or "").lower()
    guid = teletype.guid_of(service, day, _without_cycle(slug.base), said.part)
    if said.signal == labels.KILL and not guid:
        raise ParseError("kill", "a kill that names nothing: no date beside its slug")
    priority = header["priority"].lower()
    summary = found.pop("summary")
    copy = teletype.paragraphs(body)
    category = header["category"].lower()
    stated: dict[str, Any] = {
        **found,
        "guid": guid,
        "provider": provider,
        "alternative_ids": (f"{header['service'] or ''}{header['number']}", *found["alternative_ids"]),
        "stated_version": str(said.number) if said.number else "",
        "signal": said.signal,
        "pub_status": teletype.state_of(said),
        "priority": _PRIORITIES.get(priority, priority),
        "subjects": (Subject("anpa1312", category, _CATEGORIES.get(category, "")), *found["subjects"]),
        "slugline": slug.base,
        "description": "\n".join(summary) if copy else "",
        **(_times(sent, settings.source_timezone) if sent else {}),
    }
    return build(stated, item, settings, body=_decoded(copy or "\n\n".join(summary)), flags=flags)


def _heads(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines above the copy, each whole and without its sign, and the lines of the copy.

    A line that begins with `^` goes on until `<` or `=` ends it. Kyodo writes slug and headline without any sign, above
    copy that is indented.
    """
    lines = teletype.without_blank_ends(lines)
    head: list[str] = []
    if lines and not lines[0].startswith("^"):
        at = 0
        while at < len(lines) and at < 4 and lines[at].strip() and not lines[at][0].isspace():
            at += 1
        if at < len(lines) and at <= 3 and lines[at][:1].isspace():
            return [line.strip(_LINE_SIGNS) for line in lines[:at]], lines[at:]
        if lines and _CYCLE.match(lines[0]):
            return [lines[0].strip(_LINE_SIGNS)], lines[1:]
        return [], lines
    open_line = False
    for at, line in enumerate(lines):
        if head and _begins_table(line, head[-1]):
            return head, [_whole(line) for line in lines[at:]]
        if line.startswith("^"):
            head.extend(part.strip(_LINE_SIGNS) for part in re.split(r"(?:^|(?<=[<=]))\s*\^", line) if part.strip())
        elif head and open_line and line.strip() and not line[0].isspace():
            head[-1] = f"{head[-1]} {line.strip(_LINE_SIGNS)}"
        elif _NOTE.match(line):
            head.append(line.strip(_LINE_SIGNS))
        else:
            return head, [_whole(line) for line in lines[at:]]
        open_line = not line.rstrip().endswith(("<", "="))
    return head, []


def _begins_table(line: str, above: str) -> bool:
    """True for the first line of a table below the head: columns, or a title in capitals below the byline."""
    text = line.strip(f"^{_LINE_SIGNS}")
    title = _BYLINE.fullmatch(above) and " " in text and text.upper() == text and any(map(str.isalpha, text))
    return line.startswith("^") and bool("   " in text or title)


def _whole(line: str) -> str:
    """A line of copy without the signs of its end; within the copy `^` opens a subhead, a paragraph of its own."""
    ended = line.rstrip()
    if ended.endswith("<"):
        line = ended.rstrip("<")
    if line.startswith("^"):
        return f"\t{line.strip('^=')}"
    return line.rstrip("= ") if ended.endswith("_=") else line


def _read(head: list[str], keyword: str) -> dict[str, Any]:
    """The fields that the lines above the copy state; `slug` and `labels` are Labels, `summary` the lines left."""
    slug = labels.of_slug(keyword)
    found: dict[str, Any] = {"headline": "", "byline": "", "credit": "", "keywords": (), "labels": [slug]}
    notes: list[str] = []
    plain: list[str] = []
    symbols: list[Subject] = []
    references: list[str] = []
    slugged = False
    for line in filter(None, head):
        label = labels.of_line(line)
        named = _NAMED.fullmatch(line)
        reference = _REFERENCE.fullmatch(line)
        by = _BYLINE.fullmatch(line)
        if label:
            found["labels"].append(label)
        elif reference:
            references.append(reference["number"])
        elif not slugged and not plain and (_CYCLE.match(line) or _same(line, slug.base)):
            slug, slugged = labels.of_slug(line), True
        elif named and named["name"] == "HL":
            found["headline"] = named["value"]
        elif named and named["name"] == "INDEX":
            found["keywords"] = tuple(filter(None, (word.strip() for word in named["value"].split(","))))
        elif named:
            symbols.extend(Subject("symbol", code.strip(), "") for code in named["value"].split(",") if code.strip())
        elif _NOTE.match(line):
            notes.append(line)
        elif by and not found["byline"]:
            found["byline"] = by["who"].strip()
        elif found["byline"] and not found["credit"]:
            found["credit"] = line
        else:
            plain.append(line)
    if not found["headline"] and plain:
        found["headline"] = plain.pop(0)
    for name in ("headline", "byline"):
        found[name] = _decoded(found[name])
    found["summary"] = [_decoded(line) for line in plain]
    return found | {
        "slug": slug,
        "ed_note": "\n".join(notes),
        "subjects": tuple(symbols),
        "alternative_ids": tuple(references),
    }


def _same(line: str, keyword: str) -> bool:
    """True where a line is the slug of which the header has the beginning, or a reference behind it."""
    name = teletype.guid_of("-", "-", labels.of_slug(line).base, "")
    short = teletype.guid_of("-", "-", keyword, "")
    return bool(short and name) and (name.startswith(short) or short.startswith(name))


def _without_cycle(slug: str) -> str:
    """The slug without a cycle that says nothing (BC-, AP-); a morning paper's story and an evening paper's are two."""
    cycle = _CYCLE.match(slug)
    return slug[cycle.end() :] if cycle and cycle["cycle"].upper() in ("BC", "AP") else slug


def _decoded(text: str) -> str:
    """Text with the signs that the set of characters lacks: the dash ` _ `, two accents for quotes, `7{` for 7½."""
    return _HALF.sub("½", _DASH.sub(" — ", text)).replace("``", "“").replace("''", "”")


def _sent(lines: list[str]) -> dict[str, str] | None:
    """What a line that states the time says, the first of `lines` that is one."""
    for line in lines:
        text = line.strip()
        if len(text) <= 40:
            for form in _SENT:
                found = form.fullmatch(text)
                if found:
                    return {
                        "agency": "",
                        "zone": "",
                        **{name: value or "" for name, value in found.groupdict().items()},
                    }
    return None


def _sent_at_end(lines: list[str]) -> tuple[dict[str, str] | None, list[str]]:
    filled = [at for at, line in enumerate(lines) if line.strip()][-_LAST_LINES:]
    for at in reversed(filled):
        sent = _sent([lines[at]])
        if sent:
            return sent, [*lines[:at], *lines[at + 1 :]]
    return None, lines


def _times(sent: dict[str, str], zone: tzinfo) -> Mapping[str, str | Stated]:
    """The times as `build` reads them: raw texts, or a Stated where the zone is a place's."""
    moment = teletype.moment(
        teletype.year_of(sent["year"]),
        int(sent["month"]),
        int(sent["day"]),
        f"{sent['hour']}:{sent['minute']}",
        sent["zone"],
    )
    if sent["zone"] in _PLACES:
        try:
            local = datetime.fromisoformat(moment.raw.removesuffix(f" {sent['zone']}"))
        except ValueError:
            return teletype.times_of(moment, zone)
        return {"version_created": parse_time(local.replace(tzinfo=ZoneInfo(_PLACES[sent["zone"]])), zone)}
    return teletype.times_of(moment, zone)


def _day(filed: str, sent: dict[str, str] | None) -> str:
    """The day that tells stories of one slug apart: the header's as written, in the year of the last line.

    The header has the editor's date and the last line UTC's, so that a story of the evening before New Year may be sent
    in the new year.
    """
    if not sent:
        return filed
    year = teletype.year_of(sent["year"])
    if not filed:
        return f"{year}-{sent['month']}-{sent['day']}"
    if sent["month"] == "01" and sorted(filed.split("-")) == ["12", "31"]:
        year -= 1
    return f"{year}-{filed}"


FORMAT = Format(
    "anpa1312",
    "ANPA 1312, the teletype format of American agencies, with its control characters or without, one message or many.",
    recognise,
    parse,
    ELEMENTS,
)
