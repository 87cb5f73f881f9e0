"""Where articles come from: files, alone or in archives.

`expand` closes the run's interval before anything is read: it lists the files that the inputs name, once, in the
process that starts the run, so that a bundle tried again sees the same files. `ReadFiles` reads them in parallel:
a file whole, an archive member by member. What can't be read becomes a reject with its place and reason.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import apache_beam as beam
import zstandard
from apache_beam.pvalue import TaggedOutput

from pipeline import storage
from pipeline.errors import OptionError
from pipeline.options import Config
from pipeline.progress import Ticker
from transforms.article import PAYLOAD_LIMIT, RawItem, Reject
from transforms.steps import REJECTS

# Large archives and files of JSON lines are opened by several workers, each of which takes its share of the members or
# stretches: reading is cheap beside what follows. A share for each so many packed bytes, at most so many shares.
_SHARE_BYTES = 4 * 2**20
_MOST_SHARES = 16

# Layers of packing that are opened: a .tar.gz counts two, a .gz within it three.
_MOST_LAYERS = 4

_CHUNK = 2**20
_TAR_MAGIC_AT = 257
_MAGIC_BYTES = _TAR_MAGIC_AT + 5


class InputFile(NamedTuple):
    """A file of the run's interval, or the share of an archive that one worker takes."""

    path: str
    uri: str
    """The path relative to the input's fixed part."""
    size: int
    """Bytes as they lie there."""
    modified: int
    """Microseconds UTC."""
    share: int = 0
    shares: int = 1


class _LimitError(Exception):
    """An archive unpacks to more than it may."""


def expand(config: Config) -> list[InputFile]:
    """The files that `--input` names, sorted, each once; OptionError where a file or folder isn't there."""
    files: dict[str, InputFile] = {}
    output = _absolute(config.output)
    for pattern in config.inputs:
        base, found = _find(pattern)
        for one in found:
            uri = one.path[len(base) :].lstrip("/")
            hidden = any(part.startswith(".") for part in uri.split("/"))
            if not hidden and not _absolute(one.path).startswith(f"{output}/"):
                files.setdefault(one.path, InputFile(one.path, uri, one.size, one.modified))
    return sorted(files.values(), key=lambda file: (file.uri, file.path))


def _absolute(path: str) -> str:
    return os.path.realpath(path) if storage.is_local(path) else path


def _find(pattern: str) -> tuple[str, list[storage.Found]]:
    """The input's fixed part and the files it names."""
    if storage.is_local(pattern):
        path = Path(pattern)
        if path.is_dir():
            return "" if path == Path() else str(path), list(_walk(path))
        if path.exists():
            return str(path.parent) if path.parent != Path() else "", [_found(path)]
    if storage.is_local(pattern) and not re.match(r"[^*?\[]*/", pattern):
        # Beam lists no folder that has no name.
        pattern = f"./{pattern}"
    base = re.match(r"[^*?\[]*", pattern)[0].rpartition("/")[0]  # type: ignore[index]  # matches always
    if not re.search(r"[*?\[]", pattern):
        if not storage.is_local(pattern):
            return _find_remote(pattern)
        raise OptionError(f"--input={pattern}: there is no such file or folder{_nearest(pattern)}")
    if storage.is_local(pattern) and base and not Path(base).is_dir():
        raise OptionError(f"--input={pattern}: there is no folder {base}{_nearest(base)}")
    # Beam reads ** as any characters, so `a/**/b` would not find `a/b`, as it does everywhere else.
    patterns = {pattern, pattern.replace("**/", "")}
    found = {one.path: one for each in sorted(patterns) for one in storage.match(each)}
    if storage.is_local(pattern):
        found = {path: one for path, one in found.items() if Path(path).is_file()}
    return base, list(found.values())


def _find_remote(path: str) -> tuple[str, list[storage.Found]]:
    try:
        alone = list(storage.match(path))
        if alone and alone[0].size:
            return path.rpartition("/")[0], alone
        below = list(storage.match(storage.join(path, "**")))
    except Exception as error:
        raise OptionError(f"--input={path}: can't be listed: {error}") from error
    if not below:
        raise OptionError(f"--input={path}: there is no such file or folder")
    return path.rstrip("/"), below


def _nearest(path: str) -> str:
    """A hint at how far the path exists."""
    parent = Path(path).parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    return f" (it exists up to {parent})" if str(parent) not in (".", "/") else ""


def _walk(folder: Path) -> Iterator[storage.Found]:
    def unreadable(error: OSError) -> None:
        raise OptionError(f"--input={folder}: {error.filename} can't be listed: {error.strerror}") from error

    for parent, _, names in os.walk(folder, onerror=unreadable):
        for name in names:
            path = Path(parent, name)
            # Pipes, sockets and dangling links hold no articles, and a pipe would hold up the run.
            if path.is_file():
                yield _found(path)


def _found(path: Path) -> storage.Found:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OptionError(f"--input={path}: not a file or folder")
    return storage.Found(str(path), status.st_size, status.st_mtime_ns // 1000)


class ReadFiles(beam.PTransform[Any, Any]):
    """The run's files -> `items` (RawItem), `rejects` for what can't be read, both spread over all workers."""

    def __init__(self, files: list[InputFile], config: Config, progress: str = "") -> None:
        super().__init__()
        self._files = [part for file in files for part in _shared_out(file)]
        self._limits = Limits(config.max_item_bytes, config.max_archive_bytes)
        self._progress = progress

    def expand(self, begin: Any) -> Any:
        """PBegin -> PCollections `items` and `rejects`."""
        step = beam.ParDo(_Read(self._limits, self._progress)).with_output_types(RawItem, rejects=Reject)
        return (
            begin
            | "Files" >> beam.Create(self._files)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> step.with_outputs(REJECTS, main="items")
        )


class Limits(NamedTuple):
    """What one item and one archive may hold, bytes."""

    item: int
    archive: int


class _Read(beam.DoFn):
    def __init__(self, limits: Limits, progress: str) -> None:
        self._limits = limits
        self._progress = progress

    def setup(self) -> None:
        self._ticker = Ticker(self._progress)

    def process(self, file: InputFile) -> Iterator[Any]:
        for read in read_file(file, self._limits, self._ticker.tick):
            yield TaggedOutput(REJECTS, read) if isinstance(read, Reject) else read


def _shared_out(file: InputFile) -> list[InputFile]:
    shares = min(_MOST_SHARES, 1 + file.size // _SHARE_BYTES)
    if shares == 1:
        return [file]
    try:
        with storage.open_to_read(file.path) as opened:
            stream = _peekable(opened)
            whole = _archive_kind(stream) == "" and not _holds_json_lines(stream)
    except OSError:
        return [file]
    return [file] if whole else [file._replace(share=share, shares=shares) for share in range(shares)]


def read_file(
    file: InputFile, limits: Limits, tick: Callable[[int, int], None] = lambda items, size: None
) -> Iterator[RawItem | Reject]:
    """The items of a file: itself, or the members of the archive that it is, with Rejects for what can't be read.

    `tick` is told of progress: how many items and bytes of the file are done since it was told last.
    """
    try:
        with storage.open_to_read(file.path) as opened:
            before = 0
            for place, found in enumerate(_read(file, opened, limits)):
                mine = place % file.shares == file.share
                if mine:
                    yield found
                at = opened.tell()
                tick(int(mine), (at - before) // file.shares)
                before = at
    except Exception as error:
        # Every way in which a disk, a network or an archive can break ends up here; only one share tells of it.
        if file.share == 0:
            yield _unreadable(file, error)


def _unreadable(file: InputFile, error: Exception) -> Reject:
    if isinstance(error, _LimitError):
        kind, cause = "archive_too_large", str(error)
    elif isinstance(error, OSError) and error.errno is not None:
        kind, cause = "unreadable", error.strerror or str(error)
    else:
        kind, cause = "archive_broken", f"{error or type(error).__name__} (the members before it were read)"
    try:
        with storage.open_to_read(file.path) as opened:
            return _cut(kind, f"{file.uri}: {cause}", file.uri, b"", opened)
    except Exception:
        return Reject.of("read", kind, f"{file.uri}: {cause}", file.uri, 0, b"")


def _read(file: InputFile, opened: IO[bytes], limits: Limits) -> Iterator[RawItem | Reject]:
    # Most files are articles, a few kB each: read in two goes, without buffers of their own.
    start = opened.read(_MAGIC_BYTES)
    lines = start.startswith(b"{") and file.size > _CHUNK
    if not _packed(start) and file.size <= limits.item and not lines:
        yield RawItem(file.uri, start + opened.read(), file.modified)
        return
    opened.seek(0)
    budget = _Budget(limits.archive)
    yield from _open(file.uri, file.modified, _peekable(opened), limits, budget, 0)


class _Budget:
    """What is left of an archive's expansion limit."""

    def __init__(self, left: int) -> None:
        self._limit = self._left = left

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _LimitError(f"unpacks to more than --max_archive_bytes={self._limit}; the rest was not read")


class _Metered(io.RawIOBase):
    """A stream that counts what is unpacked against the budget, so that a bomb is stopped while it goes off."""

    def __init__(self, inner: Any, budget: _Budget) -> None:
        self._inner = inner
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)


def _peekable(stream: Any) -> io.BufferedReader:
    return stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream, _CHUNK)


def _packed(data: bytes) -> str:
    if data.startswith(b"\x1f\x8b"):
        return "gz"
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return "zst"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if data[_TAR_MAGIC_AT:_MAGIC_BYTES] == b"ustar" else ""


def _archive_kind(stream: io.BufferedReader) -> str:
    """`gz`, `zst`, `zip`, `tar`, or "" for what is no archive: told by the first bytes, not by the name."""
    return _packed(stream.peek(_MAGIC_BYTES))


def _open(
    uri: str, modified: int, stream: Any, limits: Limits, budget: _Budget, layers: int
) -> Iterator[RawItem | Reject]:
    kind = _archive_kind(stream)
    if kind == "" and _holds_json_lines(stream):
        yield from _stretches(uri, modified, stream, limits)
    elif kind == "":
        yield _item(uri, modified, stream, limits)
    elif layers == _MOST_LAYERS:
        yield _cut("nested_archive", f"{uri}: packed over {_MOST_LAYERS} times", uri, b"", stream)
    elif kind in ("gz", "zst"):
        unpacked: Any = gzip.GzipFile(fileobj=stream) if kind == "gz" else _zst(stream)
        metered = io.BufferedReader(_Metered(unpacked, budget), _CHUNK)
        yield from _open(uri, modified, metered, limits, budget, layers + 1)
    else:
        members = _tar(stream, budget) if kind == "tar" else _zip(stream, layers, limits, budget)
        for name, time, member in members:
            if any(part.startswith(".") and part not in (".", "..") for part in name.split("/")):
                continue
            inner = f"{uri}!/{name}"
            if member is None:
                yield Reject.of("read", "not_a_file", f"{inner}: a link or device, not a file", inner, 0, b"")
                continue
            yield from _member(inner, time, member, limits, budget, layers)


def _member(
    uri: str, modified: int, member: IO[bytes], limits: Limits, budget: _Budget, layers: int
) -> Iterator[RawItem | Reject]:
    """One member; if it is broken, those behind it may still be read."""
    try:
        yield from _open(uri, modified, _peekable(member), limits, budget, layers + 1)
    except (zlib.error, zipfile.BadZipFile, zstandard.ZstdError, EOFError, gzip.BadGzipFile) as error:
        yield Reject.of("read", "archive_broken", f"{uri}: {error or type(error).__name__}", uri, 0, b"")


def _zst(stream: Any) -> Any:
    return zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(stream, read_across_frames=True)


def _tar(stream: Any, budget: _Budget) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.isdir():
                continue
            budget.take(0)
            data = archive.extractfile(member) if member.isreg() else None
            yield member.name, int(member.mtime) * 1_000_000, data
            # tarfile keeps every member that it has seen, so the list would grow with the archive.
            cast(Any, archive).members = []


def _zip(stream: Any, layers: int, limits: Limits, budget: _Budget) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    if layers:
        # A zip's directory stands at its end and a stream has no way back, so one inside an archive is read into
        # memory, within the item's limit.
        data = stream.read(limits.item + 1)
        if len(data) > limits.item:
            raise _LimitError(f"a zip inside another archive is over --max_item_bytes={limits.item}")
        stream = io.BytesIO(data)
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            if member.flag_bits & 1:
                raise zipfile.BadZipFile(f"{member.filename} is encrypted")
            # A zip's times have no zone; UTC keeps them the same on every machine.
            time = int(datetime(*member.date_time, tzinfo=UTC).timestamp()) * 1_000_000
            with archive.open(member) as opened:
                yield member.filename, time, cast(IO[bytes], io.BufferedReader(_Metered(opened, budget), _CHUNK))


def _holds_json_lines(stream: io.BufferedReader) -> bool:
    """True where the first line is a JSON object and the second begins one."""
    first, _, rest = stream.peek(_CHUNK).partition(b"\n")
    if not first.startswith(b"{") or not rest.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _stretches(uri: str, modified: int, stream: Any, limits: Limits) -> Iterator[RawItem | Reject]:
    """JSON lines, a day's or a year's dump: read in stretches, so that only a line has to fit the limit."""
    lines: list[bytes] = []
    size = 0
    first = number = 1
    while line := stream.readline(limits.item + 1):
        too_long = len(line) > limits.item
        if not too_long:
            lines.append(line)
            size += len(line)
        if lines and (too_long or size >= _CHUNK):
            yield RawItem(uri, b"".join(lines), modified, first)
            lines, size = [], 0
        if too_long:
            message = f"{uri}, line {number}: longer than --max_item_bytes={limits.item}; raise the limit"
            yield _cut("too_large", message, uri, line, _RestOfLine(stream, line))._replace(position=number)
        number += 1
        if not lines:
            first = number
    if lines:
        yield RawItem(uri, b"".join(lines), modified, first)


class _RestOfLine:
    """What is left of a line, as a stream."""

    def __init__(self, stream: Any, begun: bytes) -> None:
        self._stream = stream
        self._over = begun.endswith(b"\n")

    def read(self, count: int) -> bytes:
        data: bytes = b"" if self._over else self._stream.readline(count)
        self._over = self._over or data.endswith(b"\n")
        return data


def _item(uri: str, modified: int, stream: Any, limits: Limits) -> RawItem | Reject:
    data = _read_up_to(stream, limits.item + 1)
    if len(data) <= limits.item:
        return RawItem(uri, data, modified)
    message = f"{uri}: longer than --max_item_bytes={limits.item}; split it or raise the limit"
    return _cut("too_large", message, uri, data, stream)


def _read_up_to(stream: Any, count: int) -> bytes:
    """The next `count` bytes or all there are: raw streams may give less than asked before they end."""
    chunks = []
    while count > 0 and (chunk := stream.read(min(count, _CHUNK))):
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def _cut(kind: str, message: str, uri: str, begun: bytes, stream: Any) -> Reject:
    """A reject of something too long to hold: hashed to its end, kept at its start."""
    digest = hashlib.sha256(begun)
    size = len(begun)
    kept = begun[:PAYLOAD_LIMIT]
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        kept += chunk[: PAYLOAD_LIMIT - len(kept)]
    return Reject("read", kind, message, uri, 0, kept, size, digest.hexdigest())
