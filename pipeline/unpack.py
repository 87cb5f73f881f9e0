"""A file to the items in it: itself, the members of an archive, the records of a crawl, stretches of long JSON lines.

In: an InputFile. Out: RawItems, and a Reject for each thing that can't be read, while its neighbours go on. What a file
is, its first bytes tell, not its name. Everything is bounded: an item by its limit, an archive by what it unpacks to.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple, cast

import zstandard

from pipeline import storage
from pipeline.inputs import InputFile, printable_uri
from transforms.article import NO_ENVELOPE, PAYLOAD_LIMIT, Envelope, RawItem, Reject
from transforms.parse import records

# Large archives and files of JSON lines are opened by several workers, each of which takes its share of the members or
# stretches. Each reads and unpacks the whole, which costs a tenth of what follows, so the shares are few.
_SHARE_BYTES = 4 * 2**20
_MOST_SHARES = 4

# Layers of packing that are opened: a .tar.gz counts two, a .gz within it three.
_MOST_LAYERS = 4
_CHUNK = 2**20
_MAGIC_BYTES = 512
# What is too large to be an article is kept at its start only: nobody will replay it, and many may come at once.
_TOO_LARGE_KEPT = 65_536
# A tar's names and extended headers; the format allows gigabytes.
_TAR_HEADER_LIMIT = 65_536
# Behind each record of a WARC file.
_RECORD_END = b"\r\n\r\n"
# zstandard's largest step: four bytes may ask for 128 kB, so a feed of this size unpacks to 4 MB at most.
_ZST_FEED = 128
_ZST_WINDOW = 2**27


class Limits(NamedTuple):
    """What one item and one archive may hold, bytes."""

    item: int
    archive: int


class LimitError(Exception):
    """An archive unpacks to more than it may."""


Tick = Callable[[int, int], None]
Opener = Callable[[], AbstractContextManager[Any]]


def shares_of(file: InputFile) -> list[InputFile]:
    """The shares in which workers take a file: more than one only for large archives and JSON lines."""
    shares = min(_MOST_SHARES, 1 + file.size // _SHARE_BYTES)
    if shares == 1:
        return [file]
    try:
        with storage.open_to_read(file.name()) as opened:
            stream = _buffered(opened)
            whole = _kind(stream) == "" and not _holds_json_lines(stream)
    except OSError:
        return [file]
    return [file] if whole else [file._replace(share=share, shares=shares) for share in range(shares)]


def read_file(file: InputFile, limits: Limits, tick: Tick = lambda items, size: None) -> Iterator[RawItem | Reject]:
    """The items of a file, or of a share of it.

    `tick` is told of progress: how many items and bytes of the file are done since it was told last.
    """
    try:
        with storage.open_to_read(file.name()) as opened:
            before = 0
            for place, found in enumerate(_read(file, opened, limits)):
                mine = place % file.shares == file.share
                if mine:
                    yield found
                at = opened.tell()
                tick(int(mine), (at - before) // file.shares)
                before = at
    except OSError as error:
        if error.errno is not None:
            # A disk or a network fails one reader and not the next, so each share tells of its own loss.
            share = f" (share {file.share + 1} of {file.shares})" if file.shares > 1 else ""
            yield _whole_file(file, "unreadable", f"{error.strerror or error}{share}")
        elif file.share == 0:
            yield _whole_file(file, "archive_broken", _told(error))
    except LimitError as error:
        # What is wrong with the bytes, all shares meet alike; one tells of it.
        if file.share == 0:
            yield _whole_file(file, "archive_too_large", str(error))
    except MemoryError:
        raise
    except Exception as error:
        if file.share == 0:
            yield _whole_file(file, "archive_broken", _told(error))


def unpacked(
    uri: str, modified: int, data: bytes, limits: Limits, envelope: Envelope = NO_ENVELOPE
) -> Iterator[RawItem | Reject]:
    """The items in the bytes of a file or message; a Reject for what can't be opened."""
    if not _packed(data) and len(data) <= min(limits.item, _CHUNK):
        yield RawItem(uri, data, modified, envelope=envelope)
        return
    try:
        for found in _Unpacker(limits).open(uri, modified, _buffered(io.BytesIO(data)), 0):
            yield found._replace(envelope=envelope)
    except MemoryError:
        raise
    except Exception as error:
        kind = "archive_too_large" if isinstance(error, LimitError) else "archive_broken"
        yield Reject.of("read", kind, f"{uri}: {_told(error)}", uri, 0, data, envelope)


def _told(error: Exception) -> str:
    return f"{str(error) or type(error).__name__} (what came before was read)"


def _whole_file(file: InputFile, kind: str, cause: str) -> Reject:
    message = f"{file.uri}: {cause}"
    try:
        with storage.open_to_read(file.name()) as opened:
            return _cut(kind, message, file.uri, b"", opened, PAYLOAD_LIMIT)
    except OSError:
        return Reject.of("read", kind, message, file.uri, 0, b"")


def _read(file: InputFile, opened: IO[bytes], limits: Limits) -> Iterator[RawItem | Reject]:
    # Most files are articles, a few kB each: read in two goes, without buffers of their own.
    start = opened.read(_MAGIC_BYTES)
    lines = start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{") and file.size > _CHUNK
    if not _packed(start) and file.size <= limits.item and not lines:
        yield RawItem(file.uri, start + opened.read(), file.modified)
        return
    opened.seek(0)
    yield from _Unpacker(limits).open(file.uri, file.modified, _buffered(opened), 0)


class _Unpacker:
    """Opens what is packed, layer by layer, within the limits of one file."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.archive

    def take(self, count: int) -> None:
        """Counts unpacked bytes; LimitError once there are too many."""
        self._left -= count
        if self._left < 0:
            raise LimitError(f"unpacks to more than --max_archive_bytes={self._limits.archive}; the rest was not read")

    def open(self, uri: str, modified: int, stream: io.BufferedReader, layers: int) -> Iterator[RawItem | Reject]:
        """The items in a stream."""
        kind = _kind(stream)
        if kind not in ("", "warc") and layers == _MOST_LAYERS:
            yield _cut("nested_archive", f"{uri}: packed over {_MOST_LAYERS} times", uri, b"", stream)
        elif kind in ("gz", "zst"):
            unpacked: Any = gzip.GzipFile(fileobj=stream) if kind == "gz" else _Zst(stream)
            yield from self.open(uri, modified, _buffered(_Metered(unpacked, self)), layers + 1)
        elif kind == "tar":
            yield from self._members(uri, _tar(stream), layers, lambda member: member)
        elif kind == "zip":
            yield from self._zip(uri, stream, layers)
        elif kind == "warc":
            yield from self._records(uri, modified, stream)
        elif _holds_json_lines(stream):
            yield from self._stretches(uri, modified, stream)
        else:
            yield self._item(uri, modified, stream)

    def _members(
        self, uri: str, members: Iterator[tuple[str, int, Opener | str]], layers: int, meter: Callable[[Any], Any]
    ) -> Iterator[RawItem | Reject]:
        """(name, time, how to open it or why not) of each member -> their items; a broken one stands alone."""
        for name, time, opener in members:
            if any(part.startswith(".") and part not in (".", "..") for part in name.split("/")):
                continue
            inner = f"{uri}!/{printable_uri(name)}"
            if isinstance(opener, str):
                yield Reject.of("read", "not_a_file", f"{inner}: {opener}", inner, 0, b"")
                continue
            try:
                with opener() as opened:
                    yield from self.open(inner, time, _buffered(meter(opened)), layers + 1)
            except (LimitError, MemoryError):
                raise
            except Exception as error:
                # Whatever is wrong with one member, those behind it may still be read; if not, the archive says so.
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                message = f"{inner}: {str(error) or type(error).__name__}"
                yield Reject.of("read", "archive_broken", message, inner, 0, b"")

    def _zip(self, uri: str, stream: Any, layers: int) -> Iterator[RawItem | Reject]:
        if layers:
            # A zip's directory stands at its end and a stream has no way back, so one inside an archive is read into
            # memory, within the item's limit.
            data = _read_up_to(stream, self._limits.item + 1)
            if len(data) > self._limits.item:
                message = f"{uri}: a zip within an archive, longer than --max_item_bytes={self._limits.item}"
                yield _cut("too_large", message, uri, data, stream)
                return
            stream = io.BytesIO(data)
        with zipfile.ZipFile(stream) as archive:
            yield from self._members(uri, _zip_members(archive), layers, lambda member: _Metered(member, self))

    def _records(self, uri: str, modified: int, stream: io.BufferedReader) -> Iterator[RawItem | Reject]:
        """The records of a WARC file, so that only one has to fit the limit.

        Of one that is too long, and that its head tells to be no page anyhow, the head goes on, to be counted as that.
        """
        number = 1
        while head := records.next_head(stream):
            room = self._limits.item - len(head.data)
            block = _read_up_to(stream, max(0, min(head.length, room)))
            if head.length <= room:
                if len(block) < head.length:
                    message = f"{uri}, record {number}: {len(block)} of its {head.length} bytes are there"
                    yield Reject.of("read", "archive_broken", message, uri, number, head.data + block)
                    return
                yield RawItem(uri, head.data + block + _RECORD_END, modified, position=number)
            else:
                rest = _Next(stream, head.length - len(block))
                if records.skipped(head, block):
                    while rest.read(_CHUNK):
                        pass
                    yield RawItem(uri, head.data + block[:_TOO_LARGE_KEPT], modified, position=number)
                else:
                    message = (
                        f"{uri}, record {number}: longer than --max_item_bytes={self._limits.item}; raise the limit"
                    )
                    yield _cut("too_large", message, uri, head.data + block, rest)._replace(position=number)
            number += 1

    def _stretches(self, uri: str, modified: int, stream: io.BufferedReader) -> Iterator[RawItem | Reject]:
        """JSON lines, a day's or a year's dump: read in stretches, so that only a line has to fit the limit."""
        limit = self._limits.item
        lines: list[bytes] = []
        size = 0
        first = number = 1
        while True:
            try:
                line = stream.readline(limit + 1)
            except Exception:
                if lines:
                    yield RawItem(uri, b"".join(lines), modified, first)
                raise
            if not line:
                break
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            too_long = len(line) > limit
            if not too_long:
                lines.append(line)
                size += len(line)
            if lines and (too_long or size >= _CHUNK):
                yield RawItem(uri, b"".join(lines), modified, first)
                lines, size = [], 0
            if too_long:
                message = f"{uri}, line {number}: longer than --max_item_bytes={limit}; raise the limit"
                yield _cut("too_large", message, uri, line, _RestOfLine(stream, line))._replace(position=number)
            number += 1
            if not lines:
                first = number
        if lines:
            yield RawItem(uri, b"".join(lines), modified, first)

    def _item(self, uri: str, modified: int, stream: Any) -> RawItem | Reject:
        limit = self._limits.item
        data = _read_up_to(stream, limit + 1)
        if len(data) <= limit:
            return RawItem(uri, data, modified)
        return _cut("too_large", f"{uri}: longer than --max_item_bytes={limit}; raise the limit", uri, data, stream)


class _Stream(io.RawIOBase):
    """A readable stream made of `next_bytes`, which gives at most so many bytes, none at the end.

    A buffer is filled as far as can be, so that what looks at a stream's start sees all of it. Where that fails, what
    was got before is given first.
    """

    _failure: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._failure is not None:
            raise self._failure
        got = 0
        try:
            while got < len(buffer) and (data := self.next_bytes(len(buffer) - got)):
                buffer[got : got + len(data)] = data
                got += len(data)
        except Exception as error:
            if not got:
                raise
            self._failure = error
        return got

    def next_bytes(self, count: int) -> bytes:
        raise NotImplementedError


class _Metered(_Stream):
    """Counts what is unpacked against the limit, so that a bomb is stopped while it goes off."""

    def __init__(self, inner: Any, unpacker: _Unpacker) -> None:
        # One step at a time: a failing `read` throws away what it has unpacked.
        self._step = getattr(inner, "read1", inner.read)
        self._unpacker = unpacker

    def next_bytes(self, count: int) -> bytes:
        data: bytes = self._step(count)
        self._unpacker.take(len(data))
        return data


class _Zst(_Stream):
    """Zstandard frames, unpacked in bounded steps. The library's own reader takes a file that was cut for whole."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._ready = b""
        self._pending = b""
        self._frame: Any = None

    def next_bytes(self, count: int) -> bytes:
        while not self._ready:
            feed = self._pending or self._source.read(_ZST_FEED)
            self._pending = b""
            if not feed:
                if self._frame is not None:
                    raise EOFError("the zstandard file ends in the middle of a frame")
                return b""
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor(max_window_size=_ZST_WINDOW).decompressobj()
            self._ready = self._frame.decompress(feed)
            if self._frame.eof:
                self._pending = self._frame.unused_data
                self._frame = None
        data, self._ready = self._ready[:count], self._ready[count:]
        return data


class _RestOfLine:
    """What is left of a line, as a stream."""

    def __init__(self, stream: Any, begun: bytes) -> None:
        self._stream = stream
        self._over = begun.endswith(b"\n")

    def read(self, count: int) -> bytes:
        data: bytes = b"" if self._over else self._stream.readline(count)
        self._over = self._over or data.endswith(b"\n")
        return data


class _Next:
    """The next so many bytes of a stream, as a stream."""

    def __init__(self, stream: Any, count: int) -> None:
        self._stream = stream
        self._left = count

    def read(self, count: int) -> bytes:
        data: bytes = self._stream.read(min(count, self._left))
        self._left -= len(data)
        return data


class _TarInfo(tarfile.TarInfo):
    """A tar member: its name and extended header are of a bounded length, and damage is told.

    tarfile itself takes a header that is broken, cut or missing for the end of the archive, and reads none of the
    archives that may follow (`cat one.tar two.tar`).
    """

    @classmethod
    def fromtarfile(cls, archive: Any) -> Any:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            return cls._behind_the_end(archive)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"damaged or cut: {error}") from error

    @classmethod
    def _behind_the_end(cls, archive: Any) -> Any:
        """The first member of the archive that follows; EOFHeaderError where only zeros do."""
        while (block := archive.fileobj.read(tarfile.BLOCKSIZE)) and not block.strip(b"\0"):
            pass
        if not block:
            raise tarfile.EOFHeaderError("end of file header")  # type: ignore[attr-defined]
        try:
            member = cls.frombuf(block, archive.encoding, archive.errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"something else than an archive behind its end: {error}") from error
        member.offset = archive.fileobj.tell() - tarfile.BLOCKSIZE
        return member._proc_member(archive)

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        described = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if self.type in (*described, tarfile.SOLARIS_XHDTYPE) and self.size > _TAR_HEADER_LIMIT:
            raise tarfile.ReadError(f"a member's name or header takes {self.size} bytes, over {_TAR_HEADER_LIMIT}")
        return cast(Any, super())._proc_member(archive)


def _tar(stream: Any) -> Iterator[tuple[str, int, Opener | str]]:
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_TarInfo, errors="surrogateescape") as archive:
        for member in archive:
            # tarfile keeps every member that it has seen, so the list would grow with the archive.
            cast(Any, archive).members = []
            if member.isdir():
                continue
            opener: Opener | str = "a link, a device or a sparse file"
            if member.isreg() and not member.issparse():
                opener = _opener(archive.extractfile, member)
            yield member.name, _micros(member.mtime), opener


def _zip_members(archive: zipfile.ZipFile) -> Iterator[tuple[str, int, Opener | str]]:
    for member in archive.infolist():
        if not member.is_dir():
            try:
                # A zip's times have no zone; UTC keeps them the same on every machine.
                seconds = datetime(*member.date_time, tzinfo=UTC).timestamp()
            except ValueError:
                seconds = 0.0
            encrypted = member.flag_bits & 1
            yield member.filename, _micros(seconds), "encrypted" if encrypted else _opener(archive.open, member)


def _opener(function: Callable[[Any], Any], member: Any) -> Opener:
    return lambda: closing(function(member))


def _micros(seconds: float) -> int:
    """A member's time; 0 for one that is no time."""
    try:
        return int(seconds) * 1_000_000 if 0 <= seconds < 2**40 else 0
    except (ValueError, OverflowError):
        return 0


def _buffered(stream: Any) -> io.BufferedReader:
    """The stream with a buffer that holds a long first line, however small its own is."""
    return io.BufferedReader(stream, _CHUNK)


def _packed(data: bytes) -> str:
    """`gz`, `zst`, `zip`, `tar`, `warc`, or "" for what is one item, by the first 512 bytes."""
    if data.startswith(b"\x1f\x8b"):
        return "gz"
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return "zst"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if data.startswith(records.MAGIC):
        return "warc"
    if data[257:262] == b"ustar":
        return "tar"
    # A tar of before 1988 has no mark, but a checksum: octal digits and a NUL where articles have text.
    if len(data) >= tarfile.BLOCKSIZE and data[148:154].strip(b" 01234567") == b"" and b"\0" in data[154:156]:
        try:
            tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
        except tarfile.TarError:
            return ""
        return "tar"
    return ""


def _kind(stream: io.BufferedReader) -> str:
    return _packed(stream.peek(_MAGIC_BYTES)[:_MAGIC_BYTES])


def _holds_json_lines(stream: io.BufferedReader) -> bool:
    """True where the first line is a JSON object and the second begins one."""
    first, _, rest = stream.peek(_CHUNK).removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    if not first.startswith(b"{") or not rest.lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _read_up_to(stream: Any, count: int) -> bytes:
    """The next `count` bytes or all there are: raw streams may give less than asked before they end."""
    chunks = []
    while count > 0 and (chunk := stream.read(min(count, _CHUNK))):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _cut(kind: str, message: str, uri: str, begun: bytes, stream: Any, keep: int = _TOO_LARGE_KEPT) -> Reject:
    """A reject of something too long to hold: hashed to its end, kept at its start."""
    digest = hashlib.sha256(begun)
    size = len(begun)
    kept = begun[:keep]
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        kept += chunk[: keep - len(kept)]
    return Reject("read", kind, message, uri, 0, kept, size, digest.hexdigest())
