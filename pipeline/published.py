"""What runs have published: the rows of the files that manifests name, over all partitions, as dicts.

In: an output folder. Out: rows of a data set, partition by partition in order of time, one after the other and with no
more of their fields than asked for, so that bodies need not be decoded; and which stories were merged into which. It is
what the commands stand on that answer questions about results; a file that no manifest names does not exist for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import fastavro

from pipeline import manifest, storage
from pipeline.errors import OptionError, RunError
from schemas import DATA_SETS, Schema, data_set

Row = dict[str, Any]

# What is kept of a manifest beside its files; all that was read would be too much for thousands of partitions.
_OF_THE_RUN = ("storywire", "desk", "parent")


class Published:
    """What the manifests of an output folder named when this was made: a run that commits meanwhile is not seen."""

    def __init__(self, output: str) -> None:
        """OptionError where the folder has no manifests, RunError where one can't be read."""
        self.output = output
        self._files: dict[str, Mapping[str, Any]] = {}
        self._runs: dict[str, Mapping[str, Any]] = {}
        try:
            for partition in manifest.partitions(output):
                path = storage.join(output, "manifests", f"{partition}.json")
                made = manifest.load(path)
                if made is not None:
                    self._files[partition] = self._named(made, path)
                    self._runs[partition] = {name: made.get(name) for name in _OF_THE_RUN}
        except storage.StorageError:
            raise
        except OSError as error:
            raise RunError(f"the manifests of {output} can't be read ({error})") from error
        if not self._files:
            raise OptionError(f"{output} has no manifests; name the --output folder of a run")

    def partitions(self) -> list[str]:
        """Names of the partitions, in order of time."""
        return list(self._files)

    def run(self, partition: str) -> Mapping[str, Any]:
        """What a partition's manifest says of the run that made it: `storywire`, `desk`, `parent`."""
        return self._runs[partition]

    def rows(self, name: str, fields: Sequence[str], only: str = "") -> Iterator[tuple[str, Row]]:
        """(partition, row) of the data set `name`, each row with `fields` alone; times are datetimes in UTC.

        `only` names a partition whose rows are wanted alone. A partition's rows come in the order of its files. A field
        that an older file lacks is None. Raises RunError where a file is not the one that its manifest names: after its
        rows, where nothing but its hash tells that.
        """
        wanted = data_set(name).part(list(fields))
        for partition, files in self._files.items():
            if only not in ("", partition):
                continue
            for file in files[name]:
                for row in self._rows(file, wanted):
                    yield partition, row

    def merged(self) -> dict[str, str]:
        """Story -> the story that it is part of by now, for all that were merged into others.

        A story's newest row counts, and merges of what was merged are followed to the end. RunError where they go round
        in a ring.
        """
        into: dict[str, str] = {}
        for _, row in self.rows("stories", ("story_id", "merged_into")):
            if row["merged_into"] is None:
                into.pop(row["story_id"], None)
            else:
                into[row["story_id"]] = row["merged_into"]
        ends: dict[str, str] = {}
        for story in into:
            way: dict[str, None] = {}
            while story in into and story not in ends:
                if story in way:
                    raise RunError(
                        f"{self.output}: story {story} was merged into itself, by way of {len(way)} stories; run its "
                        f"partitions again"
                    )
                way[story] = None
                story = into[story]
            ends |= dict.fromkeys(way, ends.get(story, story))
        return ends

    def _named(self, made: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The files of each data set that a manifest names."""
        try:
            if made["format_version"] != manifest.FORMAT_VERSION:
                raise RunError(
                    f"{path} has the format {made['format_version']}, this version of storywire knows "
                    f"{manifest.FORMAT_VERSION}; take the version that wrote it, {made['storywire']}"
                )
            files = {}
            for name, version in DATA_SETS.items():
                entry = made["data_sets"][name]
                if entry["schema"] != version:
                    raise RunError(
                        f"{path} names {entry['schema']}, this version of storywire knows {version}; take the version "
                        f"that wrote it, {made['storywire']}"
                    )
                files[name] = [{"name": file["name"], "sha256": file["sha256"]} for file in entry["files"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{path} is not a manifest that a run writes; {self._advice()}") from error
        return files

    def _rows(self, file: Mapping[str, str], wanted: Schema) -> Iterator[Row]:
        path = storage.join(self.output, file["name"])
        try:
            with storage.open_to_read(path) as opened:
                hashed = _Hashed(opened)
                yield from fastavro.reader(hashed, reader_schema=wanted)
                sha256 = hashed.hexdigest()
        except FileNotFoundError as error:
            raise RunError(f"{path} is missing; if a run is at work try again, else {self._advice()}") from error
        except RunError:
            raise
        except Exception as error:
            # fastavro has as many errors as a file can have faults.
            raise RunError(f"{path} can't be read ({type(error).__name__}: {error}); {self._advice()}") from error
        if sha256 != file["sha256"]:
            raise RunError(f"{path} is not the file that its manifest names (sha256 differs); {self._advice()}")

    def _advice(self) -> str:
        return f"`storywire check {self.output}` says what to run again"


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
