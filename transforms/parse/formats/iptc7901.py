"""IPTC 7901: a header line, a slug, a headline that ends in `=`, text, and a group of day, time, month and year.

    SOH bkn014 4 pl 171 vvvvb KNA 170123-89-00065#2
    Bundestag/Kinder
    STX Headline =
    text …
    ETX 231205 Jan 17 EOT

Feeds that came through mail or files have lost the control characters; then the lines alone tell. What identifies an
article is the agency's number of the item (`170123-89-00065`) where the header has one. Elsewhere it is agency, day and
slug: the number of the transmission is another for each version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from transforms import labels
from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import teletype
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError
from transforms.parse.fields import build
from transforms.parse.teletype import ETX, STX

_GAP = r"[ \t\x1f]{1,20}"
_SENDER = r"(?P<service>[A-Za-z]{1,6})[ ]?(?P<number>\d{2,6})"
_REST = rf"(?:{_GAP}(?P<rest>[^\r\n]{{0,100}}))?[ \t]*(?=[\r\n]|$)"
_STRICT = rf"{_SENDER}{_GAP}(?P<priority>[1-9]){_GAP}(?P<category>[A-Za-z]{{1,4}}){_GAP}(?P<words>\d{{1,5}}){_REST}"
_LENIENT = (
    rf"{_SENDER}(?:{_GAP}(?P<priority>[0-9]))?{_GAP}(?P<category>[A-Za-z]{{1,4}})(?:{_GAP}(?P<words>\d{{1,5}}))?{_REST}"
)
# Before the header: what synchronised the line, empty lines, the frame of a telex.
_BEFORE = r"[\s\x00\x07\x0e-\x1f\x7f]{0,200}(?:ZCZC[ \t\r\n]{1,10})?[\s\x00\x16\x7f]{0,20}"
_OPENING = re.compile(rf"{_BEFORE}(?:\x01[\x7f ]{{0,4}}{_LENIENT.replace('?P<', '?P<s_')}|{_STRICT})")
_HEADER = re.compile(rf"[ \t]{{0,20}}(?:ZCZC[ \t]+)?(?:{_LENIENT})")
_STARTS = re.compile(rb"\x01(?=[\x7f ]{0,4}[A-Za-z]{1,6} ?\d{2,6}[ \t\x1f])")
_BARE_STARTS = re.compile(rf"^[ \t]{{0,20}}(?:ZCZC[ \t\r\n]{{1,10}})?{_STRICT}".encode(), re.MULTILINE)

# dpa's and KNA's number of an item: date, service, number, and its version.
_ITEM_ID = re.compile(r"(?<!\S)(?P<id>\d{6}-\d{2}-\d{4,6})(?:[#/](?P<version>\d{1,3}))?(?!\S)")
_AGENCY = re.compile(r"[^\W\d_][\w./-]{0,19}")
_BYLINE = re.compile(r"(?:By|Von|Par|Por|Door|Di|Af|Av) (?P<who>\S[^\n]{1,150})")
# dpa's line above what editors need and readers must not see.
_NOT_FOR_PRINT = re.compile(
    r"The following information is not (?:intended )?for publication|"
    r"(?:Die )?[Ff]olgenden? Informationen sind nicht zur Ver.{1,2}ffentlichung bestimmt"
)
# What dpa sends for editors below the copy: notes, links, places, contacts, and the sign of who wrote it.
_NOTEPAD = re.compile(r"^# (?:Notizblock|Notebook)[ \t]*$\n?", re.MULTILINE)
# Lines of dpa's English service above a headline that name its kind.
_KIND = re.compile(
    r"EXTRA|ROUNDUP|PREVIEW|REVIEW|ANALYSIS|BACKGROUND|PROFILE|INTERVIEW|CHRONOLOGY|TIMELINE|(?:NEWS )?FEATURE"
)
# In a slug: what will be sent and covered, for editors.
_PLAN = re.compile(r"(?:^|/)(?:Tages|Termin|Wochen|Monats)vorschau(?:/|$)")
_RULE = re.compile(r"\n[ \t]*\*(?:[ \t]*\*){2,20}[ \t]*$")
# A headline with its kicker, notes and byline is not longer.
_BLOCK_LINES = 12

ELEMENTS: Elements = {
    "guid": ("header: the number of the item (yymmdd-service-number); else agency, day and slug without its labels",),
    "provider": ("header: the agency's name behind the count of words", "header: the letters before the number"),
    "alternative_ids": ("header: the letters and the number of the transmission",),
    "stated_version": ("header: the number behind #", "the number of the lead or update (2ND LEAD)"),
    "signal": ("the labels of slug and headline (KILL, 2ND LEAD, Berichtigung)",),
    "pub_status": ("the labels KILL, HOLD, EMBARGOED",),
    "priority": ("header: priority, 1 to 9",),
    "subjects": ("header: category, as scheme iptc7901",),
    "slugline": ("the lines between header and STX",),
    "keywords": ("the slug's parts between /",),
    "headline": ("the lines between STX and =",),
    "byline": ("a line By … or Von … among them",),
    "ed_note": ("lines in brackets among them", "what follows # Notizblock or “not for publication”"),
    "body": ("the text up to ETX",),
    "version_created": ("the day/time group behind ETX (ddhhmm zone month yy)",),
}


def recognise(sample: Sample) -> bool:
    """A header line of source, number, priority, category and count of words; without SOH it must be whole."""
    return _OPENING.match(sample.head) is not None


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a file of messages, each message an entry where there are several."""
    starts = _STARTS if teletype.SOH.encode() in item.data else _BARE_STARTS
    return teletype.entries(item, starts, partial(_article, item, settings))


def _article(item: RawItem, settings: Settings, message: bytes) -> Article:
    text, flags = teletype.text_of(message, spaces=b"\x1f")
    head, begun, rest = text.partition(STX)
    if begun:
        body, _, tail = rest.partition(ETX)
    else:
        head, _, tail = head.partition(ETX)
        body = ""
    lines = head.split("\n")
    at = next((at for at, line in enumerate(lines) if line.strip() and line.strip() != "ZCZC"), 0)
    header = _HEADER.match(lines[at])
    if header is None:
        raise ParseError("header", f"no header line of IPTC 7901: {lines[at]!r:.60}")
    slug, copy = (lines[at + 1 :], body.split("\n")) if begun else ([], lines[at + 1 :])
    copy = teletype.until_end(copy)
    sent = teletype.group_time(tail)
    if sent is None:
        sent, copy = teletype.group_at_end(copy)
    if not any(map(str.strip, slug)):
        slug, copy = _slug_apart(copy)
    block, copy = _headline_apart(copy)
    return _built(item, settings, header, slug, block, copy, sent, flags)


def _slug_apart(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the slug and the others, where no STX parts them.

    The slug is what ends or begins with `/`, or what stands alone before an empty line.
    """
    lines = teletype.without_blank_ends(lines)
    last = next((at for at, line in enumerate(lines[:_BLOCK_LINES]) if _ends_headline(line)), -1)
    count = 0
    while count < len(lines) and (lines[count].strip().endswith("/") or lines[count].strip().startswith("/")):
        count += 1
    if not count and last > 0:
        blank = next((at for at, line in enumerate(lines[:last]) if not line.strip()), 0)
        count = blank or int("/" in lines[0])
    elif not count and len(lines) > 1 and "/" in lines[0] and " " not in lines[0].strip():
        count = 1
    return lines[:count], lines[count:]


def _headline_apart(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the headline, up to `=`, and the copy below them; without a `=` a line alone is one."""
    lines = teletype.without_blank_ends(lines)
    for at, line in enumerate(lines[:_BLOCK_LINES]):
        if _ends_headline(line):
            return [*lines[:at], line.rstrip()[:-1]], lines[at + 1 :]
    if len(lines) == 1 or (len(lines) > 1 and (not lines[1].strip() or lines[1][0].isspace())):
        return lines[:1], lines[1:]
    return [], lines


def _ends_headline(line: str) -> bool:
    return line.rstrip().endswith("=")


def _built(
    item: RawItem,
    settings: Settings,
    header: re.Match[str],
    slug_lines: list[str],
    block: list[str],
    copy: list[str],
    sent: teletype.Moment | None,
    flags: tuple[str, ...],
) -> Article:
    said: list[labels.Labels] = []
    notes: list[str] = []
    slug = labels.of_slug(" ".join(_unlabelled(slug_lines, said, notes)).strip().strip("/").strip())
    headline: list[str] = []
    byline = ""
    for line in _unlabelled(block, said, notes):
        by = _BYLINE.fullmatch(line)
        if not headline and _KIND.fullmatch(line):
            notes.append(line)
        elif by and headline:
            byline = by["who"].strip()
        else:
            headline.append(line)
    title = " ".join(headline)
    whole = labels.together([slug, *said, labels.of_headline(title)])
    if whole.signal == labels.ADVISORY or _PLAN.search(slug.base):
        raise SkipError("advisory", f"an advisory to editors: {slug.base or title!r:.80}")
    rest = header["rest"] or ""
    number = _ITEM_ID.search(rest)
    agency = next((word for word in reversed(_without_id(rest).split()) if _AGENCY.fullmatch(word)), "")
    provider = agency or header["service"]
    guid = number["id"] if number else teletype.guid_of(provider, sent.day if sent else "", slug.base, whole.part)
    if whole.signal == labels.KILL and not guid:
        raise ParseError("kill", "a kill that names nothing: neither an item's number nor a slug with a date")
    body = teletype.paragraphs(copy)
    hidden = _NOT_FOR_PRINT.search(body) if "publication" in body or "entlichung" in body else None
    pad = _NOTEPAD.search(body[: hidden.start()] if hidden else body)
    if pad:
        notes.append(_RULE.sub("", body[pad.end() : hidden.start() if hidden else None].rstrip()).strip())
    if hidden:
        notes.append(body[hidden.end() :].strip())
        body = _RULE.sub("", body[: hidden.start()].rstrip()).rstrip()
    if pad:
        body = body[: pad.start()].rstrip()
    stated = {
        "guid": guid,
        "provider": provider,
        "alternative_ids": (f"{header['service']}{header['number']}",),
        "stated_version": (number["version"] if number else "") or (str(whole.number) if whole.number else ""),
        "signal": whole.signal,
        "pub_status": teletype.state_of(whole),
        "priority": header["priority"],
        "subjects": (Subject("iptc7901", header["category"].lower(), ""),),
        "slugline": slug.base,
        "keywords": tuple(filter(None, (part.strip() for part in slug.base.split("/")))) if "/" in slug.base else (),
        "headline": title,
        "byline": byline,
        "ed_note": "\n\n".join(filter(None, notes)),
        **teletype.times_of(sent, settings.source_timezone),
    }
    return build(stated, item, settings, body=body, flags=flags)


def _unlabelled(lines: list[str], said: list[labels.Labels], notes: list[str]) -> Iterator[str]:
    """The lines that are neither a label nor a note in brackets; those go to `said` and `notes`."""
    for line in _brackets_whole(lines):
        label = labels.of_line(line)
        if label:
            said.append(label)
            notes.append(label.base)
        elif line.startswith("(") and line.endswith(")"):
            notes.append(line[1:-1].strip())
        elif line:
            yield line


def _brackets_whole(lines: list[str]) -> Iterator[str]:
    """The lines without blanks around them; a note in brackets that goes over several is one."""
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if line.startswith("(") and ")" not in line:
            end = next((end for end in range(at, min(at + _BLOCK_LINES, len(lines))) if ")" in lines[end]), -1)
            if end >= 0 and lines[end].rstrip().endswith(")"):
                line = " ".join([line, *map(str.strip, lines[at : end + 1])])
                at = end + 1
        yield line


def _without_id(rest: str) -> str:
    return _ITEM_ID.sub(" ", rest)


FORMAT = Format(
    "iptc7901",
    "IPTC 7901, the teletype format of European agencies, with its control characters or without, one message or many.",
    recognise,
    parse,
    ELEMENTS,
)
