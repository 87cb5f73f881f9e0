"""The manifest: what a run read and wrote. It is the commit: a file that no manifest names does not exist for readers.

In: what the graph wrote and counted. Out: one JSON file a partition, byte-identical for equal articles, options and
version: no wall time, no host, no runner, no path of the machine.

The graph leaves a draft beside it. The process that started the run checks the draft, renames it to the manifest, which
makes all data sets of the partition visible at once, and only then removes files that no manifest names.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from pipeline import storage, topics
from pipeline.errors import RunError
from pipeline.inputs import InputFile, Part
from pipeline.options import Config, time_of
from pipeline.topics import TopicRange
from schemas import DATA_SETS, RowHash, data_set
from transforms.article import SKIP
from transforms.stories.desk import fingerprint

FORMAT_VERSION = 1


class WrittenFile(NamedTuple):
    """A data file that a shard wrote."""

    data_set: str
    name: str
    """File name in the partition's folder of the data set."""
    rows: int
    size: int
    """Bytes."""
    sha256: str
    rows_sha256: str
    """Hash of the multiset of rows (see schemas.RowHash): the same whatever the codec's build."""


def path_of(config: Config, partition: str = "") -> str:
    """Where the manifest of a partition stands, by default of the run's own."""
    return storage.join(config.output, "manifests", f"{partition or config.partition()}.json")


def partitions(output: str) -> list[str]:
    """The names of the partitions that have a manifest in an output folder, in order of time."""
    found = []
    for path in storage.listing(storage.join(output, "manifests")):
        name = path.rpartition("/")[2]
        if name.endswith(".json") and name.startswith("as_of="):
            with contextlib.suppress(ValueError):
                found.append((time_of(name.removesuffix(".json")), name.removesuffix(".json")))
    return [name for _, name in sorted(found)]


def draft_path(config: Config) -> str:
    """A place for this run's draft, which no other run has."""
    return storage.join(config.output, "manifests", f"{storage.TEMPORARY}{config.partition()}.{uuid.uuid4().hex}")


def folder(config: Config, name: str) -> str:
    """The partition's folder of the data set `name`."""
    return storage.join(config.output, name, config.partition())


def name_of(config: Config, file: WrittenFile) -> str:
    """The file's name relative to the output folder."""
    return f"{file.data_set}/{config.partition()}/{file.name}"


def kind_of(name: str) -> str:
    """What a data file holds, of its name relative to the output folder: `part`, or one of `transforms.ledger`."""
    return name.rpartition("/")[2].partition("-")[0]


def compose(
    config: Config,
    parts: Iterable[Part],
    parent: Mapping[str, str] | None,
    chain: Mapping[str, Any],
    written: Iterable[WrittenFile],
    counts: Iterable[Mapping[str, int]],
) -> dict[str, Any]:
    """The manifest of a run that went on from `parent`; `chain` is for the next one."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    sets: dict[str, dict[str, Any]] = {}
    for name in DATA_SETS:
        files = sorted(file for file in written if file.data_set == name)
        rows_hash = RowHash()
        for file in files:
            rows_hash.merge(file.rows_sha256)
        sets[name] = {
            "schema": data_set(name).version,
            "schema_sha256": data_set(name).fingerprint,
            "rows": sum(file.rows for file in files),
            "rows_sha256": rows_hash.hexdigest(),
            "files": [
                {
                    "name": name_of(config, file),
                    "rows": file.rows,
                    "bytes": file.size,
                    "sha256": file.sha256,
                    "rows_sha256": file.rows_sha256,
                }
                for file in files
            ],
        }
    read = {file.path: file for file in parts if isinstance(file, InputFile) and not file.held}.values()
    return {
        "format_version": FORMAT_VERSION,
        "storywire": version("storywire"),
        "desk": fingerprint(),
        "parent": dict(parent) if parent else None,
        "chain": dict(chain),
        "options": config.shaping(),
        "input": {
            "files": len(read),
            "bytes": sum(file.size for file in read),
            "uris": sorted(file.uri for file in read),
            # A follower tells a file by these; another's manifest says nothing that a copy of the input doesn't have.
            **({"read": _as_they_were(read)} if config.followed else {}),
            **topics.interval(part for part in parts if isinstance(part, TopicRange)),
        },
        "counts": {key: total[key] for key in sorted(total)},
        "data_sets": sets,
    }


def _as_they_were(files: Iterable[InputFile]) -> list[dict[str, Any]]:
    return [
        {"uri": file.uri, "bytes": file.size, "modified": file.modified}
        for file in sorted(files, key=lambda file: (file.uri, file.path))
    ]


def encode(manifest: Mapping[str, Any]) -> bytes:
    """The manifest's bytes: sorted keys, two spaces, UTF-8."""
    return (json.dumps(manifest, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def imbalance(manifest: Mapping[str, Any], parts: int) -> str:
    """What does not add up on the way from `parts` listed to rows written; empty where all does."""
    counts = manifest["counts"]
    if counts.get("read/parts", 0) != parts:
        return f"{parts} parts of the input were listed, but {counts.get('read/parts', 0)} read"
    if counts.get("read/items", 0) != counts.get("parse/items", 0):
        return f"{counts.get('read/items', 0)} items left the source, but {counts.get('parse/items', 0)} were parsed"
    items = counts.get("items", 0)
    articles, rejects = (manifest["data_sets"][name]["rows"] for name in ("articles", "rejects"))
    articles -= counts.get("state_rows", 0)
    redeliveries, held = (counts.get(name, 0) for name in ("redeliveries", "held"))
    if items == articles + redeliveries + rejects + held:
        return ""
    return (
        f"{items} items read, but {articles} articles + {redeliveries} redeliveries + {rejects} rejects + {held} held "
        f"written"
    )


def skips(manifest: Mapping[str, Any]) -> int:
    """How many of the rejects are whole items that hold no article."""
    return sum(number for name, number in manifest["counts"].items() if name.startswith(f"rejects/{SKIP}/"))


def load(path: str) -> dict[str, Any] | None:
    """The manifest (or draft) at `path`, None where there is none; RunError where it can't be read."""
    data = storage.read(path)
    return None if data is None else decode(data, path)


def decode(data: bytes, path: str) -> dict[str, Any]:
    """The manifest in the bytes of the file at `path`; RunError where it can't be read."""
    try:
        return dict(json.loads(data))
    except ValueError as error:
        # Taken for none, it would have the files that it names swept away.
        raise RunError(f"{path} is damaged ({error}); bring it back or remove it, then run again") from error


def named_files(manifest: Mapping[str, Any] | None) -> set[str]:
    """The files that a manifest names, relative to the output folder."""
    sets = manifest["data_sets"].values() if manifest else ()
    return {file["name"] for entry in sets for file in entry["files"]}


def orphans(config: Config, manifest: Mapping[str, Any] | None) -> list[str]:
    """Files of the partition, drafts too, that its manifest does not name."""
    named = named_files(manifest)
    strays = []
    for name in DATA_SETS:
        for path in storage.listing(folder(config, name)):
            if f"{name}/{config.partition()}/{path.rpartition('/')[2]}" not in named:
                strays.append(path)
    for path in storage.listing(storage.join(config.output, "manifests")):
        name = path.rpartition("/")[2]
        if name.startswith(storage.TEMPORARY) and f"{config.partition()}." in name:
            strays.append(path)
    return strays
