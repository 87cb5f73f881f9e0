"""Writing: articles joined with what was decided about them, stories, rejects, the ledger; then the manifest's draft.

A shard's rows are sorted and written as a whole, under a temporary name that is renamed to one that ends in the start
of the content's hash. So a bundle tried again writes the same file again, and never over one that a manifest names with
other content. How many shards a data set has follows from the size of its rows, which is known before they are grouped.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.coders import registry
from apache_beam.pvalue import AsSingleton, TaggedOutput

from pipeline import manifest, storage
from pipeline.inputs import Part
from pipeline.manifest import WrittenFile
from pipeline.options import MAX_SHARDS, SHARD_BYTES, Config
from schemas import RowHash, data_set, write_container
from transforms import rows
from transforms.article import REDELIVERY, STATE, Decision, Reject, Story
from transforms.ledger import DELTA, HELD, LedgerRow
from transforms.steps import (
    COUNTS,
    DECISIONS,
    REJECTS,
    ROWS,
    SIZES,
    ArticleRow,
    Counting,
    Counts,
    RecordCoder,
    unpacker,
)

FILES = "files"

# What warehouses take at most; a shard whose rows come to more becomes several files.
FILE_BYTES = 256_000_000


class OutputRow(NamedTuple):
    """A row on its way to the shard that writes it."""

    kind: str
    """`part`; of the ledger, `delta`, `snapshot` or `held`: a file holds rows of one kind and is named after it."""
    key: str
    """The shard is a function of it."""
    order: str
    """Rows in a file are sorted by it, then by their bytes."""
    data: bytes


for _record in (WrittenFile, OutputRow):
    registry.register_coder(_record, RecordCoder)


class WriteArticles(beam.PTransform[Any, Any]):
    """Joins rows and decisions by shard and writes them -> `files`, `counts`, `rejects`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, inputs: dict[str, Any]) -> Any:
        """{`rows`: ArticleRow, `sizes`: bytes, `decisions`: Decision} -> `files`, `counts`, `rejects`."""
        shards = _shards(self._config, inputs[SIZES])
        by_shard = {
            ROWS: inputs[ROWS]
            | "RowsByShard" >> beam.Map(_row_to_shard, shards).with_output_types(tuple[int, ArticleRow]),
            DECISIONS: inputs[DECISIONS]
            | "DecisionsByShard" >> beam.Map(_decision_to_shard, shards).with_output_types(tuple[int, Decision]),
        }
        step = beam.ParDo(_WriteArticles(self._config)).with_output_types(WrittenFile, counts=Counts, rejects=Reject)
        return by_shard | "Join" >> beam.CoGroupByKey() | "Write" >> step.with_outputs(COUNTS, REJECTS, main=FILES)


class WriteStories(beam.PTransform[Any, Any]):
    """Writes the stories that the run touched -> `files`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, stories: Any) -> Any:
        """PCollection[Story] -> `files`, `counts`."""
        encoded = stories | "Encode" >> _encoding(_EncodeStories(self._config.as_of))
        return _write(self._config, "stories", encoded)


class WriteRejects(beam.PTransform[Any, Any]):
    """Writes what could not go on -> `files`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, rejects: Any) -> Any:
        """PCollection[Reject] -> `files`, `counts`."""
        encoded = rejects | "Encode" >> _encoding(_EncodeRejects(self._config.as_of))
        return _write(self._config, "rejects", encoded)


class WriteLedger(beam.PTransform[Any, Any]):
    """Writes what the next run has to know -> `files`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, entries: Any) -> Any:
        """PCollection[LedgerRow] -> `files`, `counts`."""
        encoded = entries | "Encode" >> _encoding(_EncodeLedger())
        return _write(self._config, "ledger", encoded)


class DraftManifest(beam.PTransform[Any, Any]):
    """Everything written and counted -> the draft of the manifest, beside the place where the manifest will stand."""

    def __init__(self, config: Config, parts: list[Part], parent: Mapping[str, str] | None, draft: str) -> None:
        super().__init__()
        self._draft = _Draft(config, parts, parent, draft)

    def expand(self, inputs: tuple[Any, Any]) -> Any:
        """(PCollection[WrittenFile], PCollection[Counts]) -> PCollection[str], the draft's path."""
        written, counts = inputs
        # One element that is always there: a run that read nothing has a manifest too.
        begin = counts.pipeline | "Begin" >> beam.Create([("", "")])
        return (
            (
                begin,
                written | "File" >> beam.Map(_tagged_file).with_output_types(tuple[str, str]),
                counts | "Count" >> beam.Map(_tagged_counts).with_output_types(tuple[str, str]),
            )
            | "All" >> beam.Flatten()
            | "OneKey" >> beam.Map(_one_key).with_output_types(tuple[int, tuple[str, str]])
            | "Group" >> beam.GroupByKey()
            | "Draft" >> beam.ParDo(self._draft).with_output_types(str)
        )


def write_shard(config: Config, name: str, kind: str, shard: int, encoded: Sequence[bytes]) -> Iterator[WrittenFile]:
    """Writes the rows of a shard, in order, as files of the data set `name`: one, unless it is over FILE_BYTES."""
    for piece in _pieces(encoded):
        buffer = io.BytesIO()
        write_container(buffer, data_set(name), piece, config.codec)
        data = buffer.getvalue()
        rows_hash = RowHash()
        for row in piece:
            rows_hash.add(row)
        digest = hashlib.sha256(data).hexdigest()
        file = f"{kind}-{shard:05}-{digest[:8]}.avro"
        storage.write(storage.join(manifest.folder(config, name), file), data)
        yield WrittenFile(name, file, len(piece), len(data), digest, rows_hash.hexdigest())


def shard_of(key: str, shards: int) -> int:
    """The shard of a row, a function of its key's first 32 bits (8 hex digits) alone."""
    return int(key[:8], 16) % shards


def shards_for(size: int) -> int:
    """How many shards `size` bytes of rows are written as, where no option says so."""
    return min(MAX_SHARDS, max(1, -(-size // SHARD_BYTES)))


def _pieces(encoded: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start = size = 0
    for at, row in enumerate(encoded):
        if size + len(row) > FILE_BYTES and at > start:
            yield encoded[start:at]
            start, size = at, 0
        size += len(row)
    if start < len(encoded):
        yield encoded[start:]


def _shards(config: Config, sizes: Any) -> Any:
    """The number of shards: as the option says, else a side input that comes from the sizes (bytes) of all rows."""
    if config.shards is not None:
        return config.shards
    return AsSingleton(
        sizes | "TotalSize" >> beam.CombineGlobally(sum) | "Shards" >> beam.Map(shards_for).with_output_types(int)
    )


def _encoding(do_fn: Counting) -> Any:
    return beam.ParDo(do_fn).with_output_types(OutputRow, counts=Counts).with_outputs(COUNTS, main=ROWS)


class _Written(NamedTuple):
    files: Any
    counts: Any


def _write(config: Config, name: str, encoded: Any) -> _Written:
    """Writes encoded rows (`rows`: OutputRow, `counts`) by shard -> `files`; `counts` are passed on."""
    shards = _shards(config, encoded.rows | "Size" >> beam.Map(_row_size).with_output_types(int))
    files = (
        encoded.rows
        | "ByShard" >> beam.Map(_row_by_shard, shards).with_output_types(tuple[tuple[str, int], OutputRow])
        | "Group" >> beam.GroupByKey()
        | "Write" >> beam.FlatMap(_write_rows, config, name).with_output_types(WrittenFile)
    )
    return _Written(files, encoded.counts)


class _EncodeStories(Counting):
    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def process(self, story: Story) -> Iterator[OutputRow]:
        self.counts["stories"] += 1
        yield OutputRow("part", story.story_id, story.story_id, rows.story_row(story, self._as_of))


class _EncodeRejects(Counting):
    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def process(self, reject: Reject) -> Iterator[OutputRow]:
        self.counts[f"rejects/{reject.stage}/{reject.error}"] += 1
        # By place first, so that a person finds what belongs together.
        order = f"{reject.uri}\0{reject.position:020}"
        yield OutputRow("part", _hash(reject.uri), order, rows.reject_row(reject, self._as_of))


class _EncodeLedger(Counting):
    def process(self, row: LedgerRow) -> Iterator[OutputRow]:
        kind = "delta" if row.kind in DELTA else row.kind if row.kind == HELD else "snapshot"
        yield OutputRow(kind, _hash(row.key), f"{row.kind}\0{row.key}", row.data)


class _WriteArticles(beam.DoFn):
    def __init__(self, config: Config) -> None:
        self._config = config

    def process(self, group: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        shard, joined = group
        decisions = {(one.item_id, one.version_key): one for one in joined[DECISIONS]}
        unpack = unpacker()
        encoded: dict[tuple[str, str], bytes] = {}
        counts: Counts = {}
        for key, deliveries in groupby(sorted(joined[ROWS]), key=_version):
            # Of equal deliveries the earliest stands, of several the smallest (uri, position).
            row, *others = deliveries
            decision = decisions.get(key)
            if decision is None or decision.error:
                _count(counts, "redeliveries", len(others))
                yield TaggedOutput(REJECTS, _undecided(row, unpack(row[7]), decision))
            elif decision.disposition in (STATE, REDELIVERY):
                _count(counts, "redeliveries", 1 + len(others))
            else:
                _count(counts, "redeliveries", len(others))
                encoded[decision.article_id, decision.version_key] = rows.decided_part(decision) + unpack(row[7])
                _count(counts, f"languages/{decision.language}")
                _count(counts, f"pub_status/{decision.pub_status}")
                if not decision.story_id:
                    _count(counts, "unseen_kills")
        for decision in decisions.values():
            if decision.disposition == STATE and not decision.error:
                _count(counts, "state_rows")
                encoded[decision.article_id, decision.version_key] = rows.state_row(decision, self._config.as_of)
        yield from write_shard(self._config, "articles", "part", shard, [encoded[key] for key in sorted(encoded)])
        yield TaggedOutput(COUNTS, counts)


def _version(row: ArticleRow) -> tuple[str, str]:
    return row[0], row[1]


def _undecided(row: ArticleRow, tail: bytes, decision: Decision | None) -> Reject:
    item_id, _, _, _, uri, position, *_ = row
    cause = decision.error if decision else "no decision reached the writer"
    message = f"{uri}: article {item_id} could not be keyed: {cause}; the payload is what was cleaned, as JSON"
    return Reject.of("key", "undecided", message, uri, position, *rows.undecided_payload(tail, decision))


def _write_rows(group: tuple[tuple[str, int], Iterable[OutputRow]], config: Config, name: str) -> Iterator[WrittenFile]:
    (kind, shard), found = group
    ordered = sorted((row.order, row.data) for row in found)
    if kind == HELD:
        # What came again while it was held is delivered once.
        ordered = list(dict.fromkeys(ordered))
    return write_shard(config, name, kind, shard, [data for _, data in ordered])


class _Draft(beam.DoFn):
    def __init__(self, config: Config, parts: list[Part], parent: Mapping[str, str] | None, draft: str) -> None:
        self._config = config
        self._parts = parts
        self._parent = parent
        self._draft = draft

    def process(self, group: tuple[int, Iterable[tuple[str, str]]]) -> Iterator[str]:
        tagged = list(group[1])
        written = [WrittenFile(*json.loads(text)) for tag, text in tagged if tag == FILES]
        counts = [json.loads(text) for tag, text in tagged if tag == COUNTS]
        made = manifest.compose(self._config, self._parts, self._parent, written, counts)
        storage.write(self._draft, manifest.encode(made))
        yield self._draft


def _count(counts: Counts, name: str, by: int = 1) -> None:
    if by:
        counts[name] = counts.get(name, 0) + by


def _row_size(row: OutputRow) -> int:
    return len(row.data)


def _row_to_shard(row: ArticleRow, shards: int) -> tuple[int, ArticleRow]:
    return shard_of(row[0], shards), row


def _decision_to_shard(decision: Decision, shards: int) -> tuple[int, Decision]:
    return shard_of(decision.item_id, shards), decision


def _row_by_shard(row: OutputRow, shards: int) -> tuple[tuple[str, int], OutputRow]:
    return (row.kind, shard_of(row.key, shards)), row


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _tagged_file(file: WrittenFile) -> tuple[str, str]:
    return FILES, json.dumps(file)


def _tagged_counts(counts: Counts) -> tuple[str, str]:
    return COUNTS, json.dumps(counts)


def _one_key(tagged: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    return 0, tagged
