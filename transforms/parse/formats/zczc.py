"""ZCZC … NNNN: the frame of a telex, in which agencies still send text over lines that know nothing else.

    ZCZC NSP0123
    $a
    :Harbour fire
    ^Headline
    *X
    text …
    NNNN

Between the frames some agencies write lines that begin with a sign (`$` category, `:` slug, `^` headline …); the others
write slug, headline and copy as a teletype would print them. Several telexes make one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from transforms import labels
from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import teletype
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError
from transforms.parse.fields import build
from transforms.parse.formats import iptc7901

_OPENING = re.compile(r"[\s\x00\x01\x07\x0e-\x1f\x7f]{0,200}(?:ZCZC(?![A-Za-z0-9])|zczc[ \t]*\r{0,2}\n[A-Z]{2}#)")
_STARTS = re.compile(
    rb"^[ \t\x00-\x08\x0e-\x1f\x7f]{0,20}(?:ZCZC(?![A-Za-z0-9])|zczc(?=[ \t]*\r{0,2}\n[A-Z]{2}#))", re.MULTILINE
)
_FIRST_LINE = re.compile(r"\s*(?:ZCZC|zczc)[ \t]*(?P<rest>[^\n]*)(?:\n|$)")
_TRANSMISSION = re.compile(r"(?P<service>[A-Za-z]{2,6})[ ]?(?P<number>\d{1,6})?(?![A-Za-z0-9])")
# Where a line is sent to, and what by: `YY TDA`.
_ROUTING = re.compile(r"[A-Z]{2} [A-Z]{3}|YY [A-Z]{3} [A-Z0-9 ()]{1,60}")
# Lines that a sign begins. Australian Associated Press writes slug and headline as `:` and `^`, its racing service as
# `#` and `:`; releases have no slug, and two lines of `:` of which one is empty.
_SIGNS = "$:=^*&+%#@~"
# Slug and headline on one line, as Australian Associated Press's racing service writes them.
_BOTH = re.compile(r":(?P<slug>[^:]{1,60}?)[ ]+:(?P<title>\S.*)")
# What told a typesetter where a line ends and a table begins: `=!`, `<!`.
_TYPESET = re.compile(r"(?:[ ]\.)?([<=])![ ]*$")
# Market wires name their fields: `TI#` the headline, `TX#` the copy.
_NAMED = re.compile(r"(?P<name>[A-Z]{2})#(?P<value>.*)")
# What else a star may begin is an item of a list.
_STAR = re.compile(r"\*(?:X|T|\d{8})")
# Broadcast copy of Australian Associated Press: $ has the headline, : the place in brackets, * the subject.
_PLACE = re.compile(r"\((?P<place>[^()]{2,40})\)")
_SUBJECT_CODE = re.compile(r"\d{8}")
_SLUG = re.compile(r"(?:AM|PM|BC|AP)s?-\S.{1,100}|\S[^\n ]{1,40}/[^\n]{0,40}")
_LONGEST_HEADLINE = 150

ELEMENTS: Elements = {
    "guid": ("service, day and slug without its labels", "AN#"),
    "provider": ("the letters behind ZCZC", "KN#"),
    "alternative_ids": ("letters and number behind ZCZC",),
    "stated_version": ("slug: the number of the lead (2nd Ld)",),
    "signal": ("labels of slug, headline and lines of their own (KILL, URGENT)",),
    "pub_status": ("the labels KILL, WITHHOLD",),
    "slugline": (": where there is a ^, else #", "the first line, if it begins BC- or holds a /"),
    "byline": ("BY#",),
    "description": ("AB#",),
    "dateline_place": (": in brackets",),
    "headline": (
        "^",
        ": where there is no ^",
        "$ where : has a place",
        "TI#",
        "the first line of the text, if it stands alone or ends in =",
    ),
    "keywords": ("=", "@"),
    "subjects": ("$ (scheme anpa1312)", "+ (scheme subj)", "* (scheme subj)", "CO# (scheme symbol)"),
    "body": ("the lines up to NNNN", "the lines below TX#"),
    "version_created": ("the day/time group at the end or behind ZCZC (ddhhmm zone month yy)", "PD#"),
}


def recognise(sample: Sample) -> bool:
    """Text that begins with ZCZC, unless the frame holds a message of IPTC 7901."""
    return _OPENING.match(sample.head) is not None and not iptc7901.recognise(sample)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a file of telexes, each an entry where there are several."""
    return teletype.entries(item, _STARTS, partial(_article, item, settings))


def _article(item: RawItem, settings: Settings, message: bytes) -> Article:
    text, flags = teletype.text_of(message)
    first = _FIRST_LINE.match(text.replace(teletype.STX, "\n").replace(teletype.ETX, "\n"))
    if first is None:
        raise ParseError("header", "no ZCZC")
    lines = teletype.until_end(first.string[first.end() :].split("\n"))
    if lines and _NAMED.fullmatch(lines[0]):
        return _of_named(item, settings, lines, flags)
    rest = first["rest"].strip()
    if rest[:1] and rest[0] in _SIGNS:
        lines.insert(0, rest)
    sent, lines = teletype.group_at_end(teletype.without_blank_ends(lines))
    sent = sent or teletype.group_time(rest)
    typeset = any(map(_TYPESET.search, lines))
    signed, lines = _signed([_TYPESET.sub(r"\1", line) for line in lines] if typeset else lines)
    said: list[labels.Labels] = []
    notes: list[str] = []
    title, slug_line = _title(signed), _slug(signed)
    if not title:
        slug_line, title, lines = _printed(lines, slug_line, said, notes)
    slug = labels.of_slug(slug_line)
    if typeset:
        lines = [line.strip("<=") for line in lines]
    whole = labels.together([slug, *said, labels.of_headline(title)])
    if whole.signal == labels.ADVISORY:
        raise SkipError("advisory", f"an advisory to editors: {slug.base or title!r:.80}")
    transmission = _TRANSMISSION.match(rest)
    service = transmission["service"] if transmission else ""
    guid = teletype.guid_of(service, sent.day if sent else "", slug.base, whole.part)
    if whole.signal == labels.KILL and not guid:
        raise ParseError("kill", "a kill that names nothing: no slug with a date")
    stated: dict[str, Any] = {
        "guid": guid,
        "provider": service,
        "alternative_ids": (transmission[0],) if transmission and transmission["number"] else (),
        "stated_version": str(whole.number) if whole.number else "",
        "signal": whole.signal,
        "pub_status": teletype.state_of(whole),
        "slugline": slug.base,
        "headline": title,
        "dateline_place": _place(signed),
        "keywords": tuple(value for sign in "=@" for value in signed.get(sign, ())),
        "subjects": tuple(_subjects(signed)),
        "ed_note": "\n".join(filter(None, notes)),
        **teletype.times_of(sent, settings.source_timezone),
    }
    tabular = any(value.startswith("T") for value in signed.get("*", ()))
    body = "\n".join(line.rstrip() for line in lines).strip("\n") if tabular else teletype.paragraphs(lines)
    return build(stated, item, settings, body=body, flags=flags)


def _of_named(item: RawItem, settings: Settings, lines: list[str], flags: tuple[str, ...]) -> Article:
    """The Article of a telex whose lines name their fields; the copy follows TX#."""
    named: dict[str, str] = {}
    at = 0
    while at < len(lines) and "TX" not in named:
        line = _NAMED.fullmatch(lines[at])
        if line:
            named[line["name"]] = line["value"].strip()
        at += 1
    symbols = (symbol.strip() for symbol in named.get("CO", "").split(","))
    stated: dict[str, Any] = {
        "guid": named.get("AN", ""),
        "provider": named.get("KN", ""),
        "headline": named.get("TI", ""),
        "description": named.get("AB", ""),
        "byline": named.get("BY", ""),
        "subjects": tuple(Subject("symbol", symbol, "") for symbol in symbols if symbol),
        "version_created": named.get("PD", ""),
    }
    copy = teletype.paragraphs([named.get("TX", ""), *lines[at:]])
    return build(stated, item, settings, body=copy, flags=flags)


def _signed(lines: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The values of the lines that a sign begins, by sign, and the lines below them."""
    signed: dict[str, list[str]] = {}
    if lines and _ROUTING.fullmatch(lines[0].strip()):
        lines = lines[1:]
    for at, line in enumerate(lines):
        if not line.startswith(tuple(_SIGNS)) or (line[0] == "*" and not _STAR.fullmatch(line.strip())):
            return signed, lines[at:]
        both = _BOTH.fullmatch(line.rstrip())
        if both:
            signed.setdefault("#", []).append(both["slug"].strip())
            line = f":{both['title']}"
        signed.setdefault(line[0], []).append(line[1:].strip())
    return signed, []


def _title(signed: dict[str, list[str]]) -> str:
    sign = "^" if "^" in signed else ":"
    found = next(filter(None, reversed(signed.get(sign, ()))), "")
    if sign == ":" and (not found or _PLACE.fullmatch(found)):
        return next((value for value in signed.get("$", ()) if " " in value), "")
    return found


def _place(signed: dict[str, list[str]]) -> str:
    stated = _PLACE.fullmatch(next(iter(signed.get(":", ())), "")) if "^" not in signed else None
    return stated["place"] if stated else ""


def _slug(signed: dict[str, list[str]]) -> str:
    sign = ":" if "^" in signed else "#"
    return next(filter(None, signed.get(sign, ())), "")


def _printed(lines: list[str], slug: str, said: list[labels.Labels], notes: list[str]) -> tuple[str, str, list[str]]:
    """The slug, the headline and the copy of lines that no sign begins."""
    lines = _unlabelled(lines, said, notes)
    if len(lines) > 1 and not slug and _SLUG.fullmatch(lines[0].strip().rstrip("<=")):
        slug = lines[0].strip().rstrip("<=").strip().rstrip("/")
        lines = _unlabelled(lines[1:], said, notes)
    if not lines or len(lines[0]) > _LONGEST_HEADLINE:
        return slug, "", lines
    title = lines[0].strip()
    marked = title.endswith(("=", "<", "+"))
    alone = len(lines) == 1 or not lines[1].strip() or lines[1][0].isspace()
    if marked or alone or teletype.breaks_off(lines):
        return slug, title.rstrip("=<+ ").strip(), lines[1:]
    return slug, "", lines


def _unlabelled(lines: list[str], said: list[labels.Labels], notes: list[str]) -> list[str]:
    """The lines below those that are nothing but a label; what those say goes to `said` and `notes`."""
    at = 0
    while at < len(lines):
        label = labels.of_line(lines[at])
        if label:
            said.append(label)
            notes.append(label.base)
        elif lines[at].strip():
            break
        at += 1
    return teletype.without_blank_ends(lines[at:])


def _subjects(signed: dict[str, list[str]]) -> Iterator[Subject]:
    for value in signed.get("$", ()):
        if value and " " not in value:
            yield Subject("anpa1312", value[0].lower(), "")
    for value in (*signed.get("+", ()), *signed.get("*", ())):
        if _SUBJECT_CODE.fullmatch(value):
            yield Subject("subj", value, "")


FORMAT = Format(
    "zczc",
    "Telexes between ZCZC and NNNN, one or many, with lines that a sign begins ($ : ^) or plain.",
    recognise,
    parse,
    ELEMENTS,
)
