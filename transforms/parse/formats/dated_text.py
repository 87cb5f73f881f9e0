"""Plain text whose first line is ` date YYYY-MM-DD Headline`: byline, captions and body follow.

What the lines below the first are (byline, doubled captions, copy) is for clean to tell: it has the rules for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms.article import Article, RawItem
from transforms.parse.base import Format, ParseError, Sample, Settings
from transforms.parse.text import decode
from transforms.parse.times import parse_time

_FIRST_LINE = re.compile(r"\s{0,80}date[ \t]+(?P<date>\d{4}-\d{2}-\d{2})(?:[ \t]+(?P<headline>[^\n]*))?(?:\n|$)")


def recognise(sample: Sample) -> bool:
    """Text that begins with the word `date` and a date."""
    return _FIRST_LINE.match(sample.head.replace("\r\n", "\n")) is not None


def parse(item: RawItem, settings: Settings) -> Iterator[Article]:
    """The one article of a dated text."""
    text, flags = decode(item.data)
    first = _FIRST_LINE.match(text)
    if first is None:
        raise ParseError("dated_text", "the first line is not ` date YYYY-MM-DD Headline`")
    try:
        day = parse_time(first["date"], settings.source_timezone)
    except ValueError as error:
        raise ParseError("time", f"first line: {error}") from error
    headline = (first["headline"] or "").strip()
    body = text[first.end() :]
    if not headline and not body.strip():
        raise ParseError("no_text", "neither a headline nor a body")
    yield Article(
        uri=item.uri,
        arrived=item.arrived,
        date_line=day,
        headline=headline,
        body=body,
        flags=flags,
    )


FORMAT = Format(
    "dated_text",
    "Plain text whose first line is ` date YYYY-MM-DD Headline`.",
    recognise,
    parse,
    {
        "date_line": ("the date of the first line",),
        "headline": ("the rest of the first line",),
        "body": ("the lines below it",),
    },
)
