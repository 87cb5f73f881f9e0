"""What the loads share: which partitions to load and which to remove, and the columns of the data sets.

In: the output folder of `storywire run`, and what a warehouse has loaded so far. Out: a plan. A load reads only files
that a manifest names, and each file only after its hash was compared. Needs nothing but Python; the schemas are read
from the project's own folder, so copy that too, or set SCHEMAS.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
# The ledger is for the next run alone. The version is the schema's major one: another is another table.
DATA_SETS = {"articles": "articles.v1", "stories": "stories.v1", "rejects": "rejects.v1"}
# What a state row says anew about a version that an earlier partition holds.
DECIDED = ("version", "is_latest", "story_id", "pub_status", "language")

_NAME = re.compile(r"as_of=(\d{8}T\d{6})Z")
# Engines take these in a path for patterns, so a file would not be the one that the manifest names.
_PATTERN_SIGNS = re.compile(r"[*?\[\]{}'\\\n]")


class LoadError(Exception):
    """A load that can't go on; the message says what to do."""


class Column(NamedTuple):
    """A column of a data set."""

    name: str
    type: str
    """string, long, double, boolean, timestamp (microseconds UTC), strings (a list) or records (a list of records)."""
    nullable: bool
    fields: tuple[Column, ...] = ()
    """Of records: their fields."""


class Partition(NamedTuple):
    """A partition that is to be loaded."""

    name: str
    """as_of=20260313T000000Z: what the folders and the manifest are called."""
    as_of: datetime
    sha256: str
    """Of the manifest; it changes when the partition is run again to another result."""
    files: dict[str, list[str]]
    """Paths by data set, empty where it has no rows."""
    rows: dict[str, int]
    """What the manifest counts, by data set."""


class Plan(NamedTuple):
    """What makes a warehouse equal to the output folder."""

    gone: list[str]
    """Names of partitions that were loaded and have no manifest any more."""
    new: list[Partition]
    """New partitions and those that were run again, in order of as_of."""

    def told(self) -> list[str]:
        """The plan in words, a line for each partition."""
        return [f"removed {name}" for name in self.gone] + [
            f"loaded {each.name}: " + ", ".join(f"{each.rows[name]} {name}" for name in DATA_SETS) for each in self.new
        ]


def plan(output: str, loaded: Mapping[str, str]) -> Plan:
    """Compares the manifests of `output` with `loaded`, {partition's name: its manifest's sha256}.

    Raises LoadError where a manifest is damaged or of another version, or a file is not the one that it names.
    """
    root = Path(output).resolve()
    if _PATTERN_SIGNS.search(str(root)):
        raise LoadError(f"{root}: engines take some of its characters for a pattern; load from a folder without them")
    if not (root / "manifests").is_dir():
        raise LoadError(f"{root} has no folder manifests; name the --output folder of a run")
    paths = [path for path in (root / "manifests").glob("as_of=*.json") if _NAME.fullmatch(path.stem)]
    standing = {path.stem: path.read_bytes() for path in paths}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in standing.items()}
    new = [_partition(root, name, data) for name, data in standing.items() if loaded.get(name) != hashes[name]]
    return Plan(sorted(loaded.keys() - standing.keys()), sorted(new, key=lambda each: each.as_of))


def as_of(name: str) -> datetime:
    """The time in a partition's name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise LoadError(f"{name} is no name of a partition such as as_of=20260313T000000Z")
    return datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def columns(data_set: str) -> list[Column]:
    """The columns of a data set, in the schema's order."""
    schema = json.loads((SCHEMAS / f"{DATA_SETS[data_set]}.avsc").read_text(encoding="utf-8"))
    return [_column(field["name"], field["type"]) for field in schema["fields"]]


def check_rows(partition: Partition, data_set: str, rows: int) -> None:
    """LoadError where an engine has read another number of rows than the manifest counts."""
    if rows != partition.rows[data_set]:
        raise LoadError(
            f"{partition.name}: {rows} rows of {data_set} were read, the manifest counts {partition.rows[data_set]}; "
            f"nothing of it was loaded"
        )


def _partition(root: Path, name: str, data: bytes) -> Partition:
    try:
        sets = {each: json.loads(data)["data_sets"][each] for each in DATA_SETS}
        versions = {each: entry["schema"] for each, entry in sets.items()}
        files = {each: [_checked(root, file) for file in entry["files"]] for each, entry in sets.items()}
        rows = {each: entry["rows"] for each, entry in sets.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise LoadError(f"manifests/{name}.json is damaged ({error!r}); run that partition again") from error
    if versions != DATA_SETS:
        raise LoadError(f"{name} has {versions}, this load knows {DATA_SETS}; take that of the version that wrote it")
    return Partition(name, as_of(name), hashlib.sha256(data).hexdigest(), files, rows)


def _checked(root: Path, file: Mapping[str, str]) -> str:
    path = root / file["name"]
    try:
        with path.open("rb") as opened:
            same = hashlib.file_digest(opened, "sha256").hexdigest() == file["sha256"]
    except FileNotFoundError as error:
        # A run that replaces a partition removes the files of the former one after it has committed.
        raise LoadError(f"{path} is missing; if a run is at work load again, else run that partition again") from error
    if not same:
        raise LoadError(f"{path} is not the file that its manifest names (sha256 differs); run that partition again")
    return str(path)


def _column(name: str, avro: object) -> Column:
    nullable = isinstance(avro, list)
    kind = avro[1] if isinstance(avro, list) else avro
    if isinstance(kind, str):
        return Column(name, kind, nullable)
    if not isinstance(kind, dict):
        raise LoadError(f"{name}: this load does not know the type {avro}")
    if kind.get("logicalType") == "timestamp-micros":
        return Column(name, "timestamp", nullable)
    items = kind["items"]
    if items == "string":
        return Column(name, "strings", nullable)
    return Column(name, "records", nullable, tuple(_column(field["name"], field["type"]) for field in items["fields"]))
