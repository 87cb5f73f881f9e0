"""Files on local disks and object stores, with the few operations that the sink's guarantees rest on.

Local paths go straight to the operating system (a Beam file handle costs ten times the read of an article); anything
with a scheme (`s3://`, `gs://`) goes to objects.py. What a store refuses is a StorageError, on a disk an OSError.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from apache_beam.io.filesystem import FileSystem

from pipeline import objects
from pipeline.objects import SIGNS, TEMPORARY, Found, StorageError

__all__ = [
    "SIGNS", "TEMPORARY", "Found", "StorageError", "absolute", "connect", "delete", "exists", "folders", "is_local",
    "join", "listing", "match", "open_to_read", "read", "rename", "starting", "status", "write",
]  # fmt: skip


def connect(flags: list[str], *paths: str) -> None:
    """Hands Beam's flags (`--s3_...`) to the stores of `paths` and asks whether they answer; before all else here.

    OptionError or StorageError where one can't be used. Local paths need it not, and cost nothing.
    """
    remote = [path for path in paths if not is_local(path)]
    if remote:
        objects.connect(flags, remote)


def is_local(path: str) -> bool:
    """True for paths of the operating system."""
    return "://" not in path


def absolute(path: str) -> str:
    """The path as processes find it that were started elsewhere; `..` stays, for it may stand behind a link."""
    return os.path.join(os.getcwd(), path) if is_local(path) else path  # noqa: PTH109, PTH118


def join(folder: str, *names: str) -> str:
    """A path below `folder`."""
    return "/".join((folder.rstrip("/") if folder != "/" else "", *names))


def open_to_read(path: str) -> IO[bytes]:
    """The file's bytes as they lie there, not decompressed."""
    if is_local(path):
        return cast(IO[bytes], open(path, "rb", buffering=0))  # noqa: PTH123 (the caller closes it)
    return objects.store_of(path).open(path)


def read(path: str) -> bytes | None:
    """The whole file, None where there is none."""
    try:
        with open_to_read(path) as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def exists(path: str) -> bool:
    """True where there is such a file (a local folder too); StorageError where the store can't tell."""
    if is_local(path):
        return Path(path).exists()
    return status(path) is not None


def status(path: str) -> Found | None:
    """The file's size and time, None where there is no such file."""
    if not is_local(path):
        return objects.store_of(path).status(path)
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Found(path, found.st_size, found.st_mtime_ns // 1000)


def write(path: str, data: bytes) -> None:
    """Writes a file as a whole or not at all; locally under a temporary name in the same folder, synced, renamed."""
    if not is_local(path):
        objects.store_of(path).write(path, data)
        return
    folder, _, name = path.rpartition("/")
    temporary = join(folder or ".", f"{TEMPORARY}{name}.{uuid.uuid4().hex}")
    Path(folder or ".").mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as local:  # noqa: PTH123
            local.write(data)
            local.flush()
            os.fsync(local.fileno())
        rename(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def rename(source: str, target: str) -> None:
    """Renames a file over whatever bears the new name, at once; a local disk has the change on return.

    An object is copied, which makes it bear the new name at once, then removed under the old one.
    """
    if not is_local(target):
        objects.store_of(target).rename(source, target)
        return
    Path(source).replace(target)
    folder = os.open(os.path.dirname(target) or ".", os.O_RDONLY)  # noqa: PTH120
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def delete(paths: list[str]) -> None:
    """Removes files; one that is gone already is fine."""
    remote: dict[str, list[str]] = {}
    for path in paths:
        if is_local(path):
            Path(path).unlink(missing_ok=True)
        else:
            remote.setdefault(path.partition("://")[0], []).append(path)
    for same in remote.values():
        objects.store_of(same[0]).delete(same)


def listing(folder: str) -> list[str]:
    """All files directly in a folder, hidden ones too, sorted; none where there is no such folder."""
    if is_local(folder):
        path = Path(folder)
        names = sorted(entry.name for entry in path.iterdir() if entry.is_file()) if path.is_dir() else []
        return [join(folder, name) for name in names]
    prefix = join(folder, "")
    paths = (found.path for found in starting(prefix))
    # Some tools keep a folder as an empty object whose name ends in a slash.
    return sorted(path for path in paths if path != prefix and "/" not in path[len(prefix) :])


def folders(folder: str) -> list[str]:
    """All folders directly in a folder, sorted; none where there is no such folder."""
    if is_local(folder):
        path = Path(folder)
        names = {entry.name for entry in path.iterdir() if entry.is_dir()} if path.is_dir() else set()
    else:
        prefix = join(folder, "")
        below = (found.path[len(prefix) :].partition("/") for found in starting(prefix))
        names = {name for name, slash, _ in below if slash}
    return [join(folder, name) for name in sorted(names)]


def starting(prefix: str) -> Iterator[Found]:
    """The objects of a store whose path begins so, in no particular order."""
    return objects.store_of(prefix).starting(prefix)


def match(pattern: str) -> Iterator[Found]:
    """The objects of a store that a pattern names, in no particular order: `**` runs across folders, `*` does not."""
    matches = re.compile(FileSystem.translate_pattern(pattern)).match
    return (found for found in starting(SIGNS.split(pattern, maxsplit=1)[0]) if matches(found.path))
