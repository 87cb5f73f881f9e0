"""The records of a WARC file: where each begins and ends, and which of them hold no page.

In: a stream, for files of any length, or a record's head and the start of what follows. Apart from the format itself,
so that what opens files needs none of the libraries that read pages.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from transforms.parse.base import ParseError, SkipError

MAGIC = b"WARC/1."
# A head has a dozen short lines; an address may be long.
_HEAD_LIMIT = 65_536
VERSION = re.compile(rb"WARC/1\.\d\s*\n")
HTML = ("text/html", "application/xhtml+xml")
_SKIPPED = frozenset(["warcinfo", "request", "metadata", "revisit", "continuation"])


class Readable(Protocol):
    """What records are read from."""

    def readline(self, size: int, /) -> bytes:
        """A line, or its first `size` bytes."""


class Head(NamedTuple):
    """How a record begins."""

    data: bytes
    """Its head, the empty line behind it too."""
    fields: dict[str, str]
    """By name in lower case; of several the first."""
    length: int
    """Bytes of the block that follows."""


def next_head(stream: Readable) -> Head | None:
    """The head of the next record of a stream that stands between two, None at its end; ParseError `warc` if broken."""
    line = stream.readline(_HEAD_LIMIT)
    while line and not line.strip():
        line = stream.readline(_HEAD_LIMIT)
    if not line:
        return None
    if not VERSION.fullmatch(line):
        raise ParseError("warc", f"{line[:40]!r} where a record should begin")
    lines = [line]
    size = len(line)
    while line.strip():
        line = stream.readline(_HEAD_LIMIT)
        lines.append(line)
        size += len(line)
        if not line.endswith(b"\n") or size > _HEAD_LIMIT:
            raise ParseError(
                "warc", "a record's head is torn" if size <= _HEAD_LIMIT else "a record's head is too long"
            )
    data = b"".join(lines)
    fields = _fields(data)
    length = fields.get("content-length", "")
    if not re.fullmatch(r"\d{1,15}", length):
        raise ParseError("warc", f"a record whose Content-Length is {length!r:.40}")
    return Head(data, fields, int(length))


def skipped(head: Head, block: bytes) -> SkipError | None:
    """Why a record is no article, as far as its head and that of the answer in it tell; None where it may be one."""
    kind = head.fields.get("warc-type", "").lower()
    if kind in _SKIPPED:
        return SkipError(kind, f"a record of type {kind}")
    stated = media_type(head.fields)
    if kind == "conversion" or (kind == "resource" and stated == "text/plain"):
        return None if stated in ("text/plain", *HTML) else SkipError("not_html", f"text of type {stated or 'unknown'}")
    if kind == "resource":
        return None if stated in HTML else SkipError("not_html", f"a resource of type {stated or 'unknown'}")
    if kind != "response":
        return SkipError("other_record", f"a record of type {kind or 'unknown'}")
    if stated != "application/http":
        return SkipError("not_html", f"an answer of type {stated or 'unknown'}")
    status, fields = answer(block)
    if not status:
        return None
    if status != "200":
        return SkipError(f"http_{status}", f"an answer of status {status}")
    media = media_type(fields)
    return None if media in HTML else SkipError("not_html", f"an answer of type {media or 'unknown'}")


def answer(block: bytes) -> tuple[str, dict[str, str]]:
    """The status of an answer of HTTP and its fields."""
    head = head_of(block)
    status = re.match(rb"HTTP/\d(?:\.\d)?\s+(\d{3})\b", head)
    return (status[1].decode() if status else ""), _fields(head)


def head_of(block: bytes) -> bytes:
    """What stands before the first empty line, with it."""
    end = re.search(rb"\r?\n\r?\n", block[:_HEAD_LIMIT])
    return block[: end.end()] if end else b""


def _fields(head: bytes) -> dict[str, str]:
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).decode("utf-8", "replace").splitlines()[1:]
    return by_name([(name, value) for name, colon, value in (line.partition(":") for line in lines) if colon])


def by_name(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The fields of a head by name in lower case, of several of one name the first."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name.strip().lower(), value.strip())
    return fields


def media_type(fields: dict[str, str]) -> str:
    """The media type that a head states, without parameters, in lower case; empty where it states none."""
    return fields.get("content-type", "").partition(";")[0].strip().lower()
