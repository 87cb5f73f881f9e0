"""What has arrived in watched folders, and has stood still since.

In: folders, looked at now and again. Out: their files that are whole. A producer that renames files into place needs
nothing more; one that writes in place is waited for until a file's size and time have stood still. Looking costs little
where nothing has changed: a local folder is listed again only when its own time says that names came or went, or now
and then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline import storage
from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile, is_own, printable_uri, relative
from pipeline.options import SECOND
from pipeline.storage import SIGNS

# Names under which copying programs write what they later rename: rsync and most others begin with a dot, WinSCP,
# curl, wget, browsers, editors and transfer daemons end like this.
_TEMPORARY_ENDS = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", ".swp", "~")
# A folder's time may stand still although a name came, while the clock's tick lasts; some network drives count seconds.
_TICK_SECONDS = 3.0
# What was last changed so long ago was not being written when it was first seen, whatever two clocks differ by.
_LONG_SECONDS = 60.0
# Files that are rewritten in place are found by looking at each; it may take this share of the time.
_SHARE_OF_TIME = 0.005


class _Arrival(NamedTuple):
    """A file that no run has read, as it was when it was looked at last."""

    file: InputFile
    since: float
    """When it was first seen so, seconds of a clock that never jumps."""
    changed: float
    """When its bytes, name or rights were changed last, by the folder's clock, seconds since 1970."""


class _Folder(NamedTuple):
    modified: int
    """Nanoseconds."""
    folders: tuple[str, ...]


class Watch:
    """The files of watched folders that no run has read; `look` brings them up to date."""

    def __init__(self, inputs: Iterable[str], output: str, settle: float, is_read: Callable[[InputFile], bool]) -> None:
        """`settle` in seconds; OptionError for an input that is no folder.

        `is_read` is asked of each file once, and again when the file has changed.
        """
        self._inputs = tuple(map(storage.absolute, inputs))
        self._output = output
        self._settle = settle
        self._is_read = is_read
        self._stamps: dict[str, tuple[int, int]] = {}
        """(size, modified) of each file that is there, by path."""
        self._arrivals: dict[str, _Arrival] = {}
        self._read: dict[str, InputFile] = {}
        self._folders: dict[str, _Folder] = {}
        self._next_full = 0.0
        for folder in self._inputs:
            if SIGNS.search(folder) or (storage.is_local(folder) and not Path(folder).is_dir()):
                raise OptionError(f"--input={folder}: there is no such folder; make it, or name the one to watch")

    def look(self) -> None:
        """Lists what is there now; RunError where a folder can't be listed."""
        start = time.monotonic()
        full = start >= self._next_full
        there: set[str] = set()
        for folder in self._inputs:
            try:
                for found in self._local(folder, full) if storage.is_local(folder) else self._remote(folder):
                    self._note(found)
                    there.add(found.file.name())
                for path, arrival in list(self._arrivals.items()):
                    if path not in there and storage.is_local(path):
                        self._look_again(path, arrival)
            except (OSError, storage.StorageError) as error:
                raise RunError(f"--input={folder}: can't be listed: {error}") from error
        if full:
            for path in self._stamps.keys() - there:
                self._forget(path)
            self._next_full = start + (time.monotonic() - start) / _SHARE_OF_TIME

    def settled(self) -> list[InputFile]:
        """The arrivals whose size and time have stood still for long enough, oldest first."""
        now, wall = time.monotonic(), time.time()
        still = (
            one.file
            for one in self._arrivals.values()
            if now - one.since >= self._settle or wall - one.changed >= self._settle + _LONG_SECONDS
        )
        return sorted(still, key=lambda file: (file.modified, file.uri, file.path))

    def arrived(self) -> int:
        """How many files are there that no run has read."""
        return len(self._arrivals)

    def read(self) -> list[InputFile]:
        """The files that are still there although a run has read them."""
        return list(self._read.values())

    def ask_again(self) -> None:
        """Asks of all files again whether a run has read them."""
        for path in list(self._arrivals):
            arrival = self._arrivals[path]
            if self._is_read(arrival.file):
                self._read[path] = arrival.file
                del self._arrivals[path]

    def _note(self, found: _Arrival) -> None:
        path = found.file.name()
        stamp = found.file.size, found.file.modified
        if self._stamps.get(path) == stamp:
            return
        self._forget(path)
        self._stamps[path] = stamp
        if self._is_read(found.file):
            self._read[path] = found.file
        else:
            self._arrivals[path] = found

    def _forget(self, path: str) -> None:
        self._stamps.pop(path, None)
        self._arrivals.pop(path, None)
        self._read.pop(path, None)

    def _look_again(self, path: str, arrival: _Arrival) -> None:
        try:
            status = os.stat(path)  # noqa: PTH116 (a fifth of the time, for thousands of files)
        except (FileNotFoundError, NotADirectoryError):
            self._forget(path)
            return
        file = arrival.file._replace(size=status.st_size, modified=status.st_mtime_ns // 1000)
        self._note(_Arrival(file, time.monotonic(), max(status.st_mtime, status.st_ctime)))

    def _local(self, base: str, full: bool) -> Iterator[_Arrival]:
        """The files below a folder, links followed once; unless `full`, those of folders that changed."""
        done: set[str] = set()
        left = [base]
        while left:
            folder = left.pop()
            real = os.path.realpath(folder)
            if real in done:
                continue
            done.add(real)
            try:
                modified = os.stat(folder).st_mtime_ns  # noqa: PTH116
                known = self._folders.get(folder)
                if not full and known is not None and known.modified == modified:
                    left += known.folders
                    continue
                wall = time.time()
                below: list[str] = []
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if _is_temporary(entry.name) or is_own(entry.path, self._output):
                            continue
                        try:
                            if entry.is_dir():
                                below.append(entry.path)
                            elif entry.is_file():
                                yield _arrival(entry.path, base, entry.stat())
                        except FileNotFoundError:
                            continue  # it went while the folder was listed
            except (FileNotFoundError, NotADirectoryError):
                if folder == base:
                    raise
                continue
            self._folders.pop(folder, None)
            # Within a tick of the clock a name may come that the folder's time doesn't tell.
            if wall - modified / 1e9 > _TICK_SECONDS:
                self._folders[folder] = _Folder(modified, tuple(below))
            left += below

    def _remote(self, base: str) -> Iterator[_Arrival]:
        """The objects below a prefix: they appear whole."""
        prefix = f"{base.rstrip('/')}/"
        for one in storage.starting(prefix):
            parts = one.path[len(prefix) :].split("/")
            if parts[-1] and not any(map(_is_temporary, parts)) and not is_own(one.path, self._output):
                uri = printable_uri(one.path[len(prefix) :])
                file = InputFile(os.fsencode(one.path), uri, one.size, one.modified)
                yield _Arrival(file, time.monotonic(), one.modified / SECOND)


def _arrival(path: str, base: str, status: os.stat_result) -> _Arrival:
    uri = printable_uri(relative(path, base))
    file = InputFile(os.fsencode(path), uri, status.st_size, status.st_mtime_ns // 1000)
    return _Arrival(file, time.monotonic(), max(status.st_mtime, status.st_ctime))


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(_TEMPORARY_ENDS)
