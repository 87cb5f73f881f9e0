"""Mail (RFC 5322 with MIME), one message or an mbox of them: press releases, wires by mail, news groups.

The standard library splits a message into its parts; headers are decoded here, because its own reader of encoded words
takes forever over hostile ones, and its policy that reads addresses and dates drops what isn't quite right.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses
from functools import partial
from typing import Any

from transforms.article import Article, RawItem, Reject
from transforms.parse.base import Format, ParseError, Sample, Settings, SkipError, read_entry
from transforms.parse.fields import build
from transforms.parse.text import decode
from transforms.parse.times import parse_time

# RFC 5322 allows more signs in a header's name, which nobody uses.
_HEADER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9-]{0,79}):")
_TELLING = frozenset(["from", "date", "subject", "message-id", "mime-version", "received", "to"])
_SEPARATOR = re.compile(rb"^From [^\n]{1,300}\n(?=[!-9;-~]{1,80}:)", re.MULTILINE)
_OPENS_AN_MBOX = re.compile(r"From \S{1,300} [^\n]{0,100}\d\d:\d\d")
_HEADER_LIMIT = 262_144
# Each line is held against the boundary of every part that is open around it; real mail has three or four.
_DEPTH_LIMIT = 20
_HOLDERS = re.compile(rb"multipart/|message/", re.IGNORECASE)
_PARTS_LIMIT = 5_000
# The library reads their parameters in time that grows with the square of their length.
_CONTENT_HEADER = re.compile(rb"^content-[\w-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_CONTENT_HEADER_LIMIT = 4_000
# Mail servers take 25 MB; the library holds a message ten times over.
_MESSAGE_LIMIT = 25 * 10**6
# A picture of 20 MB makes 350,000 lines.
_LINES_LIMIT = 400_000
# Attachments may fill the rest of an item.
_COPY_LIMIT = 8 * 2**20
# Of From; getaddresses takes its time.
_ADDRESSES_LIMIT = 2_000
# RFC 2047. Between its question marks a word has none.
_WORD = re.compile(r"=\?(?P<charset>[\w.:-]{1,40})(?:\*[\w-]{1,20})?\?(?P<how>[bBqQ])\?(?P<text>[^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_ANY_TAG = re.compile(r"<[^<>]*>")
# Where the copy in HTML is so many times as long, the plain part only says that there is one.
_TIMES_LONGER = 4

_FIELDS: dict[str, tuple[str, ...]] = {
    "guid": ("Message-ID", "Control: cancel (the message that it kills)"),
    "provider": ("Organization", "Organisation", "the domain of From", "the domain of Sender"),
    "source_url": ("Archived-At",),
    "headline": ("Subject",),
    "byline": ("the names in From",),
    "description": ("Summary",),
    "published": ("Date", "the last of Received", "Delivery-Date"),
    "expires": ("Expires", "Expiry-Date"),
    "evolved_from": ("Supersedes", "Obsoletes"),
    "keywords": ("Keywords",),
    "language_declared": ("Content-Language",),
    "pub_status": ("Control: cancel (a kill)",),
    "body": ("text/plain", "text/html"),
}

Mail = Message


def recognise(sample: Sample) -> bool:
    """Text that begins with mail's headers: two of those that every mail has, or one behind the line that opens an
    mbox."""
    text = sample.head.replace("\r\n", "\n").lstrip("\n")
    return _telling(text) >= (1 if _OPENS_AN_MBOX.match(text) else 2)


def _telling(text: str) -> int:
    """How many of the headers that every mail has a text begins with; 0 where it does not begin with headers."""
    names = set()
    for number, line in enumerate(text.split("\n")):
        header = _HEADER.match(line)
        if header:
            names.add(header["name"].lower())
        elif not line.strip():
            break
        elif not (line[:1] in " \t" and names) and not (number == 0 and line.startswith("From ")):
            return 0
    return len(names & _TELLING)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The article of a message, or those of an mbox, with a Reject for each that can't be read."""
    data = item.data.lstrip(b"\r\n")
    if not data.startswith(b"From "):
        yield _article(item, settings, data)
        return
    data = data.replace(b"\r\n", b"\n")
    # Within a message such a line is quoted, or has no empty line before it and a header behind it.
    starts = [
        one.start()
        for one in _SEPARATOR.finditer(data)
        if data[max(0, one.start() - 2) : one.start()] in (b"", b"\n\n")
    ]
    starts = starts if starts[:1] == [0] else [0, *starts]
    for position, (start, end) in enumerate(zip(starts, [*starts[1:], len(data)], strict=True), start=1):
        payload = data[start:end]
        yield read_entry(item, position, payload, partial(_of_mbox, item, settings, payload))


def _of_mbox(item: RawItem, settings: Settings, part: bytes) -> Article:
    if not recognise(Sample.of(part)):
        raise ParseError("mail", "none of the headers that mail has")
    return _article(item, settings, re.sub(rb"(?m)^>(>*From )", rb"\1", part.partition(b"\n")[2]))


def _article(item: RawItem, settings: Settings, data: bytes) -> Article:
    mail = _message(data)
    flags: set[str] = set()
    headers = _Headers(mail, flags)
    cancel = re.match(r"\s*cancel\s+<([^<>]+)>", headers.text("Control"), re.IGNORECASE)
    if not cancel:
        _refuse_what_is_no_article(mail, headers)
    copy = _Copy(mail, flags)
    body, body_type = ("", "text") if cancel else copy.written()
    senders = headers.addresses("From") or headers.addresses("Sender")
    stated: dict[str, Any] = {
        "guid": cancel[1] if cancel else _id(headers.text("Message-ID")),
        "provider": headers.text("Organization", "Organisation")
        or next((_domain(a) for _, a in senders if _domain(a)), ""),
        "source_url": _web_address(headers.text("Archived-At")),
        "headline": headers.text("Subject"),
        "byline": ", ".join(dict.fromkeys(name for name, _ in senders if name)),
        "description": headers.text("Summary"),
        "published": headers.time(settings),
        "expires": headers.text("Expires", "Expiry-Date"),
        "evolved_from": _id(headers.text("Supersedes", "Obsoletes")),
        "keywords": tuple(dict.fromkeys(filter(None, (word.strip() for word in headers.text("Keywords").split(","))))),
        "language_declared": headers.text("Content-Language").split(",")[0].strip(),
        "pub_status": "canceled" if cancel else "",
    }
    return build(stated, item, settings, body=body, body_type=body_type, flags=flags)


def _message(data: bytes) -> Mail:
    """The message, if its parts can be told apart in bounded time."""
    if len(data) > _MESSAGE_LIMIT:
        raise ParseError("too_large", f"a message of {len(data)} bytes, over {_MESSAGE_LIMIT}")
    end = re.search(rb"\n\r?\n", data)
    if (end.start() if end else len(data)) > _HEADER_LIMIT:
        raise ParseError("too_large", f"headers of over {_HEADER_LIMIT} bytes")
    if sum(1 for _ in _HOLDERS.finditer(data)) > _DEPTH_LIMIT:
        raise ParseError("too_deep", f"over {_DEPTH_LIMIT} parts that hold parts")
    if data.count(b"\n--") > _PARTS_LIMIT:
        raise ParseError("too_large", f"over {_PARTS_LIMIT} parts")
    if any(one.end() - one.start() > _CONTENT_HEADER_LIMIT for one in _CONTENT_HEADER.finditer(data)):
        raise ParseError("too_large", f"a header that describes a part is longer than {_CONTENT_HEADER_LIMIT} bytes")
    if max(data.count(b"\n"), data.count(b"\r")) > _LINES_LIMIT:
        raise ParseError("too_large", f"over {_LINES_LIMIT} lines")
    return message_from_bytes(data)


def _refuse_what_is_no_article(mail: Mail, headers: _Headers) -> None:
    kind = mail.get_content_type()
    if kind == "multipart/report":
        raise SkipError("delivery_report", "a report on how a message was delivered")
    if headers.text("Auto-Submitted").lower().startswith("auto-replied"):
        raise SkipError("auto_reply", "an automatic reply")
    if kind == "text/calendar":
        raise SkipError("calendar", "an invitation")
    if kind == "multipart/encrypted" or (kind.endswith("pkcs7-mime") and mail.get_param("smime-type") != "signed-data"):
        raise ParseError("encrypted", "the message is encrypted")


class _Headers:
    """Reads a message's headers, their encoded words decoded."""

    def __init__(self, mail: Mail, flags: set[str]) -> None:
        self._raw: dict[str, list[str]] = {}
        self._flags = flags
        self._charset = mail.get_content_charset() or ""
        for name, value in mail.raw_items():
            self._raw.setdefault(name.lower(), []).append(str(value))

    def text(self, *names: str) -> str:
        """The first that says something, on one line."""
        values = (value for name in names for value in self._raw.get(name.lower(), ()))
        return next(filter(None, (self._words(value) for value in values)), "")

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """(name, address) of each address; the name decoded after the list was split, as it may hold a comma."""
        # Real ones name a few; a header may be as long as all headers together.
        raw = [" ".join(value.split())[:_ADDRESSES_LIMIT] for value in self._raw.get(name.lower(), ())[:1]]
        try:
            return [(self._words(named), address) for named, address in getaddresses(raw)]
        except RecursionError:
            # Brackets within brackets, a thousand deep: nobody's name.
            return []

    def time(self, settings: Settings) -> Any:
        """The first time that can be read."""
        received = [value.rpartition(";")[2] for value in reversed(self._raw.get("received", ()))]
        dates = self._raw.get("date", [])
        for value in (*dates, *received, *self._raw.get("delivery-date", ())):
            try:
                return parse_time(" ".join(value.split()), settings.source_timezone)
            except ValueError:
                if value in dates:
                    self._flags.add("invalid_published")
        return None

    def _words(self, raw: str) -> str:
        """A value with its encoded words decoded; bytes that no header may hold are read as the copy's."""
        pieces: list[tuple[str, bytearray]] = []
        at = 0
        for word in _WORD.finditer(raw):
            between = raw[at : word.start()]
            charset = word["charset"].lower()
            # What parts two words is none of the text, and some cut a character in two, one half in each word.
            beside = bool(pieces) and not between.strip() and bool(pieces[-1][0])
            if not beside:
                pieces.append(("", bytearray(between, "utf-8", "surrogateescape")))
            if beside and pieces[-1][0] == charset:
                pieces[-1][1].extend(_bytes_of(word["how"], word["text"]))
            else:
                pieces.append((charset, bytearray(_bytes_of(word["how"], word["text"]))))
            at = word.end()
        pieces.append(("", bytearray(raw[at:], "utf-8", "surrogateescape")))
        text = "".join(self._decoded(bytes(data), charset or self._charset) for charset, data in pieces)
        return " ".join(text.split())

    def _decoded(self, data: bytes, charset: str) -> str:
        if data.isascii() and not charset.startswith("iso-2022"):
            return data.replace(b"\0", b"").decode()
        text, flags = decode(data.replace(b"\0", b""), charset)
        self._flags.update(flags)
        return text


def _bytes_of(how: str, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    if how in "qQ":
        return _HEX.sub(lambda code: bytes([int(code[1], 16)]), raw.replace(b"_", b" "))
    try:
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return raw


def _id(text: str) -> str:
    """A message's id without its brackets; of several the first."""
    found = re.search(r"<([^<>]+)>", text)
    return found[1].strip() if found else text


def _domain(address: str) -> str:
    return address.rpartition("@")[2].strip().lower() if "@" in address else ""


def _web_address(text: str) -> str:
    url = _id(text)
    return url if url.startswith(("http://", "https://")) else ""


class _Copy:
    """Gathers a message's copy: the text that a reader would see first, once, without attachments."""

    def __init__(self, mail: Mail, flags: set[str]) -> None:
        self._flags = flags
        self._parts = self._of(mail)

    def written(self) -> tuple[str, str]:
        """(body, its type)."""
        parts = [part for part in self._parts if part[0].strip()]
        if all(kind == "text" for _, kind in parts):
            return "\n\n".join(text.strip("\n") for text, _ in parts), "text"
        return "\n".join(text if kind == "html" else _as_html(text) for text, kind in parts), "html"

    def _of(self, part: Mail) -> list[tuple[str, str]]:
        kind = part.get_content_type()
        if kind == "multipart/alternative":
            return self._one_of([self._of(inner) for inner in _inner(part)])
        if kind.startswith("message/") and part.is_multipart():
            self._flags.add("forwarded_message")
        if part.is_multipart():
            return [found for inner in _inner(part) for found in self._of(inner)]
        attached = part.get_content_disposition() == "attachment"
        if attached or kind not in ("text/plain", "text/html", "application/xhtml+xml", "text/enriched"):
            # Pictures within the copy and signatures are no loss.
            if attached or not (kind.startswith(("image/", "multipart/")) or kind.endswith("-signature")):
                self._flags.add("attachments_ignored")
            return []
        if len(str(part.get_payload())) > _COPY_LIMIT:
            raise ParseError("too_large", f"a text of over {_COPY_LIMIT} bytes")
        try:
            data = part.get_payload(decode=True)
        except ValueError as error:
            # Of the library, for a character set with a NUL in its name.
            raise ParseError("mail", f"a part can't be decoded: {error}") from error
        text, flags = decode(data if isinstance(data, bytes) else b"", str(part.get_content_charset() or ""))
        self._flags.update(flags)
        if "html" in kind:
            return [(text, "html")]
        if str(part.get_param("format", "")).lower() == "flowed":
            text = _unflowed(text, str(part.get_param("delsp", "")).lower() == "yes")
        return [(text, "text")]

    def _one_of(self, choices: list[list[tuple[str, str]]]) -> list[tuple[str, str]]:
        """The plain one, but where it only says that there is another."""
        said = [choice for choice in choices if any(text.strip() for text, _ in choice)]
        plain = next((choice for choice in said if all(kind == "text" for _, kind in choice)), None)
        longest = max(said, key=_length, default=[])
        return longest if plain is None or _length(longest) > _TIMES_LONGER * _length(plain) else plain


def _inner(part: Mail) -> list[Mail]:
    payload = part.get_payload()
    return [inner for inner in payload if isinstance(inner, Message)] if isinstance(payload, list) else []


def _length(parts: list[tuple[str, str]]) -> int:
    """Characters of copy, blanks left out."""
    return sum(len("".join((_ANY_TAG.sub("", text) if kind == "html" else text).split())) for text, kind in parts)


def _as_html(text: str) -> str:
    parts = (html.escape(part, quote=False) for part in re.split(r"\n{2,}", text) if part.strip())
    return "".join(f"<p>{part}</p>" for part in parts).replace("\n", "<br>")


def _unflowed(text: str, delete_space: bool) -> str:
    """RFC 3676: a line that ends in a space goes on in the next one of the same depth of quotation."""
    lines: list[list[str]] = []
    open_at = -1
    for raw in text.split("\n"):
        rest = raw.lstrip(">")
        depth = len(raw) - len(rest)
        line = rest.removeprefix(" ")
        flowed = line.endswith(" ") and line != "-- "
        kept = line[:-1] if flowed and delete_space else line
        if open_at == depth and line != "-- ":
            lines[-1].append(kept)
        else:
            lines.append([f"{'>' * depth} {kept}" if depth else kept])
        open_at = depth if flowed else -1
    return "\n".join(map("".join, lines))


FORMAT = Format(
    "mail",
    "Mail (RFC 5322 and MIME), one message or an mbox. The plain text is the copy, or the HTML where there is no "
    "other; attachments are not read, a forwarded message is part of the copy.",
    recognise,
    parse,
    _FIELDS,
)
