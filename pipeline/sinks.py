"""Writing: articles joined with what was decided about them, stories and rejects, a file a shard, then the draft.

A shard's rows are sorted and written as a whole, under a temporary name that is renamed to one that ends in the start
of the content's hash. So a bundle tried again writes the same file again, and never over one that a manifest names with
other content.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.coders import RowCoder, registry
from apache_beam.pvalue import TaggedOutput

from pipeline import manifest, storage
from pipeline.inputs import InputFile
from pipeline.manifest import WrittenFile
from pipeline.options import Config
from schemas import RowHash, data_set, write_container
from transforms import rows
from transforms.article import Decision, Reject, Story
from transforms.steps import COUNTS, DECISIONS, REJECTS, ROWS, ArticleRow, Counts, shard_of

registry.register_coder(WrittenFile, RowCoder)

FILES = "files"


class WriteArticles(beam.PTransform[Any, Any]):
    """Joins rows and decisions by shard and writes them -> `files`, `counts`, `rejects`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, inputs: dict[str, Any]) -> Any:
        """{`rows`: (shard, ArticleRow), `decisions`: (shard, Decision)} -> `files`, `counts`, `rejects`."""
        step = beam.ParDo(_WriteArticles(self._config)).with_output_types(WrittenFile, counts=Counts, rejects=Reject)
        return inputs | "Join" >> beam.CoGroupByKey() | "Write" >> step.with_outputs(COUNTS, REJECTS, main=FILES)


class WriteStories(beam.PTransform[Any, Any]):
    """Writes the stories that the run touched -> `files`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, stories: Any) -> Any:
        """PCollection[Story] -> `files`, `counts`."""
        return (
            stories
            | "ByShard" >> beam.Map(_story_by_shard, self._config.shards).with_output_types(tuple[int, Story])
            | "Group" >> beam.GroupByKey()
            | "Write" >> _writer(_WriteStories(self._config))
        )


class WriteRejects(beam.PTransform[Any, Any]):
    """Writes what could not go on -> `files`, `counts`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config

    def expand(self, rejects: Any) -> Any:
        """PCollection[Reject] -> `files`, `counts`."""
        return (
            rejects
            | "ByShard" >> beam.Map(_reject_by_shard, self._config.shards).with_output_types(tuple[int, Reject])
            | "Group" >> beam.GroupByKey()
            | "Write" >> _writer(_WriteRejects(self._config))
        )


class DraftManifest(beam.PTransform[Any, Any]):
    """Everything written and counted -> the draft of the manifest, beside the place where the manifest will stand."""

    def __init__(self, config: Config, parts: list[InputFile], draft: str) -> None:
        super().__init__()
        self._config = config
        self._parts = parts
        self._draft = draft

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
            | "Draft" >> beam.ParDo(_Draft(self._config, self._parts, self._draft)).with_output_types(str)
        )


def write_shard(config: Config, name: str, shard: int, encoded: Sequence[bytes]) -> WrittenFile:
    """Writes the rows of a shard, in order, as one file of the data set `name`."""
    buffer = io.BytesIO()
    write_container(buffer, data_set(name), encoded)
    data = buffer.getvalue()
    rows_hash = RowHash()
    for row in encoded:
        rows_hash.add(row)
    digest = hashlib.sha256(data).hexdigest()
    file = f"part-{shard:05}-{digest[:8]}.avro"
    storage.write(storage.join(manifest.folder(config, name), file), data)
    return WrittenFile(name, file, len(encoded), len(data), digest, rows_hash.hexdigest())


def _writer(do_fn: beam.DoFn) -> Any:
    return beam.ParDo(do_fn).with_output_types(WrittenFile, counts=Counts).with_outputs(COUNTS, main=FILES)


class _WriteArticles(beam.DoFn):
    def __init__(self, config: Config) -> None:
        self._config = config

    def process(self, group: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[Any]:
        shard, joined = group
        decisions = {(one.article_id, one.version_key): one for one in joined[DECISIONS]}
        encoded: list[bytes] = []
        counts: Counts = {}
        for row, deliveries in _deliveries(joined[ROWS]):
            decision = decisions.get((row[0], row[1]))
            _count(counts, "redeliveries", deliveries - 1)
            if decision is None or decision.error:
                yield TaggedOutput(REJECTS, _undecided(row, decision))
                continue
            encoded.append(row[5] + rows.decided_part(decision) + row[6])
            _count(counts, f"languages/{decision.language}")
            _count(counts, f"pub_status/{decision.pub_status}")
        if encoded:
            yield write_shard(self._config, "articles", shard, encoded)
        yield TaggedOutput(COUNTS, counts)


def _deliveries(found: Iterable[ArticleRow]) -> Iterator[tuple[ArticleRow, int]]:
    """Each version once, in order of its key, and how often it was delivered; the smallest (uri, position) stands."""
    first: ArticleRow | None = None
    count = 0
    for row in sorted(found):
        if first is not None and row[:2] == first[:2]:
            count += 1
            continue
        if first is not None:
            yield first, count
        first, count = row, 1
    if first is not None:
        yield first, count


def _undecided(row: ArticleRow, decision: Decision | None) -> Reject:
    article_id, _, uri, position, _, head, tail = row
    cause = decision.error if decision else "no decision reached the writer"
    message = f"{uri}: article {article_id} could not be keyed: {cause}; the payload is its encoded row"
    return Reject.of("key", "undecided", message, uri, position, head + tail)


class _WriteStories(beam.DoFn):
    def __init__(self, config: Config) -> None:
        self._config = config

    def process(self, group: tuple[int, Iterable[Story]]) -> Iterator[Any]:
        shard, stories = group
        encoded = [rows.story_row(story, self._config.as_of) for story in sorted(stories)]
        yield write_shard(self._config, "stories", shard, encoded)
        yield TaggedOutput(COUNTS, {"stories": len(encoded)})


class _WriteRejects(beam.DoFn):
    def __init__(self, config: Config) -> None:
        self._config = config

    def process(self, group: tuple[int, Iterable[Reject]]) -> Iterator[Any]:
        shard, rejects = group
        # By place first, so that a person finds what belongs together.
        ordered = sorted(rejects, key=lambda reject: (reject.uri, reject.position, reject))
        counts: Counts = {}
        for reject in ordered:
            _count(counts, f"rejects/{reject.stage}/{reject.error}")
        encoded = [rows.reject_row(reject, self._config.as_of) for reject in ordered]
        yield write_shard(self._config, "rejects", shard, encoded)
        yield TaggedOutput(COUNTS, counts)


class _Draft(beam.DoFn):
    def __init__(self, config: Config, parts: list[InputFile], draft: str) -> None:
        self._config = config
        self._parts = parts
        self._draft = draft

    def process(self, group: tuple[int, Iterable[tuple[str, str]]]) -> Iterator[str]:
        tagged = list(group[1])
        written = [WrittenFile(*json.loads(text)) for tag, text in tagged if tag == FILES]
        counts = [json.loads(text) for tag, text in tagged if tag == COUNTS]
        made = manifest.compose(self._config, self._parts, written, counts)
        storage.write(self._draft, manifest.encode(made))
        yield self._draft


def _count(counts: Counts, name: str, by: int = 1) -> None:
    if by:
        counts[name] = counts.get(name, 0) + by


def _story_by_shard(story: Story, shards: int) -> tuple[int, Story]:
    return shard_of(story.story_id, shards), story


def _reject_by_shard(reject: Reject, shards: int) -> tuple[int, Reject]:
    return shard_of(hashlib.sha256(reject.uri.encode("utf-8", "replace")).hexdigest(), shards), reject


def _tagged_file(file: WrittenFile) -> tuple[str, str]:
    return FILES, json.dumps(file)


def _tagged_counts(counts: Counts) -> tuple[str, str]:
    return COUNTS, json.dumps(counts)


def _one_key(tagged: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    return 0, tagged
