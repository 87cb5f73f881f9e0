"""How far a run on this machine has come, for the person who waits.

Workers note the items and bytes they have read, each process in a small file of its own; the starting process adds
them up twice a second and shows one line. Nothing of it touches the result, and where the files can't be seen (a
distributed engine) the line shows the time alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TextIO

_NOTES = ".progress"
_SAID = ".said"
_WIDTH = 79
_EVERY_SECONDS = 0.5


class Ticker:
    """Notes progress in the folder `where`; does nothing if that is empty or not there."""

    def __init__(self, where: str) -> None:
        self._file = -1
        self._items = self._bytes = 0
        self._said: Path | None = None
        if where and Path(where).is_dir():
            path = Path(where, f"{uuid.uuid4().hex}{_NOTES}")
            # A worker of an engine may be another user's.
            with contextlib.suppress(OSError):
                self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
                self._said = path.with_suffix(_SAID)

    def tick(self, items: int, size: int) -> None:
        """Counts `items` more items, for which `size` bytes of input were read."""
        if self._file >= 0:
            self._items += items
            self._bytes += size
            # A full disk must not cost an article.
            with contextlib.suppress(OSError):
                os.pwrite(self._file, b"%d %d\n" % (self._items, self._bytes), 0)

    def say(self, text: str) -> None:
        """Lets the person who waits know something: a line on stderr, by the process that the run was started in."""
        if self._said is None:
            print(f"storywire: {text}", file=sys.stderr, flush=True)
            return
        with contextlib.suppress(OSError), self._said.open("a", encoding="utf-8") as said:
            said.write(f"{text}\n")

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)


class Line:
    """The progress line of a run: a context manager that shows it on `stream` (stderr) while it is a terminal.

    What workers say is shown in any case.
    """

    def __init__(self, where: str, files: int, size: int, stream: TextIO | None = None) -> None:
        self._where = Path(where)
        self._files = files
        self._size = size
        self._stream = stream or sys.stderr
        self._heard: dict[Path, int] = {}
        """Bytes of each worker's notes that were shown."""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Line:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._hear()
        self._clear()

    def _show(self) -> None:
        start = time.monotonic()
        while not self._done.wait(_EVERY_SECONDS):
            self._hear()
            if self._stream.isatty():
                line = describe(time.monotonic() - start, self._files, self._size, *read(self._where))
                self._stream.write("\r" + line[:_WIDTH].ljust(_WIDTH))
                self._stream.flush()

    def _hear(self) -> None:
        """Shows what workers have said since."""
        for path in sorted(self._where.glob(f"*{_SAID}")):
            before = self._heard.get(path, 0)
            # A line that is being written is heard the next time.
            whole = path.read_bytes()[before:].rpartition(b"\n")[0]
            if whole:
                self._heard[path] = before + len(whole) + 1
                self._clear()
                for line in whole.decode("utf-8", "replace").splitlines():
                    # Nobody's listening is no failure of the run.
                    with contextlib.suppress(OSError, ValueError):
                        print(f"storywire: {line}", file=self._stream, flush=True)

    def _clear(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._stream.isatty():
                self._stream.write("\r" + " " * _WIDTH + "\r")
                self._stream.flush()


def read(where: Path) -> tuple[int, int]:
    """(items, bytes) noted so far by all workers."""
    items = size = 0
    for path in where.glob(f"*{_NOTES}"):
        noted = path.read_bytes().split()
        if len(noted) == 2:
            items += int(noted[0])
            size += int(noted[1])
    return items, size


def describe(seconds: float, files: int, size: int, items: int, size_read: int) -> str:
    """The line: how many items are read, how much of the input that is, how long the rest will take."""
    clock = f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"
    if not items:
        return f"{clock}  starting on {files:,} files"
    # Shares of an archive are rounded down, so the last bytes are never seen.
    if not size or size_read > 0.999 * size:
        return f"{clock}  all read, {items:,} items; keying stories and writing"
    left = seconds * (size - size_read) / size_read if size_read else 0.0
    until = f", about {left:.0f} s of reading left" if left else ""
    return f"{clock}  {items:,} items read, {size_read / size:.0%} of {size / 2**20:,.1f} MiB{until}"
