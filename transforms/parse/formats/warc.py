"""WARC 1.0 and 1.1, records of a crawl: the pages among them, and the text that was converted from pages (WET).

A record is an entry, counted from 1 in its file. The pipeline cuts files of any length into records and hands on each
alone; what is read here is the same, one record or several. That a record is no page, its heads tell, so that what is
kept of pictures and films is their heads alone.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from warcio.bufferedreaders import ChunkedDataReader

from transforms.article import Article, RawItem, Reject
from transforms.parse.base import Format, ParseError, Sample, Settings, SkipError, read_entry, refused
from transforms.parse.fields import build
from transforms.parse.formats import html_page
from transforms.parse.records import HTML, VERSION, Head, answer, head_of, media_type, next_head, skipped
from transforms.parse.text import decode
from transforms.parse.times import iso, parse_time

# What a page or a text may unpack to; a page's own limit is lower.
_PAYLOAD_LIMIT = 8 * 2**20
_DAY = timedelta(days=1)


def recognise(sample: Sample) -> bool:
    """A record's first line."""
    return VERSION.match(sample.data) is not None


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The article of each record that holds one, and a Reject for each other, most of them skipped."""
    stream = io.BytesIO(item.data)
    # A record that the pipeline cut out of its file knows which it was.
    position = (item.position or 1) - 1
    while True:
        position += 1
        start = stream.tell()
        try:
            head = next_head(stream)
        except ParseError as error:
            # Where the next record begins, only this one could have told.
            yield refused(item, position, error, item.data[start:].lstrip(b"\r\n"))
            return
        if head is None:
            return
        block = stream.read(head.length)
        skip = skipped(head, block)
        if skip is not None:
            yield refused(item, position, skip, head.data + head_of(block))
            continue
        if len(block) < head.length:
            torn = ParseError("torn", f"{len(block)} of the record's {head.length} bytes are there")
            yield refused(item, position, torn, item.data[start:])
            continue
        payload = head.data + block + b"\r\n\r\n"
        yield read_entry(item, position, payload, partial(_article, item, settings, head, block))


def _article(item: RawItem, settings: Settings, head: Head, block: bytes) -> Article:
    url = head.fields.get("warc-target-uri", "").strip("<>")
    fetched = ""
    try:
        crawled = parse_time(head.fields.get("warc-date", ""), settings.source_timezone).time
        item = item._replace(arrived=crawled)
        # The page's own clock may be a day ahead.
        fetched = iso(crawled + _DAY // timedelta(microseconds=1))[:10]
    except ValueError:
        pass
    data, fields = _content(head, block)
    marks = {"body_truncated"} if "warc-truncated" in head.fields else set()
    if media_type(fields) in HTML:
        page = item._replace(data=data)
        article = html_page.read(page, settings, url=url, charset=_charset(fields), fetched=fetched)
        return article._replace(flags=tuple(sorted({*article.flags, *marks})))
    text, flags = decode(data, _charset(fields))
    # In a WET file a line is a paragraph.
    body = "\n\n".join(filter(None, (line.strip() for line in text.split("\n"))))
    language = head.fields.get("warc-identified-content-language", "").split(",")[0]
    stated = {"source_url": url, "language_declared": language}
    if not body:
        raise SkipError("no_text", "a text without words")
    return build(stated, item, settings, body=body, body_type="text", flags=(*flags, *marks))


def _content(head: Head, block: bytes) -> tuple[bytes, dict[str, str]]:
    """What a record holds, unpacked, and the fields that say what it is: those of the answer, or its own."""
    if media_type(head.fields) != "application/http":
        return block, head.fields
    status, fields = answer(block)
    if not status:
        raise ParseError("http", "an answer without a status or without an end of its head")
    coding = fields.get("content-encoding", "").strip().lower().removeprefix("x-")
    if coding in ("identity", "none", "utf-8"):
        coding = ""
    if coding not in ("", "gzip", "deflate"):
        raise ParseError("content_encoding", f"packed as {coding:.40}, which is not read")
    data = block[len(head_of(block)) :]
    if fields.get("transfer-encoding", "").strip().lower() == "chunked":
        # It takes what the crawler has put together for what it is, whatever the head says.
        try:
            data = ChunkedDataReader(io.BytesIO(data)).read(len(data))
        except (OSError, EOFError, ValueError, AttributeError) as error:
            raise ParseError("http", f"the chunks of the answer can't be read: {error}") from error
    return _unpacked(data, coding), fields


def _unpacked(data: bytes, coding: str) -> bytes:
    """What was packed by a server; what the crawler has unpacked stays as it is, though the head says otherwise.

    Unlike warcio's reader it tells what is broken from what ends.
    """
    if coding == "gzip" and data.startswith(b"\x1f\x8b"):
        unpack = zlib.decompressobj(zlib.MAX_WBITS + 16)
    elif coding == "deflate" and not data.lstrip().startswith(b"<"):
        # Servers send it with zlib's head, as RFC 9110 says, or without.
        unpack = zlib.decompressobj(zlib.MAX_WBITS if data.startswith(b"\x78") else -zlib.MAX_WBITS)
    else:
        return data
    try:
        found = unpack.decompress(data, _PAYLOAD_LIMIT + 1)
    except zlib.error as error:
        raise ParseError("http", f"the answer can't be unpacked: {error}") from error
    if len(found) > _PAYLOAD_LIMIT:
        raise ParseError("too_large", f"unpacks to over {_PAYLOAD_LIMIT} bytes")
    if not unpack.eof:
        raise ParseError("http", "the packed answer ends early")
    return found


def _charset(fields: dict[str, str]) -> str:
    found = re.search(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", fields.get("content-type", ""), re.IGNORECASE)
    return found[1] if found else ""


FORMAT = Format(
    "warc",
    "WARC 1.0 and 1.1. Each page that was answered with status 200 is an article, read as one of format `html`; so is "
    "a text that was converted from a page (WET). All other records are skipped and counted.",
    recognise,
    parse,
    {
        "source_url": ("the page's own address", "WARC-Target-URI"),
        "arrived": ("WARC-Date",),
        "headline": ("what the page states",),
        "body": ("the copy of the page", "the text of a conversion"),
        "language_declared": ("what the page states", "WARC-Identified-Content-Language"),
    },
)
