"""What earlier runs have left, looked up in their ledger files.

In: the files of a chain of runs. Out: the rows of some articles and stories, and the rows of a desk. The rows of a file
are sorted, so a few blocks of it are read, not all; a process keeps the files open, whose names change with their
content.
"""

from __future__ import annotations

import functools
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from pipeline import storage
from pipeline.errors import RunError
from pipeline.options import time_of
from schemas import Container
from transforms.ledger import DESK, DeskState, LedgerRow, decode, split

# A local one takes some kilobytes and a file descriptor, of which some systems give 256; a remote one its size.
_OPEN_FILES = 64

_Read = TypeVar("_Read")


class LedgerFile(NamedTuple):
    """A ledger file of an earlier run."""

    path: str
    as_of: int
    """Of that run, microseconds UTC."""


class Earlier(NamedTuple):
    """The runs of a chain, as `transforms.ledger.EarlierRuns`."""

    output: str
    since: int
    """Of what runs before this time knew nothing is remembered but desks; microseconds UTC."""
    changed: tuple[LedgerFile, ...]
    """What they changed: files named delta or merged."""
    desks: Mapping[str, Mapping[str, Any]]
    """By language, `files` (a desk's newest, relative to the output folder) and `since` (partition of its snapshot)."""

    def rows(self, kind: str, keys: Iterable[str]) -> Iterable[LedgerRow]:
        """The rows of some keys, of a kind in DELTA; of several of one key the newest."""
        asked = sorted((kind, key) for key in keys)
        newest: dict[str, LedgerRow] = {}
        for file in self.changed if asked else ():
            for row in _told(file, lambda rows: rows.find(asked)):
                known = newest.get(row.key)
                if row.as_of >= self.since and (known is None or row.as_of > known.as_of):
                    newest[row.key] = row
        return newest.values()

    def files(self, language: str) -> tuple[str, ...]:
        """The files that the last run with news for a desk has left of it, relative to the output folder."""
        return tuple(self.desks.get(language, {}).get("files", ()))

    def state(self, language: str) -> str:
        """The hash of all that a desk has taken and left so far; "" for one that no run has had."""
        names = self.files(language)
        return self._stand(language, names).state if names else ""

    def desk(self, language: str) -> list[list[LedgerRow]]:
        """The rows of a desk, run by run: its newest snapshot, then all changes since."""
        runs = [[row for name in names for row in read_rows(self._file(name))] for names in self.files_by_run(language)]
        return runs[::-1]

    def files_by_run(self, language: str) -> Iterator[tuple[str, ...]]:
        """The files of a desk, the newest first, back to its snapshot. Each is read only to tell what was before it."""
        names = self.files(language)
        while names:
            yield names
            names = self._stand(language, names).before

    def _stand(self, language: str, names: Iterable[str]) -> DeskState:
        for name in names:
            for row in _told(self._file(name), lambda rows: rows.find([(DESK, language)])):
                found = decode(row)
                if isinstance(found, DeskState):
                    return found
        raise RunError(f"{', '.join(names)}: says nothing of where the desk of {language!r} stands; run it again")

    def _file(self, name: str) -> LedgerFile:
        return LedgerFile(storage.join(self.output, name), time_of(name.split("/")[1]))


NOTHING = Earlier("", 0, (), {})


def read_rows(file: LedgerFile) -> Iterable[LedgerRow]:
    """The rows of a ledger file; RunError where it can't be read."""
    return _told(file, lambda rows: list(rows.all()))


class _SortedRows:
    """The rows of a ledger file, which are sorted by kind and key."""

    def __init__(self, file: LedgerFile) -> None:
        self._as_of = file.as_of
        if storage.is_local(file.path):
            self._file = storage.open_to_read(file.path)
            number = self._file.fileno()
            self._blocks = Container(lambda at, size: os.pread(number, size, at), os.fstat(number).st_size)
        else:
            with storage.open_to_read(file.path) as opened:
                data = opened.read()
            self._blocks = Container(lambda at, size: data[at : at + size], len(data))
        self._firsts: dict[int, tuple[str, str]] = {}

    def all(self) -> Iterator[LedgerRow]:
        """All of them."""
        for number in range(len(self._blocks)):
            yield from self._split(self._blocks.block(number))

    def find(self, asked: Iterable[tuple[str, str]]) -> list[LedgerRow]:
        """Those of some (kind, key), of which a file has one each; asked in rising order."""
        found = []
        at, block = -1, b""
        rows: dict[tuple[str, str], LedgerRow] = {}
        for wanted in asked:
            number = bisect_right(range(len(self._blocks)), wanted, max(at, 0), key=self._first) - 1
            if number < 0:
                continue
            if number != at:
                at, block, rows = number, self._blocks.block(number), {}
            # Nearly all that is asked for is new, and to see that is much quicker than to decode the block.
            if not rows and wanted[1].encode() in block:
                rows = {(row.kind, row.key): row for row in self._split(block)}
            if wanted in rows:
                found.append(rows[wanted])
        return found

    def _first(self, number: int) -> tuple[str, str]:
        if number not in self._firsts:
            row = next(self._split(self._blocks.block(number)))
            self._firsts[number] = row.kind, row.key
        return self._firsts[number]

    def _split(self, block: bytes) -> Iterator[LedgerRow]:
        return split(block, self._as_of, self._blocks.schema)


# A process asks the same files over and over; their names change with their content.
_opened = functools.lru_cache(maxsize=_OPEN_FILES)(_SortedRows)


def _told(file: LedgerFile, read: Callable[[_SortedRows], _Read]) -> _Read:
    """What `read` makes of a file; RunError where that fails."""
    try:
        return read(_opened(file))
    except Exception as error:
        # Each filesystem has errors of its own, and Avro those of what it meets.
        raise RunError(
            f"{file.path}: the ledger of an earlier run can't be read ({error}); run that partition again"
        ) from error
