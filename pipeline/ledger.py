"""The chain of runs: which earlier partitions a run goes on from, and reading their ledgers.

In: the manifests of the output folder. Out: the newest partition before the run's `as_of` (its parent), the ledger
files of the chain that leads there back to `--remember`, and their rows. A chain that can't be continued exactly is an
OptionError before anything is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import fastavro
from apache_beam.pvalue import TaggedOutput

from pipeline import manifest, storage
from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile
from pipeline.options import Config, time_of
from transforms.article import RawItem
from transforms.ledger import ARTICLE, HELD, HeldItem, LedgerRow, decode, split
from transforms.stories.desk import fingerprint

ARTICLES = "articles"
DESKS = "desks"


class LedgerFile(NamedTuple):
    """A ledger file of an earlier run."""

    path: str
    as_of: int
    """Of that run, microseconds UTC."""
    delta: bool
    """What the run changed; else the snapshot that it left."""


class Chain(NamedTuple):
    """What a run goes on from."""

    parent: dict[str, str] | None
    """`partition` and `sha256` of the parent's manifest; None for a first run."""
    files: list[LedgerFile]
    held: list[InputFile]
    """Files of items that the parent held back until their embargo ends."""
    read: dict[str, Any]
    """What the parent's manifest says of its input: there a topic's position stands."""
    notes: list[str]
    """What a person should know about the chain."""


NO_CHAIN = Chain(None, [], [], {}, [])


class Snapshot(NamedTuple):
    """The desks as a run left them."""

    files: list[LedgerFile]
    sha256: str
    """Of the run's manifest."""
    desk: str
    """The fingerprint of the run's desks."""


def snapshot(output: str, partition: str, needed_by: str) -> Snapshot:
    """What the run of a partition left for the one of `needed_by`; RunError where its manifest is missing or damaged.

    It is all that keying new articles takes: what older ledgers of a chain know is of articles that have a story.
    """
    data, made = _manifest(output, partition, needed_by)
    files = [file for file in _files(output, made, partition) if not file.delta]
    return Snapshot(files, hashlib.sha256(data).hexdigest(), str(made.get("desk")))


def find(config: Config) -> Chain:
    """The chain that the run goes on from: from the newest partition before its `as_of` back to `--remember`.

    Raises OptionError where the chain was made with other models than this version has, RunError where a manifest in
    it is missing or damaged.
    """
    before = [partition for partition in manifest.partitions(config.output) if time_of(partition) < config.as_of]
    if not before:
        return NO_CHAIN
    data, made = _manifest(config.output, before[-1])
    held = _held(config.output, made, before[-1])
    if config.ledger == "none":
        items = sum(file["rows"] for file in made["data_sets"]["ledger"]["files"] if _is_held(file["name"]))
        note = f"{before[-1]} holds {items} embargoed items back, and --ledger=none leaves them there"
        return NO_CHAIN._replace(notes=[note] if held else [])
    if made.get("desk") != fingerprint():
        raise OptionError(
            f"{before[-1]} was keyed with other tables or another model than this version of storywire has, so stories "
            f"can't go on from it exactly; use storywire {made.get('storywire')}, or write --ledger=none to begin anew"
        )
    parent = {"partition": before[-1], "sha256": hashlib.sha256(data).hexdigest()}
    read = dict(made["input"])
    files = [file for file in _files(config.output, made, before[-1]) if not file.delta]
    notes = []
    partition = before[-1]
    since = config.as_of - config.remember
    while time_of(partition) >= since:
        files += [file for file in _files(config.output, made, partition) if file.delta]
        wanted = made["parent"]
        if wanted is None or time_of(wanted["partition"]) < since:
            break
        data, made = _manifest(config.output, wanted["partition"], needed_by=partition)
        if hashlib.sha256(data).hexdigest() != wanted["sha256"]:
            notes.append(f"{partition} was built on an earlier {wanted['partition']} than stands now; run it again")
        partition = wanted["partition"]
    return Chain(parent, files, held, read, notes)


def stale_after(config: Config, made: bytes) -> list[str]:
    """The later partitions that don't go on from what stands now, in order; `made` is the run's own manifest.

    A partition goes on from the newest before it, as that stands, unless it was told to begin anew.
    """
    stale: list[str] = []
    before, digest = config.partition(), hashlib.sha256(made).hexdigest()
    for partition in manifest.partitions(config.output):
        if time_of(partition) <= config.as_of:
            continue
        data, found = _manifest(config.output, partition)
        anew = found["options"]["ledger"] == "none"
        if not anew and (before in stale or found["parent"] != {"partition": before, "sha256": digest}):
            stale.append(partition)
        before, digest = partition, hashlib.sha256(data).hexdigest()
    return stale


class ReadLedger(beam.PTransform[Any, Any]):
    """The chain's ledger files -> `articles` (by item_id) and `desks` (by language)."""

    def __init__(self, files: list[LedgerFile]) -> None:
        super().__init__()
        self._files = files

    def expand(self, begin: Any) -> Any:
        """PBegin -> PCollections `articles` (item_id, LedgerRow) and `desks` (desk, LedgerRow)."""
        by_key = tuple[str, LedgerRow]
        step = beam.ParDo(_Read()).with_output_types(by_key, articles=by_key)
        return (
            begin
            | "LedgerFiles" >> beam.Create(self._files)
            | "SpreadLedger" >> beam.Reshuffle()
            | "ReadLedger" >> step.with_outputs(ARTICLES, main=DESKS)
        )


class _Read(beam.DoFn):
    def process(self, file: LedgerFile) -> Iterator[Any]:
        for row in read_rows(file):
            yield TaggedOutput(ARTICLES, (row.key, row)) if row.kind == ARTICLE else (row.desk, row)


def read_rows(file: LedgerFile) -> Iterator[LedgerRow]:
    """The rows of a ledger file; RunError where it can't be read."""
    try:
        with storage.open_to_read(file.path) as opened:
            blocks = fastavro.block_reader(opened)
            schema = json.loads(blocks.metadata["avro.schema"])
            for block in blocks:
                yield from split(block.bytes_.getvalue(), file.as_of, schema)
    except Exception as error:
        # Each filesystem has errors of its own, and fastavro those of what it meets.
        raise RunError(
            f"{file.path}: the ledger of an earlier run can't be read ({error}); run that partition again"
        ) from error


def _manifest(output: str, partition: str, needed_by: str = "") -> tuple[bytes, dict[str, Any]]:
    path = storage.join(output, "manifests", f"{partition}.json")
    data = storage.read(path)
    if data is None:
        raise RunError(
            f"{path} is missing, but {needed_by or 'this run'} goes on from it; run that partition again, "
            f"or write --ledger=none to begin anew"
        )
    return data, manifest.decode(data, path)


def _files(output: str, made: dict[str, Any], partition: str) -> list[LedgerFile]:
    names = [file["name"] for file in made["data_sets"]["ledger"]["files"]]
    as_of = time_of(partition)
    return [
        LedgerFile(storage.join(output, name), as_of, name.rpartition("/")[2].startswith("delta-"))
        for name in names
        if not _is_held(name)
    ]


def _held(output: str, made: dict[str, Any], partition: str) -> list[InputFile]:
    return [
        InputFile(
            os.fsencode(storage.join(output, file["name"])), file["name"], file["bytes"], time_of(partition), held=True
        )
        for file in made["data_sets"]["ledger"]["files"]
        if _is_held(file["name"])
    ]


def _is_held(name: str) -> bool:
    return name.rpartition("/")[2].startswith(f"{HELD}-")


def read_held(file: InputFile) -> Iterator[RawItem]:
    """The items that a run held back; RunError where the file can't be read."""
    for row in read_rows(LedgerFile(file.name(), file.modified, False)):
        found = decode(row)
        if not isinstance(found, HeldItem):
            raise RunError(f"{file.name()}: an entry of kind {row.kind!r} among held items; run that partition again")
        yield RawItem.entry(found.uri, found.payload, found.arrived, found.position, found.envelope)
