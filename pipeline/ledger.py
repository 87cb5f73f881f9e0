"""The chain of runs: which earlier partitions a run goes on from, and where what they left is found.

In: the manifests of the output folder. Out: the newest partition before the run's `as_of` (its parent), the ledger
files of the chain that leads there back to `--remember`. A chain that can't be continued exactly is an OptionError
before anything is read.

A manifest names where each desk's newest files stand, so no more of the chain is read for them. What is known of
articles is in files named delta, one or several a run. So that a chain of many small runs stays quick to look through,
every tenth run writes what the ten before it have left into files named merged, every hundredth the hundred before, and
so on: from such a run one goes back over all of those at once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline import manifest, storage
from pipeline.earlier import NOTHING, Earlier, LedgerFile, read_rows
from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile
from pipeline.options import Config, time_of
from transforms.article import RawItem
from transforms.ledger import CHANGED, HELD, MERGED, SNAPSHOT, HeldItem, LedgerRow, decode, stamped
from transforms.stories.desk import fingerprint

# So many runs, and so many times as many, are merged.
MERGED_RUNS = 10
# One worker merges them, in memory, in some seconds: larger files are few enough as they are.
_MERGED_ROWS = 200_000


class Chain(NamedTuple):
    """What a run goes on from."""

    parent: dict[str, str] | None
    """`partition` and `sha256` of the parent's manifest; None for a first run."""
    runs: int
    """How many runs the chain has."""
    earlier: Earlier
    whole: tuple[str, ...]
    """Desks whose files would be older than is remembered before long: they are to leave a snapshot anew."""
    merged: tuple[LedgerFile, ...]
    """The files that this run is to merge."""
    merged_from: str
    """The first partition that has one of them."""
    held: list[InputFile]
    """Files of items that the parent held back until their embargo ends."""
    read: dict[str, Any]
    """What the parent's manifest says of its input: there a topic's position stands."""
    notes: list[str]
    """What a person should know about the chain."""

    def handed_on(self, partition: str, written: Mapping[str, list[str]]) -> dict[str, Any]:
        """What the manifest of a run says of its chain, for the next one; `written` are the files of each desk that
        the run has written, relative to the output folder."""
        desks = dict(self.earlier.desks)
        for language, names in written.items():
            is_whole = all(manifest.kind_of(name) == SNAPSHOT for name in names)
            desks[language] = {"since": partition if is_whole else desks[language]["since"], "files": sorted(names)}
        return {"runs": self.runs, "merged_from": self.merged_from or None, "desks": desks}


NO_CHAIN = Chain(None, 0, NOTHING, (), (), "", [], {}, [])


class Snapshot(NamedTuple):
    """The desks as a run left them."""

    earlier: Earlier
    sha256: str
    """Of the run's manifest."""
    desk: str
    """The fingerprint of the run's desks."""


def snapshot(output: str, partition: str, needed_by: str) -> Snapshot:
    """What the run of a partition left for the one of `needed_by`; RunError where its manifest is missing or damaged.

    It is all that keying new articles takes: what older ledgers of a chain know is of articles that have a story.
    """
    data, made = _manifest(output, partition, needed_by)
    desks = Earlier(output, 0, (), made["chain"]["desks"])
    return Snapshot(desks, hashlib.sha256(data).hexdigest(), str(made.get("desk")))


def find(config: Config) -> Chain:
    """The chain that the run goes on from: from the newest partition before its `as_of` back to `--remember`.

    Raises OptionError where the chain was made with other models than this version has, RunError where a manifest in
    it is missing or damaged.
    """
    before = [partition for partition in manifest.partitions(config.output) if time_of(partition) < config.as_of]
    if not before:
        return NO_CHAIN
    newest = before[-1]
    data, made = _manifest(config.output, newest)
    held = _held(config.output, made, newest)
    if config.ledger == "none":
        items = sum(file["rows"] for file in made["data_sets"]["ledger"]["files"] if _is_held(file["name"]))
        note = f"{newest} holds {items} embargoed items back, and --ledger=none leaves them there"
        return NO_CHAIN._replace(notes=[note] if held else [])
    if (made["format_version"], made.get("desk")) != (manifest.FORMAT_VERSION, fingerprint()):
        raise OptionError(
            f"{newest} was keyed with other tables or another model than this version of storywire has, so stories "
            f"can't go on from it exactly; use storywire {made.get('storywire')}, or write --ledger=none to begin anew"
        )
    since = config.as_of - config.remember
    runs = made["chain"]["runs"] + 1
    walk = _Walk(config.output, since)
    walk.back_from(newest, data, made)
    merged, merged_from = walk.to_merge(runs)
    # Old partitions may be cleared away: no desk's files are left to come near to that.
    desks = made["chain"]["desks"]
    whole = [language for language, left in desks.items() if time_of(left["since"]) < since + config.remember // 2]
    return Chain(
        parent={"partition": newest, "sha256": hashlib.sha256(data).hexdigest()},
        runs=runs,
        earlier=Earlier(config.output, since, tuple(walk.files), desks),
        whole=tuple(sorted(whole)),
        merged=tuple(merged),
        merged_from=merged_from,
        held=held,
        read=dict(made["input"]),
        notes=walk.notes,
    )


class _Walk:
    """The way back along a chain, and the files on it that say what its runs changed, the newest first."""

    def __init__(self, output: str, since: int) -> None:
        self._output = output
        self._since = since
        self._rows: list[int] = []
        """Of each of `files`."""
        self._reached: dict[int, tuple[str, int]] = {}
        """How many runs the chain had before a partition -> the partition, how many files there are from it on."""
        self.files: list[LedgerFile] = []
        self.notes: list[str] = []

    def back_from(self, partition: str, data: bytes, made: dict[str, Any]) -> None:
        """Goes back from a partition, whose manifest that is, as far as is remembered."""
        is_merged = False
        while time_of(partition) >= self._since:
            if not is_merged:
                self._take(partition, made, CHANGED)
            self._reached[made["chain"]["runs"]] = partition, len(self.files)
            merged_from, parent = made["chain"]["merged_from"], made["parent"]
            is_merged = merged_from is not None
            if is_merged:
                self._take(partition, made, MERGED)
            before = merged_from or (parent and parent["partition"])
            if before is None or time_of(before) < self._since:
                return
            data, made = _manifest(self._output, before, needed_by=partition)
            if not is_merged and hashlib.sha256(data).hexdigest() != parent["sha256"]:
                self.notes.append(f"{partition} was built on an earlier {before} than stands now; run it again")
            partition = before

    def to_merge(self, runs: int) -> tuple[list[LedgerFile], str]:
        """The files that a run with so many before it is to merge, and the first partition that they are of."""
        span = MERGED_RUNS
        while runs % (span * MERGED_RUNS) == 0:
            span *= MERGED_RUNS
        while span >= MERGED_RUNS and runs % MERGED_RUNS == 0:
            partition, files = self._reached.get(runs - span, ("", 0))
            if files > 1 and sum(self._rows[:files]) <= _MERGED_ROWS:
                return self.files[:files], partition
            span //= MERGED_RUNS
        return [], ""

    def _take(self, partition: str, made: dict[str, Any], kind: str) -> None:
        for file in made["data_sets"]["ledger"]["files"]:
            if manifest.kind_of(file["name"]) == kind:
                self.files.append(LedgerFile(storage.join(self._output, file["name"]), time_of(partition)))
                self._rows.append(file["rows"])


def merge(files: Iterable[LedgerFile], since: int) -> list[LedgerRow]:
    """The rows of some files, of each article and story the newest, none of what was before `since`; sorted."""
    newest: dict[tuple[str, str], LedgerRow] = {}
    for file in files:
        for row in read_rows(file):
            known = newest.get((row.kind, row.key))
            if row.as_of >= since and (known is None or row.as_of > known.as_of):
                newest[row.kind, row.key] = row
    return [stamped(newest[key]) for key in sorted(newest)]


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


def _manifest(output: str, partition: str, needed_by: str = "") -> tuple[bytes, dict[str, Any]]:
    path = storage.join(output, "manifests", f"{partition}.json")
    data = storage.read(path)
    if data is None:
        raise RunError(
            f"{path} is missing, but {needed_by or 'this run'} goes on from it; run that partition again, "
            f"or write --ledger=none to begin anew"
        )
    return data, manifest.decode(data, path)


def _held(output: str, made: dict[str, Any], partition: str) -> list[InputFile]:
    return [
        InputFile(
            os.fsencode(storage.join(output, file["name"])), file["name"], file["bytes"], time_of(partition), held=True
        )
        for file in made["data_sets"]["ledger"]["files"]
        if _is_held(file["name"])
    ]


def _is_held(name: str) -> bool:
    return manifest.kind_of(name) == HELD


def read_held(file: InputFile) -> Iterator[RawItem]:
    """The items that a run held back; RunError where the file can't be read."""
    for row in read_rows(LedgerFile(file.name(), file.modified)):
        found = decode(row)
        if not isinstance(found, HeldItem):
            raise RunError(f"{file.name()}: an entry of kind {row.kind!r} among held items; run that partition again")
        yield RawItem.entry(found.uri, found.payload, found.arrived, found.position, found.envelope)
