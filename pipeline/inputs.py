"""Which files a run reads: what `--input` names, listed once before anything is read.

In: files, folders, patterns, on any filesystem that Beam knows. Out: the InputFiles of the run's interval, sorted. A
name that leads nowhere is an OptionError: a typing error must not replace a good partition by an empty one. Topics are
listed by kafka.py.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pipeline import storage
from pipeline.errors import OptionError, RunError
from pipeline.options import Config
from pipeline.storage import Found
from pipeline.topics import TopicRange, others
from schemas import DATA_SETS

_SIGNS = re.compile(r"[*?\[]")


class InputFile(NamedTuple):
    """A file of the run's interval, or the share of a large one that one worker takes."""

    path: bytes
    """As the filesystem has it: names need not be UTF-8."""
    uri: str
    """The path relative to the input's fixed part; what is no UTF-8 in it as `\\xNN`."""
    size: int
    """Bytes as they lie there."""
    modified: int
    """Microseconds UTC."""
    share: int = 0
    shares: int = 1
    held: bool = False
    """Items that an earlier run held back, in its ledger: no input of this one."""

    def name(self) -> str:
        """The path as the functions of the operating system take it."""
        return os.fsdecode(self.path)


Part = InputFile | TopicRange
"""What one worker reads at a time."""


def expand(config: Config) -> list[InputFile]:
    """The files that the inputs name, by uri, each once; OptionError where one names nothing.

    A file that two inputs name gets the longer of the two uris, whatever the order of the inputs.
    """
    files: dict[str, InputFile] = {}
    for pattern in others(config.inputs):
        found = _find(pattern)
        located = [(_normal(one.path), base, one) for base, one in found]
        kept = [entry for entry in located if not is_own(entry[0], config.output)]
        if found and not kept:
            raise OptionError(f"--input={pattern}: holds nothing but what runs wrote to --output={config.output}")
        for absolute, base, one in kept:
            uri = printable_uri(relative(one.path, base))
            made = InputFile(os.fsencode(storage.absolute(one.path)), uri, one.size, one.modified)
            known = files.get(absolute)
            if known is None or (-len(uri), uri) < (-len(known.uri), known.uri):
                files[absolute] = made
    return sorted(files.values(), key=lambda file: (file.uri, file.path))


def printable_uri(name: str) -> str:
    """A file's name as text that any file can hold: bytes that are no UTF-8 stand as `\\xNN`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_own(path: str, output: str) -> bool:
    """True for what runs wrote to the output folder, which may lie in the input."""
    return _normal(path).startswith(_own(output))


@cache
def _own(output: str) -> tuple[str, ...]:
    root = _normal(output).rstrip("/")
    return tuple(f"{root}/{name}/as_of=" for name in (*DATA_SETS, "manifests", "logs"))


def _normal(path: str) -> str:
    """A path by which the same file is told when it is named twice."""
    return os.path.abspath(path) if storage.is_local(path) else path  # noqa: PTH100 (Path.absolute keeps `..`)


def relative(path: str, base: str) -> str:
    """A path below the fixed part of an input."""
    return os.path.relpath(path, base or ".") if storage.is_local(path) else path[len(base) :].lstrip("/")


def _find(pattern: str) -> list[tuple[str, Found]]:
    """(fixed part, file) for each file that an input names."""
    if not pattern.strip():
        raise OptionError("--input is empty: name a file, a folder or a pattern")
    try:
        return list(_find_local(pattern) if storage.is_local(pattern) else _find_remote(pattern))
    except (OptionError, RunError):
        raise
    except Exception as error:
        # Each filesystem has errors of its own for what it can't list.
        raise OptionError(f"--input={pattern}: can't be listed: {error}") from error


def _find_local(pattern: str) -> Iterator[tuple[str, Found]]:
    path = Path(pattern)
    if path.is_dir():
        for one in _walk(pattern):
            yield pattern, one
    elif path.is_file():
        yield str(path.parent), _found(pattern)
    elif path.exists():
        raise OptionError(f"--input={pattern}: not a file or folder")
    elif _SIGNS.search(pattern):
        base = _fixed_part(pattern)
        matched = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if not matched:
            raise OptionError(f"--input={pattern}: matches no file{_nearest(base)}; a folder may be empty, name that")
        for name in matched:
            for one in _walk(name) if Path(name).is_dir() else _regular(name):
                yield base, one
    else:
        raise OptionError(f"--input={pattern}: there is no such file or folder{_nearest(pattern)}")


def _find_remote(pattern: str) -> Iterator[tuple[str, Found]]:
    folder = pattern.rstrip("/")
    found = [(folder, one) for one in _shown(storage.starting(f"{folder}/"), folder)]
    single = storage.status(pattern) if pattern == folder and pattern.count("/") > 2 else None
    # Some tools mark a folder by an empty object of its name.
    if single is not None and (single.size or not found):
        found.append((folder.rpartition("/")[0], single))
    if not found and storage.SIGNS.search(pattern):
        base = _fixed_part(pattern)
        matched = itertools.chain(storage.match(folder), storage.match(f"{folder}/**"))
        found = [(base, one) for one in _shown(matched, base, hidden="/." in pattern[len(base) :])]
    if not found:
        raise OptionError(f"--input={pattern}: matches no object; look at the names in the bucket")
    yield from found


def _shown(found: Iterable[Found], base: str, hidden: bool = False) -> Iterator[Found]:
    """Without the marks of empty folders, and as on a disk without names that begin with a dot."""
    for one in found:
        parts = one.path[len(base) :].split("/")
        if parts[-1] and (hidden or not any(part.startswith(".") for part in parts)):
            yield one


def _fixed_part(pattern: str) -> str:
    """The folder before the first sign of a pattern."""
    return _SIGNS.split(pattern, maxsplit=1)[0].rpartition("/")[0] or ("/" if pattern.startswith("/") else "")


def _nearest(path: str) -> str:
    """A hint at how far a path exists."""
    parent = Path(path)
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    return f" (it exists up to {parent})" if str(parent) not in (".", "/", path) else ""


def _walk(folder: str) -> Iterator[Found]:
    """The files below a folder, links followed once; names that begin with a dot are on their way or not meant."""
    seen: set[str] = set()

    def unreadable(error: OSError) -> None:
        raise OptionError(f"--input={folder}: {error.filename} can't be listed: {error.strerror}") from error

    for parent, folders, names in os.walk(folder, onerror=unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield from _regular(os.path.join(parent, name))  # noqa: PTH118 (Path drops a leading ./)


def _regular(name: str) -> Iterator[Found]:
    # Pipes, sockets and dangling links hold no articles, and a pipe would hold up the run.
    if Path(name).is_file():
        yield _found(name)


def _found(name: str) -> Found:
    status = Path(name).stat()
    return Found(name, status.st_size, status.st_mtime_ns // 1000)
