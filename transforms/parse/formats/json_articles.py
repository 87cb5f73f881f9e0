"""JSON: one article, a list of them, an envelope around such a list, or JSON lines.

Entries are counted from 1; a broken one is a reject of its own and its neighbours go on. Bodies may be text or HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from transforms.article import Article, RawItem, Reject
from transforms.parse.base import Format, ParseError, Sample, Settings
from transforms.parse.fields import article_of
from transforms.parse.formats import front_matter
from transforms.parse.text import decode

# Keys under which feeds put their list of articles.
ENVELOPES = ("data", "articles", "items", "results", "entries", "stories", "hits", "docs")

_OPENING = re.compile(r"\s*[\[{]\s*(?:[\]\[{}\"]|$)")
_LINE_OPENS = re.compile(r"^\{", re.MULTILINE)


def recognise(sample: Sample) -> bool:
    """Text that opens a JSON object or list and is not front matter."""
    return _OPENING.match(sample.head) is not None and not front_matter.recognise(sample)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a JSON document or of JSON lines, in order, with a Reject for each entry that is broken."""
    text, flags = decode(item.data)
    if item.line:
        for position, line in _numbered(text, item.line):
            yield _entry(item, settings, position, line, flags)
        return
    try:
        document = _loads(text)
    except ParseError as error:
        lines = _json_lines(text)
        if lines is None:
            raise error
        entries: Iterator[tuple[int, str | Any]] = lines
    else:
        entries = _entries(document)
    for position, entry in entries:
        yield _entry(item, settings, position, entry, flags)


def _entry(item: RawItem, settings: Settings, position: int, entry: Any, flags: tuple[str, ...]) -> Article | Reject:
    """One entry: a line of text still to be loaded, or a value out of a document."""
    if position == 0:
        payload = item.data
    elif isinstance(entry, str):
        payload = entry.encode()
    else:
        payload = json.dumps(entry, ensure_ascii=True).encode()
    try:
        value = _loads(entry) if isinstance(entry, str) else entry
        if not isinstance(value, dict):
            raise ParseError("json", f"an article is an object, not {type(value).__name__}")
        article = article_of(value, item, settings)
    except ParseError as error:
        if position == 0:
            raise
        message = f"{item.uri}, entry {position}: {error}"
        return Reject.of("parse", error.kind, message, item.uri, position, payload)
    merged = tuple(sorted({*article.flags, *flags}))
    return article._replace(position=position, payload=payload, flags=merged)


def _entries(document: Any) -> Iterator[tuple[int, Any]]:
    if isinstance(document, dict):
        for key in ENVELOPES:
            inner = document.get(key)
            if isinstance(inner, dict):
                # Elasticsearch answers {"hits": {"hits": [...]}}.
                inner = inner.get(key)
            if isinstance(inner, list) and any(isinstance(entry, dict) for entry in inner):
                document = inner
                break
    if not isinstance(document, list):
        yield 0, document
        return
    if not document:
        raise ParseError("no_text", "an empty list: no article in it")
    # A text in a list is no line to be loaded, so it is wrapped out of the way of `_entry`.
    yield from ((index, [entry] if isinstance(entry, str) else entry) for index, entry in enumerate(document, start=1))


def _json_lines(text: str) -> Iterator[tuple[int, str]] | None:
    """The numbered lines, or None where this is no JSON lines: most lines must open an object, one must be whole."""
    lines = _numbered(text, 1)
    opening = [line for _, line in lines if line.lstrip().startswith("{")]
    if len(lines) < 2 or 2 * len(opening) < len(lines) or len(_LINE_OPENS.findall(text)) < 2:
        return None
    if not any(line.rstrip().endswith("}") and _loads_or_none(line) is not None for line in opening):
        return None
    return iter(lines)


def _numbered(text: str, first: int) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), start=first) if line.strip()]


def _loads_or_none(text: str) -> Any:
    try:
        return _loads(text)
    except ParseError:
        return None


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


FORMAT = Format("json", recognise, parse)
