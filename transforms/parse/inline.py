"""The copy that an envelope (NewsML) carries inside: NITF, XHTML, TT's own NITF, or text.

In: the element that holds it. Out: a `Copy`, with the NITF document if it is one, whose head can say what the envelope
doesn't. NITF's markup is turned into HTML here; a NITF file of its own comes the same way.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from transforms.parse.base import Elements, ParseError
from transforms.parse.xml import HTML_TAGS, Element, document, find, find_all, markup, name_of, text_of

_SAME = """
    p table thead tbody tfoot tr th td caption ul ol li dl dt dd br pre a em sub sup q h1 h2 h3 h4 h5 h6 b i u strong
    cite code span div blockquote img section
"""
# NITF 3.6, body.content, as HTML. What is inline and has no counterpart (person, org, chron, money …) goes without tag.
_NITF_TAGS: dict[str, str | None] = {
    **{name: name for name in _SAME.split()},
    **dict.fromkeys(["block", "nitf-table", "custom-table", "note", "abstract", "hedline"], "div"),
    **dict.fromkeys(["byline", "dateline", "credit", "copyrite", "tagline", "bibliography", "fn", "datasource"], "p"),
    "hl1": "h2",
    "hl2": "h2",
    "bq": "blockquote",
    **dict.fromkeys(["media", "nitf-table-metadata", "script", "style"], None),
}
# TT's NITF: RUBRIK is the headline, INGRESS the lead, MELLIS a heading, CITAT a quoted paragraph, BILD a picture.
_TT_TAGS: dict[str, str | None] = {
    **dict.fromkeys(["P", "CITAT", "FAKTA"], "p"),
    **dict.fromkeys(["MELLIS", "RUBRIK"], "h2"),
    **dict.fromkeys(["TEXT", "INGRESS", "BRODTEXT"], "div"),
    **{name: name.lower() for name in ["UL", "OL", "LI", "TABLE", "TR", "TD", "TH", "BR", "A", "B", "I", "EM"]},
    **dict.fromkeys(["BILD", "BYLINE", "DAT"], None),
}
_XHTML_TAGS = {**HTML_TAGS, "hl1": "h2", "hl2": "h2", "block": "div", "title": None}
_XHTML_TAGS |= {name.upper(): tag for name, tag in _XHTML_TAGS.items()}
# An element with one of these in it is laid out; one without is text whose lines say where paragraphs end.
_LAYERS = "p br li td pre hl1 hl2 div h1 h2 h3 h4 h5 h6 blockquote bq"
_LAYOUT = frozenset(_LAYERS.split())
_TAG = re.compile(r"<[^<>]{1,2000}>")
_BLOCK_TAG = re.compile(r"</?(?:p|div|br|h[1-6]|ul|ol|li|table|section)\b[^<>]{0,2000}>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"</(?:span|a|b|strong|em|i|u|sub|sup)>", re.IGNORECASE)
# Lines of a wire that a program put into one paragraph: an indent begins the next.
_ONE_PARAGRAPH = re.compile(r"\s*<p>(?P<lines>[^<>]*)</p>\s*")
_INDENTED = re.compile(r"\S[ \t]*\n {2,8}\S")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# A line this long was not wrapped by a wire machine, so it is a paragraph.
_LONG_LINE = 200

HEAD: Elements = {
    "headline": ("body/body.head/hedline/hl1", "body/body.head/hedline", "head/title"),
    "byline": ("body/body.head/byline",),
    "dateline_place": ("body/body.head/dateline/location/city", "body/body.head/dateline/location"),
    "description": ("body/body.head/abstract", "body/body.head/hedline/hl2"),
    "copyright_holder": ("body/body.head/rights/rights.owner",),
    "copyright_notice": ("body/body.head/rights",),
}
"""What the head of NITF's body says, below `nitf`. A dateline is read by `dateline`."""


class Copy(NamedTuple):
    """What an element holds of an article."""

    body: str
    body_type: str = "text"
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    nitf: Element | None = None
    """The NITF document, if it is one."""
    headline: str = ""
    byline: str = ""
    notes: tuple[str, ...] = ()
    """For editors, found beside the copy."""

    @property
    def size(self) -> int:
        """How much text it has: letters and signs without spaces and tags."""
        text = _TAG.sub("", self.body) if self.body_type == "html" else self.body
        return len("".join(text.split()))


def copy_in(element: Element) -> Copy:
    """The copy in an element (inlineXML, inlineData, DataContent); none in what is for machines (results, events)."""
    if not len(element):
        return text_copy(element.text or "")
    nitf = next((one for one in element.iter("{*}nitf", "{*}NITF")), None)
    if nitf is not None:
        return nitf_copy(nitf)
    content = next((one for one in element.iter("{*}body.content")), None)
    if content is not None:
        return _content_copy(content)
    names = {name_of(child) for child in element}
    if names & {"BODY", "TEXT"} and find(element, "//BRODTEXT") is not None:
        return _tt_copy(element)
    page = next((one for one in element.iter("{*}html", "{*}HTML")), None)
    if page is None and not names & _XHTML_TAGS.keys() and next(element.iter("{*}p", "{*}P"), None) is None:
        return Copy("")
    return _page_copy(element if page is None else page)


def nitf_copy(nitf: Element) -> Copy:
    """The copy of a NITF document, with what its body.end says (taglines) behind it."""
    content = find(nitf, "body/body.content")
    if content is None:
        # Some leave it out and put the paragraphs into the body.
        content = find(nitf, "body")
    copy = Copy("") if content is None else _content_copy(content)
    end = find(nitf, "body/body.end")
    more = "" if end is None else markup(end, _NITF_TAGS)
    if more and copy.body_type == "html":
        copy = copy._replace(body=f"{copy.body}{more}")
    elif more:
        copy = copy._replace(body=f"{copy.body}\n\n{text_of(end)}")
    return copy._replace(nitf=nitf)


def text_copy(text: str) -> Copy:
    """Copy that stands as text: plain, HTML or NITF. Media types say `text/plain` of all three, so its tags tell."""
    text = text.strip("\n\r").rstrip()
    start = text.lstrip()
    if start[:200].find("<nitf") >= 0 and start.startswith("<"):
        try:
            return nitf_copy(document(start.encode())[0])
        except ParseError:
            pass  # Its tags are HTML's for the most part, so that is how it is read then.
    wrapped = _ONE_PARAGRAPH.fullmatch(text)
    if wrapped and _INDENTED.search(wrapped["lines"]):
        text = html.unescape(wrapped["lines"]).strip("\n\r").rstrip()
    elif _BLOCK_TAG.search(text):
        return Copy(start, "html")
    text = paragraphs(text)
    if _INLINE_TAG.search(text):
        # Its lines lay it out, its tags only mark words.
        return Copy("".join(f"<p>{one}</p>" for one in _BLANK_LINE.split(text)), "html")
    return Copy(text, "text")


def dateline(nitf: Element) -> tuple[str, str]:
    """NITF's dateline, as (the line, the place); its story.date is no part of it where it is for machines."""
    line = find(nitf, "body/body.head/dateline")
    if line is None:
        return "", ""
    date = find(line, "//story.date")
    said = text_of(date)
    whole = text_of(line)
    if said and re.fullmatch(r"[\dTZ:+.-]+", said):
        whole = " ".join(whole.replace(said, " ").split())
    place = find(line, "location")
    if place is not None:
        return whole, text_of(find(place, "city")) or text_of(place)
    rest = whole.replace(said, "").strip(" ,-–—") if said else whole
    # With a date in it that nothing marks, it is no place.
    return whole, "" if any(char.isdigit() for char in rest) else rest


def paragraphs(text: str) -> str:
    """Plain text with an empty line between its paragraphs, where its lines tell them otherwise: by an indent, or by
    being too long to be wrapped."""
    if _BLANK_LINE.search(text):
        return text
    lines = [line for line in text.expandtabs(4).split("\n") if line.strip()]
    indented = [line.startswith("  ") for line in lines]
    if len(lines) > 1 and any(indented[1:]) and not all(indented[1:]):
        wrapped = [f"\n{line.strip()}" if first else line.strip() for line, first in zip(lines, indented, strict=True)]
        return "\n".join(wrapped).strip()
    return ("\n\n" if any(len(line) > _LONG_LINE for line in lines) else "\n").join(line.strip() for line in lines)


def fullest(copies: Iterable[Copy]) -> Copy | None:
    """The copy with the most text among renditions of one. One with markup stands before plain text, and what comes
    later must have a tenth more, spaces apart."""
    best = None
    for copy in sorted(copies, key=lambda one: one.body_type):
        if best is None or 10 * copy.size > 11 * best.size:
            best = copy
    return best


def _content_copy(content: Element) -> Copy:
    captions, credits = (map(text_of, find_all(content, f"//media-{part}")) for part in ("caption", "producer"))
    body, body_type = _laid_out(content, _NITF_TAGS)
    return Copy(body, body_type, _each(captions), _each(credits))


def _page_copy(page: Element) -> Copy:
    body = find(page, "body")
    body = page if body is None else body
    headline = byline = ""
    notes = []
    # dpa's pages begin with a header (catchwords, date, headline, byline) and may end with notes for editors.
    for one in find_all(body, "header"):
        if find(one, "h1") is not None:
            headline, byline = text_of(find(one, "h1")), text_of(find(one, "p[@class='byline']"))
            _take_out(one)
    for one in [*find_all(body, "section"), *find_all(body, "footer")]:
        if "notepad" in str(one.get("class", "")).split():
            notes.append(text_of(one))
            _take_out(one)
    text, body_type = _laid_out(body, _XHTML_TAGS)
    return Copy(text, body_type, headline=headline, byline=byline, notes=_each(notes))


def _tt_copy(element: Element) -> Copy:
    captions = map(text_of, find_all(element, "//BILDTEXT"))
    credits = map(text_of, find_all(element, "//BILDSKAPARE"))
    rubrik = find(element, "//RUBRIK")
    headline, byline = text_of(rubrik), text_of(find(element, "//BYLINE"))
    if rubrik is not None:
        _take_out(rubrik)
    return Copy(markup(element, _TT_TAGS), "html", _each(captions), _each(credits), headline=headline, byline=byline)


def _laid_out(element: Element, tags: Mapping[str, str | None]) -> tuple[str, str]:
    """(body, body_type) of an element: HTML where its markup lays it out, else the text whose lines do."""
    names = {name_of(one) for one in element.iter()}
    if any(name.lower() in _LAYOUT or tags.get(name, "") is None for name in names):
        text = markup(element, tags)
        return (text, "html") if _TAG.sub("", text).strip() else ("", "text")
    return text_copy("".join(map(str, element.itertext())))[:2]


def _take_out(element: Element) -> None:
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))
