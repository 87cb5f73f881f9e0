"""JSON: one article, a list of them, an envelope around such a list, or JSON lines.

Entries are counted from 1; a broken one is a reject of its own and its neighbours go on. Bodies may be text or HTML.
A line of JSON lines is decoded alone: what is wrong with its bytes says nothing about the lines around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from transforms.article import Article, RawItem, Reject
from transforms.parse.base import Format, ParseError, Sample, Settings, refused
from transforms.parse.fields import KEYS, article_of, articles_for_body, tells_a_story
from transforms.parse.formats import dated_text, front_matter
from transforms.parse.text import decode, without_mark

# Keys under which feeds put their list of articles.
ENVELOPES = ("data", "articles", "items", "results", "entries", "stories", "hits", "docs")

# A document or the first of its lines; or JSON lines of whose first only the end is there, told by it and the second.
_OPENING = re.compile(r'\s*[\[{]\s*(?:[\]\[{}"]|$)|[^<\n\x00-\x20][^\n]*\}[ \t\r]*\n\s*\{\s*"')
# How a line of JSON lines begins, even a torn one.
_LINE_OPENING = re.compile(rb'\{\s*"')
# So many lines tell whether the rest are JSON lines.
_LINES_LOOKED_AT = 100
# Where programs that write an object over several lines end the first.
_BREAKS = (b"{", b"[", b",", b":")


def recognise(sample: Sample) -> bool:
    """Text that opens a JSON object or list and is of no other format."""
    others = (dated_text, front_matter)
    return _OPENING.match(sample.head) is not None and not any(other.recognise(sample) for other in others)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a JSON document or of JSON lines, in order, with a Reject for each entry that is broken."""
    if item.line:
        yield from _articles_of_lines(item, settings, item.data)
        return
    data = without_mark(item.data)
    try:
        text, flags = decode(data)
        document = _loads(text)
    except ParseError:
        if not _are_json_lines(data):
            raise
        yield from _articles_of_lines(item, settings, data)
        return
    entries = _listed(document)
    if entries is None:
        yield _article(item, settings, document, flags)
    elif not entries:
        raise ParseError("no_text", "an empty list: no article in it")
    else:
        for position, entry in enumerate(entries, start=1):
            yield _entry(item, settings, position, entry, flags)


def _articles_of_lines(item: RawItem, settings: Settings, data: bytes) -> Iterator[Article | Reject]:
    for position, line in enumerate(data.split(b"\n"), start=item.line or 1):
        if line.strip():
            yield _entry(item, settings, position, line, ())


def _entry(item: RawItem, settings: Settings, position: int, entry: Any, flags: tuple[str, ...]) -> Article | Reject:
    """One entry: a line's bytes still to be loaded, or a value out of a document. Nothing that it holds is raised."""
    payload = entry if isinstance(entry, bytes) else b""
    try:
        if isinstance(entry, bytes):
            text, flags = decode(entry)
            entry = _loads(text)
        else:
            payload = json.dumps(entry).encode()
        return _article(item, settings, entry, flags)._replace(position=position, payload=payload)
    except Exception as error:
        return refused(item, position, error, payload)


def _article(item: RawItem, settings: Settings, value: Any, flags: tuple[str, ...]) -> Article:
    if not isinstance(value, dict):
        raise ParseError("json", f"an article is an object, not {type(value).__name__}")
    # Elasticsearch answers and dumps wrap each document so.
    source = value.get("_source")
    article = article_of(source if isinstance(source, dict) else value, item, settings)
    return article._replace(flags=tuple(sorted({*article.flags, *flags})))


def _listed(document: Any) -> list[Any] | None:
    """The entries of a list or of an envelope around one; None for a document that is one article."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    page = articles_for_body(document)
    if page is not None:
        return page
    if tells_a_story(document):
        # An article may list others, as related ones, under the very keys that feeds use.
        return None
    for key in ENVELOPES:
        inner = document.get(key)
        if isinstance(inner, dict):
            # Elasticsearch answers {"hits": {"hits": [...]}}.
            inner = inner.get(key)
        if isinstance(inner, list) and any(isinstance(entry, dict) for entry in inner):
            return inner
    return None


def _are_json_lines(data: bytes) -> bool:
    """True where what can't be read as one document is JSON lines: most of its lines are an object each.

    Half of them will do where all open one, as in two lines of which one is torn; but not if the first ends where a
    document that is written over several lines may end it. Nor does it matter how many are torn where the first is an
    object and the second opens another: no document goes on so.
    """
    lines = [line.strip() for line in data.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    if len(lines) < 2 or lines[0].startswith(b"["):
        return False
    if _is_object(lines[0]) and _LINE_OPENING.match(lines[1]):
        return True
    whole = sum(map(_is_object, lines))
    written_out = lines[0].endswith(_BREAKS) or not all(line.startswith(b"{") for line in lines)
    return 2 * whole > len(lines) or (2 * whole == len(lines) and not written_out)


def _is_object(line: bytes) -> bool:
    try:
        return line.startswith(b"{") and isinstance(_loads(decode(line)[0]), dict)
    except ParseError:
        return False


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ParseError("json", f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ParseError("json", "nested too deeply") from error
    except ValueError as error:
        raise ParseError("json", str(error)) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


FORMAT = Format(
    "json",
    'JSON: one article, a list of them, an envelope such as `{"data": [...]}` around a list, or JSON lines. Keys are '
    "compared without case, `_`, `-` and spaces; bodies may be text or HTML.",
    recognise,
    parse,
    KEYS,
)
