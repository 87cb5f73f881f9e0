"""Reads an output folder back and says whether it is what its manifests promise, and what to run again where not.

In: an output folder. Out: what is wrong, partition by partition: files that are missing or changed, rows that the
schema, the keys or the counts forbid, a chain that does not hold; and what is only lying about. Nothing is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import fastavro

from pipeline import manifest, storage
from pipeline.earlier import Earlier
from pipeline.errors import OptionError, RunError
from pipeline.options import DAY, time_of
from schemas import DATA_SETS, Gate, GateError, RowHash, fingerprint_of, parsed
from transforms.parse.times import iso
from transforms.rows import STATE_ROW, VERSION_ROW, day

# A damaged file can have as many faults as rows; the first few tell what is wrong.
_TOLD_A_FILE = 3

# The fields that no two rows of a partition share.
_KEYS = {
    "articles": ("article_id", "version_key"),
    "stories": ("story_id",),
    "rejects": (),
    "ledger": ("kind", "key", "day", "part", "run_as_of"),
}


class Finding(NamedTuple):
    """Something that is wrong with a partition."""

    partition: str
    message: str


class Report(NamedTuple):
    """What a check found."""

    partitions: int
    files: int
    rows: int
    findings: list[Finding]
    again: list[str]
    """The partitions to run again, in order: the ones with findings, and all that were built on those."""
    notes: list[str]
    """What lies about: harmless, since no manifest names it."""


class _Seen:
    """What one pass over the partitions, in order of time, keeps in mind."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.files = 0
        self.rows = 0
        self.named: set[str] = set()
        """Files that manifests name."""
        self.hashes: dict[str, str] = {}
        """Partition -> SHA-256 of its manifest."""
        self.ancestors: dict[str, list[str]] = {}
        """Partition -> the chain that it goes on from, nearest first, as far as it is there."""
        self.complete: set[str] = set()
        """The partitions whose chain is there back to a first run."""
        self.versions: dict[bytes, str] = {}
        """Article and version (hashed) -> the newest partition with the version's row."""
        self.stories: set[str] = set()


def check(output: str) -> Report:
    """Checks every partition of the output folder; OptionError where it has none."""
    partitions = manifest.partitions(output)
    if not partitions:
        raise OptionError(f"{output} has no manifests; name the --output folder of a run")
    seen = _Seen(output)
    findings = []
    for partition in partitions:
        findings += [Finding(partition, message) for message in _Partition(partition, seen).faults()]
    findings += [Finding(partitions[-1], message) for message in _desks(partitions[-1], seen)]
    broken = {finding.partition for finding in findings}
    again = [one for one in partitions if one in broken or broken.intersection(seen.ancestors.get(one, ()))]
    return Report(len(partitions), seen.files, seen.rows, findings, again, list(_lying_about(partitions, seen)))


def tell(output: str, report: Report) -> str:
    """The report in words, with the commands to run again as far as the logs know them."""
    lines = [f"{finding.partition}: {finding.message}" for finding in report.findings]
    lines += [f"note: {note}" for note in report.notes]
    checked = f"{report.partitions:,} partitions, {report.files:,} files, {report.rows:,} rows read"
    if not report.again:
        return "\n".join([*lines, f"{output} is whole: {checked}, all as their manifests say"])
    lines.append(f"{output} is not whole: {checked}, {len(report.findings):,} faults; run again, in this order:")
    lines += [f"  {_command(output, partition)}" for partition in report.again]
    return "\n".join(lines)


def _desks(newest: str, seen: _Seen) -> Iterator[str]:
    """What the run after the newest partition would miss of desks, whose last news may be long ago."""
    with contextlib.suppress(RunError, KeyError, TypeError, AttributeError):  # that was found with its partition
        made = manifest.load(storage.join(seen.output, "manifests", f"{newest}.json")) or {}
        earlier = Earlier(seen.output, 0, (), made["chain"]["desks"])
        for language in earlier.desks:
            for names in earlier.files_by_run(language):
                gone = [name for name in names if not storage.exists(storage.join(seen.output, name))]
                gone = [name for name in gone if name not in seen.named]
                if gone:
                    yield f"the desk of {language} goes on from {gone[0]}, which is gone with its manifest"
                    break


class _Partition:
    """One partition while it is checked. What its methods yield are faults, in words."""

    def __init__(self, name: str, seen: _Seen) -> None:
        self._name = name
        self._seen = seen
        self._kinds: Counter[str] = Counter()
        self._asked_stories: set[str] = set()

    def faults(self) -> Iterator[str]:
        """Everything that is wrong with the partition."""
        path = storage.join(self._seen.output, "manifests", f"{self._name}.json")
        data = storage.read(path) or b""
        self._seen.hashes[self._name] = hashlib.sha256(data).hexdigest()
        try:
            made = manifest.decode(data, path)
            known = manifest.FORMAT_VERSION
            if made["format_version"] != known:
                yield f"its manifest has the format {made['format_version']}, this version of storywire knows {known}"
                return
            self._seen.named |= manifest.named_files(made)
            yield from self._chain(made)
            for name in DATA_SETS:
                yield from self._data_set(name, made["data_sets"][name])
            yield from self._sums(made)
        except RunError as error:
            yield str(error)
        except (KeyError, TypeError, AttributeError) as error:
            yield f"its manifest is not one that a run writes ({type(error).__name__}: {error})"

    def _chain(self, made: Mapping[str, Any]) -> Iterator[str]:
        seen, parent = self._seen, made["parent"]
        self._remembers_from = time_of(self._name) - made["options"]["remember_days"] * DAY
        if parent is None:
            seen.ancestors[self._name] = []
            seen.complete.add(self._name)
            return
        base = parent["partition"]
        seen.ancestors[self._name] = [base, *seen.ancestors.get(base, ())]
        if base in seen.complete:
            seen.complete.add(self._name)
        if base not in seen.hashes:
            # Old partitions may be cleared away; a run that still needs one says so itself.
            if time_of(base) >= self._remembers_from and len(seen.hashes) > 1:
                yield f"it goes on from {base}, which has no manifest"
        elif seen.hashes[base] != parent["sha256"]:
            yield f"it was built on an earlier {base} than stands now"
        elif list(seen.hashes)[-2] != base:
            yield f"it was built before {list(seen.hashes)[-2]} was there"

    def _data_set(self, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
        keys: set[tuple[Any, ...]] = set()
        merged = RowHash()
        for file in entry["files"]:
            merged.merge(file["rows_sha256"])
            faults = list(self._file(name, file, entry["schema_sha256"], keys))
            yield from (f"{file['name']}: {fault}" for fault in faults[:_TOLD_A_FILE])
            if len(faults) > _TOLD_A_FILE:
                yield f"{file['name']}: and {len(faults) - _TOLD_A_FILE:,} more faults"
        rows = sum(file["rows"] for file in entry["files"])
        if (rows, merged.hexdigest()) != (entry["rows"], entry["rows_sha256"]):
            yield f"{name}: the manifest says {entry['rows']:,} rows, its files {rows:,}, or their hashes differ"

    def _file(
        self, name: str, file: Mapping[str, Any], schema_sha256: str, keys: set[tuple[Any, ...]]
    ) -> Iterator[str]:
        data = storage.read(storage.join(self._seen.output, file["name"]))
        if data is None:
            yield "the file is missing"
            return
        self._seen.files += 1
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            yield f"its bytes are not those that were written ({len(data):,} of {file['bytes']:,})"
            return
        rows_hash = RowHash()
        rows = 0
        try:
            reader = fastavro.block_reader(io.BytesIO(data))
            schema = json.loads(reader.metadata["avro.schema"])
            if fingerprint_of(schema) != schema_sha256:
                yield "its schema is not the one that the manifest names"
            plain = _without_logical_types(schema)
            gate = Gate(plain)
            for row, encoded in _rows(reader, parsed(plain)):
                rows += 1
                rows_hash.add(encoded)
                yield from self._row(name, row, gate, keys)
        except Exception as error:
            # fastavro has as many errors as a file can have faults.
            yield f"it can't be read as Avro ({type(error).__name__}: {error})"
            return
        self._seen.rows += rows
        if (rows, rows_hash.hexdigest()) != (file["rows"], file["rows_sha256"]):
            yield f"its {rows:,} rows are not the {file['rows']:,} that the manifest names"

    def _row(self, name: str, row: dict[str, Any], gate: Gate, keys: set[tuple[Any, ...]]) -> Iterator[str]:
        try:
            gate.check(row)
        except GateError as error:
            yield f"a row breaks its schema: {error}"
        if _KEYS[name]:
            key = tuple(row[field] for field in _KEYS[name])
            if key in keys:
                yield f"two rows have the key {' '.join(map(str, key))}"
            keys.add(key)
        if row.get("as_of_day", day(time_of(self._name))) != day(time_of(self._name)):
            yield f"a row says that it is of {row['as_of_day']}"
        if name == "articles":
            yield from self._article(row)
        elif name == "stories":
            self._seen.stories.add(row["story_id"])

    def _article(self, row: dict[str, Any]) -> Iterator[str]:
        seen = self._seen
        named = f"{row['article_id']} {row['version_key']}"
        key = hashlib.blake2b(named.encode(), digest_size=16).digest()
        before = seen.versions.get(key)
        self._kinds[row["row_kind"]] += 1
        if row["story_id"]:
            self._asked_stories.add(row["story_id"])
        elif row["pub_status"] == "usable":
            yield f"the version {named} has no story, which only a kill of an unseen item may lack"
        if row["row_kind"] == VERSION_ROW:
            known = before is not None and before in seen.ancestors[self._name]
            if known and time_of(str(before)) >= self._remembers_from:
                yield f"the version {named} stands in {before} already"
            seen.versions[key] = self._name
        elif row["row_kind"] != STATE_ROW:
            yield f"a row has the unknown row_kind {row['row_kind']!r}"
        elif before is None and self._name in seen.complete:
            yield f"the version {named} has a state row, but no earlier partition has the version"

    def _sums(self, made: Mapping[str, Any]) -> Iterator[str]:
        counts = made["counts"]
        imbalance = manifest.imbalance(made, counts.get("read/parts", 0))
        if imbalance:
            yield imbalance
        states = self._kinds[STATE_ROW]
        if states != counts.get("state_rows", 0):
            yield f"articles has {states:,} state rows, the manifest says {counts.get('state_rows', 0):,}"
        missing = self._asked_stories - self._seen.stories
        if missing and self._name in self._seen.complete:
            yield f"{len(missing):,} stories of its articles have no row, here or before, such as {min(missing)}"


def _rows(reader: Any, schema: Any) -> Iterator[tuple[dict[str, Any], bytes]]:
    for block in reader:
        data = block.bytes_.getvalue()
        stream = io.BytesIO(data)
        for _ in range(block.num_records):
            start = stream.tell()
            row = fastavro.schemaless_reader(stream, schema, None)
            yield row, data[start : stream.tell()]
        if stream.tell() != len(data):
            raise ValueError(f"{len(data) - stream.tell()} bytes stand behind the last row of a block")


def _lying_about(partitions: list[str], seen: _Seen) -> Iterator[str]:
    for name in DATA_SETS:
        for folder in storage.folders(storage.join(seen.output, name)):
            partition = folder.rpartition("/")[2]
            paths = [f"{name}/{partition}/{path.rpartition('/')[2]}" for path in storage.listing(folder)]
            strays = len([path for path in paths if path not in seen.named])
            if not strays or not partition.startswith("as_of="):
                continue
            if partition not in partitions:
                yield f"{name}/{partition} has no manifest: a run failed or is at work; no reader takes its files"
            elif partition in seen.ancestors:
                yield f"{name}/{partition} has {strays:,} files that no manifest names; its next run removes them"


def _command(output: str, partition: str) -> str:
    """How the partition was made, as its log has it, else how to make it."""
    path = storage.join(output, "logs", f"{partition}.json")
    as_of = iso(time_of(partition))
    try:
        log = json.loads(storage.read(path) or b"{}")
        command = [str(word) for word in log["command"]]
        given = any(word.partition("=")[0] == "--as_of" for word in command)
        return shlex.join(["storywire", *command, *([] if given else ["--as_of", as_of])])
    except (KeyError, ValueError, TypeError):
        return f"storywire run --input ... --output {shlex.quote(output)} --as_of {as_of}"


def _without_logical_types(schema: Any) -> Any:
    """The schema with which times are read as the numbers that stand there."""
    if isinstance(schema, dict):
        return {key: _without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return [_without_logical_types(part) for part in schema] if isinstance(schema, list) else schema
