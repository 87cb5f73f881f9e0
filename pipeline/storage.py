"""Files on any filesystem that Beam knows, with the few operations that the sink's guarantees rest on.

Local paths go straight to the operating system (a Beam file handle costs ten times the read of an article); anything
with a scheme (`s3://`, `gs://`) goes through Beam's FileSystems.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


class Found(NamedTuple):
    """A file that a listing found."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Microseconds UTC; 0 where the filesystem does not say."""


def is_local(path: str) -> bool:
    """True for paths of the operating system."""
    return "://" not in path


def join(folder: str, *names: str) -> str:
    """A path below `folder`."""
    return "/".join((folder.rstrip("/") if folder != "/" else "", *names))


def open_to_read(path: str) -> IO[bytes]:
    """The file's bytes as they lie there, not decompressed."""
    if is_local(path):
        return cast(IO[bytes], open(path, "rb", buffering=0))  # noqa: PTH123 (the caller closes it)
    return cast(IO[bytes], FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def read(path: str) -> bytes | None:
    """The whole file, None where there is none."""
    if not exists(path):
        return None
    with open_to_read(path) as file:
        return file.read()


def exists(path: str) -> bool:
    """True where there is such a file or folder."""
    if is_local(path):
        return Path(path).exists()
    return bool(FileSystems.exists(path))


def write(path: str, data: bytes) -> None:
    """Writes a file as a whole or not at all: under a temporary name in the same folder, synced, renamed."""
    folder, _, name = path.rpartition("/")
    temporary = join(folder or ".", f"{TEMPORARY}{name}.{uuid.uuid4().hex}")
    if not is_local(path):
        with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as remote:
            remote.write(data)
        FileSystems.rename([temporary], [path])
        return
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
    """Renames a file over whatever bears the new name; on a local disk the change has reached it on return."""
    if not is_local(target):
        FileSystems.rename([source], [target])
        return
    Path(source).replace(target)
    folder = os.open(os.path.dirname(target) or ".", os.O_RDONLY)  # noqa: PTH120
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def delete(paths: list[str]) -> None:
    """Removes files; one that is gone already is fine."""
    remote = [path for path in paths if not is_local(path)]
    for path in paths:
        if is_local(path):
            Path(path).unlink(missing_ok=True)
    if remote:
        FileSystems.delete(remote)


def listing(folder: str) -> list[str]:
    """All files directly in a folder, hidden ones too, sorted; none where there is no such folder."""
    if is_local(folder):
        path = Path(folder)
        names = sorted(entry.name for entry in path.iterdir() if entry.is_file()) if path.is_dir() else []
        return [join(folder, name) for name in names]
    return sorted(found.path for found in match(join(folder, "*")))


def match(pattern: str) -> Iterator[Found]:
    """The files that a pattern names, in no particular order."""
    for result in FileSystems.match([pattern]):
        for metadata in result.metadata_list:
            seconds = metadata.last_updated_in_seconds
            yield Found(metadata.path, metadata.size_in_bytes, round((seconds or 0) * 1_000_000))


# Files whose name begins so are on their way; no reader takes them, and the next run removes them.
TEMPORARY = ".tmp-"
