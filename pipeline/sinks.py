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
from apache_beam.pvalue import AsDict, TaggedOutput

from pipeline import manifest, storage
from pipeline.earlier import LedgerFile
from pipeline.inputs import Part
from pipeline.ledger import Chain, merge
from pipeline.manifest import WrittenFile
from pipeline.options import MAX_SHARDS, SHARD_BYTES, Config
from schemas import RowHash, data_set, write_container
from transforms import rows
from transforms.article import REDELIVERY, STATE, Decision, Reject, Story
from transforms.ledger import CHANGED, CHANGES, DELTA, HELD, MERGED, SNAPSHOT, LedgerRow
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
    Size,
    at_the_end,
    unpacker,
)

FILES = "files"

# What warehouses take at most; a shard whose rows come to more becomes several files.
FILE_BYTES = 256_000_000


# The number of shards of all data sets, or by data set.
Shards = int | Mapping[str, int]
# What goes into the manifest, on its way to the one worker that composes it.
Tagged = tuple[int, tuple[str, str]]

# A key whose shard is the first, however many there are.
_FIRST_SHARD = "00000000"


class OutputRow(NamedTuple):
    """A row on its way to the shard that writes it."""

    data_set: str
    kind: str
    """`part`; of the ledger, `delta`, `held`, or `snapshot` or `changes` with the desk's language: a file holds rows of
    one kind and is named after it."""
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
        """{`rows`: ArticleRow, `sizes`: Size, `decisions`: Decision} -> `files`, `counts`, `rejects`."""
        shards = _shards(self._config, inputs[SIZES])
        by_shard = {
            ROWS: inputs[ROWS]
            | "RowsByShard" >> beam.Map(_row_to_shard, shards).with_output_types(tuple[int, ArticleRow]),
            DECISIONS: inputs[DECISIONS]
            | "DecisionsByShard" >> beam.Map(_decision_to_shard, shards).with_output_types(tuple[int, Decision]),
        }
        step = beam.ParDo(_WriteArticles(self._config)).with_output_types(WrittenFile, counts=Counts, rejects=Reject)
        return by_shard | "Join" >> beam.CoGroupByKey() | "Write" >> step.with_outputs(COUNTS, REJECTS, main=FILES)


class EncodeStories(beam.PTransform[Any, Any]):
    """The stories that the run touched -> `rows`, `sizes`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._encode = _EncodeStories(config.as_of)

    def expand(self, stories: Any) -> Any:
        """PCollection[Story] -> `rows` (OutputRow), `sizes` (Size), `counts`."""
        return stories | _encoding(self._encode)


class EncodeRejects(beam.PTransform[Any, Any]):
    """What could not go on -> `rows`, `sizes`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._encode = _EncodeRejects(config.as_of)

    def expand(self, rejects: Any) -> Any:
        """PCollection[Reject] -> `rows` (OutputRow), `sizes` (Size), `counts`."""
        return rejects | _encoding(self._encode)


class EncodeLedger(beam.PTransform[Any, Any]):
    """What the next run has to know -> `rows`, `sizes`, `counts`."""

    def expand(self, entries: Any) -> Any:
        """PCollection[LedgerRow] -> `rows` (OutputRow), `sizes` (Size), `counts`."""
        return entries | _encoding(_EncodeLedger())


class WriteRows(beam.PTransform[Any, Any]):
    """Writes rows of all data sets but articles by shard -> PCollection[WrittenFile]."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, inputs: dict[str, Any]) -> Any:
        """{`rows`: OutputRow, `sizes`: Size} -> PCollection[WrittenFile]."""
        shards = _shards(self._config, inputs[SIZES])
        return (
            inputs[ROWS]
            | "ByShard" >> beam.Map(_row_by_shard, shards).with_output_types(tuple[tuple[str, str, int], OutputRow])
            | "Group" >> beam.GroupByKey()
            | "Write" >> beam.FlatMap(_write_rows, self._config).with_output_types(WrittenFile)
        )


class MergeLedger(beam.PTransform[Any, Any]):
    """Writes what earlier runs have left in many files into one -> PCollection of its WrittenFile."""

    def __init__(self, config: Config, files: Sequence[LedgerFile]) -> None:
        super().__init__()
        self._config = config
        self._files = list(files)

    def expand(self, begin: Any) -> Any:
        """PBegin -> PCollection[WrittenFile]."""
        return (
            begin
            | "Once" >> beam.Impulse()
            | "Merge" >> beam.FlatMap(_merge, self._files, self._config).with_output_types(WrittenFile)
        )


class DraftManifest(beam.PTransform[Any, Any]):
    """Everything written and counted -> the draft of the manifest, beside the place where the manifest will stand."""

    def __init__(self, config: Config, parts: list[Part], chain: Chain, draft: str) -> None:
        super().__init__()
        self._draft = _Draft(config, parts, chain, draft)

    def expand(self, inputs: tuple[Any, Any]) -> Any:
        """(PCollection[WrittenFile], PCollection[Counts]) -> PCollection[str], the draft's path."""
        written, counts = inputs
        # One element that is always there: a run that read nothing has a manifest too.
        begin = counts.pipeline | "Once" >> beam.Impulse()
        return (
            (
                begin | "Begin" >> beam.Map(_begun).with_output_types(Tagged),
                written | "File" >> beam.Map(_tagged_file).with_output_types(Tagged),
                counts | "Count" >> beam.Map(_tagged_counts).with_output_types(Tagged),
            )
            | "All" >> beam.Flatten()
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
    """The number of shards: as the option says, else a side input, by data set, from the sizes of all rows."""
    if config.shards is not None:
        return config.shards
    return AsDict(sizes | "Sizes" >> beam.GroupByKey() | "Shards" >> beam.Map(_shards_of).with_output_types(Size))


def _shards_of(sizes: tuple[str, Iterable[int]]) -> Size:
    return sizes[0], shards_for(sum(sizes[1]))


def _encoding(do_fn: _Encode) -> Any:
    step = beam.ParDo(do_fn).with_output_types(OutputRow, sizes=Size, counts=Counts)
    return step.with_outputs(SIZES, COUNTS, main=ROWS)


class _Encode(Counting):
    """Encodes what comes as rows of one data set, and adds up the size of a bundle's."""

    data_set: str

    def start_bundle(self) -> None:
        super().start_bundle()
        self._size = 0

    def finish_bundle(self) -> Iterator[Any]:
        yield from super().finish_bundle()
        yield at_the_end(SIZES, (self.data_set, self._size))

    def row(self, kind: str, key: str, order: str, data: bytes) -> OutputRow:
        """A row for the shard of `key`, on its place by `order`."""
        self._size += len(data)
        return OutputRow(self.data_set, kind, key, order, data)


class _EncodeStories(_Encode):
    data_set = "stories"

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def process(self, story: Story) -> Iterator[OutputRow]:
        self.counts["stories"] += 1
        yield self.row("part", story.story_id, story.story_id, rows.story_row(story, self._as_of))


class _EncodeRejects(_Encode):
    data_set = "rejects"

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def process(self, reject: Reject) -> Iterator[OutputRow]:
        self.counts[f"rejects/{reject.stage}/{reject.error}"] += 1
        # By place first, so that a person finds what belongs together.
        order = f"{reject.uri}\0{reject.position:020}"
        yield self.row("part", _hash(reject.uri), order, rows.reject_row(reject, self._as_of))


class _EncodeLedger(_Encode):
    data_set = "ledger"

    def process(self, row: LedgerRow) -> Iterator[OutputRow]:
        order = f"{row.kind}\0{row.key}"
        if row.file in (SNAPSHOT, CHANGES):
            # What a desk left is read as a whole.
            yield self.row(f"{row.file}-{row.desk}", _FIRST_SHARD, order, row.data)
        else:
            yield self.row(CHANGED if row.kind in DELTA else row.kind, _hash(row.key), order, row.data)


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


def _merge(_: bytes, files: list[LedgerFile], config: Config) -> Iterator[WrittenFile]:
    rows = merge(files, config.as_of - config.remember)
    return write_shard(config, "ledger", MERGED, 0, [row.data for row in rows])


def _write_rows(group: tuple[tuple[str, str, int], Iterable[OutputRow]], config: Config) -> Iterator[WrittenFile]:
    (name, kind, shard), found = group
    ordered = sorted((row.order, row.data) for row in found)
    if kind == HELD:
        # What came again while it was held is delivered once.
        ordered = list(dict.fromkeys(ordered))
    return write_shard(config, name, kind, shard, [data for _, data in ordered])


class _Draft(beam.DoFn):
    def __init__(self, config: Config, parts: list[Part], chain: Chain, draft: str) -> None:
        self._config = config
        self._parts = parts
        self._chain = chain
        self._draft = draft

    def process(self, group: tuple[int, Iterable[tuple[str, str]]]) -> Iterator[str]:
        tagged = list(group[1])
        written = [WrittenFile(*json.loads(text)) for tag, text in tagged if tag == FILES]
        counts = [json.loads(text) for tag, text in tagged if tag == COUNTS]
        desks: dict[str, list[str]] = {}
        for file in written:
            if manifest.kind_of(file.name) in (SNAPSHOT, CHANGES):
                desks.setdefault(file.name.split("-")[1], []).append(manifest.name_of(self._config, file))
        handed_on = self._chain.handed_on(self._config.partition(), desks)
        made = manifest.compose(self._config, self._parts, self._chain.parent, handed_on, written, counts)
        storage.write(self._draft, manifest.encode(made))
        yield self._draft


def _count(counts: Counts, name: str, by: int = 1) -> None:
    if by:
        counts[name] = counts.get(name, 0) + by


def _row_to_shard(row: ArticleRow, shards: Shards) -> tuple[int, ArticleRow]:
    return shard_of(row[0], _number(shards, "articles")), row


def _decision_to_shard(decision: Decision, shards: Shards) -> tuple[int, Decision]:
    return shard_of(decision.item_id, _number(shards, "articles")), decision


def _row_by_shard(row: OutputRow, shards: Shards) -> tuple[tuple[str, str, int], OutputRow]:
    return (row.data_set, row.kind, shard_of(row.key, _number(shards, row.data_set))), row


def _number(shards: Shards, name: str) -> int:
    return shards if isinstance(shards, int) else shards.get(name, 1)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _begun(_: bytes) -> Tagged:
    return 0, ("", "")


def _tagged_file(file: WrittenFile) -> Tagged:
    return 0, (FILES, json.dumps(file))


def _tagged_counts(counts: Counts) -> Tagged:
    return 0, (COUNTS, json.dumps(counts))
