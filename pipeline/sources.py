"""The source: the run's files and topics to raw items, read by all workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline import kafka
from pipeline.inputs import Part
from pipeline.kafka import Access
from pipeline.ledger import read_held
from pipeline.options import Config
from pipeline.progress import Ticker
from pipeline.replay import read_rejects
from pipeline.topics import TopicRange
from pipeline.unpack import Limits, read_file
from transforms.article import RawItem, Reject
from transforms.steps import COUNTS, REJECTS, Counting, Counts

# Less than this one worker reads and cleans in the time that it takes to hand it out, some seconds.
_SPREAD_FROM_BYTES = 2**20


class ReadInput(beam.PTransform[Any, Any]):
    """The parts of the run's input -> `items` (RawItem), `rejects` for what can't be read, `counts`.

    The files of a replay are those that an earlier run wrote its rejects to.
    """

    def __init__(self, parts: list[Part], config: Config, progress: str = "") -> None:
        super().__init__()
        self._parts = parts
        self._read = _Read(config, progress)

    def expand(self, begin: Any) -> Any:
        """PBegin -> PCollections `items`, `rejects` and `counts`."""
        step = beam.ParDo(self._read).with_output_types(RawItem, rejects=Reject, counts=Counts)
        parts = begin | "Once" >> beam.Impulse() | "Parts" >> beam.FlatMap(_listed, self._parts)
        if sum(part.size for part in self._parts) >= _SPREAD_FROM_BYTES:
            parts |= "Spread" >> beam.Reshuffle()
        return parts | "Read" >> step.with_outputs(REJECTS, COUNTS, main="items")


def _listed(_: bytes, parts: list[Part]) -> list[Part]:
    return parts


class _Read(Counting):
    def __init__(self, config: Config, progress: str) -> None:
        self._limits = Limits(config.max_item_bytes, config.max_archive_bytes)
        self._replay = config.replay
        self._access = Access(config.kafka_config, config.kafka_wait)
        self._as_of = config.as_of
        self._progress = progress

    def setup(self) -> None:
        self._ticker = Ticker(self._progress)

    def process(self, part: Part) -> Iterator[Any]:
        for found in self._items(part):
            if isinstance(found, Reject):
                self.counts["items"] += 1
                yield TaggedOutput(REJECTS, found)
            else:
                self.counts["read/items"] += 1
                yield found
        self.counts["read/parts"] += 1
        if isinstance(part, TopicRange):
            self.counts.update(dict(part.gaps()))

    def _items(self, part: Part) -> Iterator[RawItem | Reject]:
        tick = self._ticker.tick
        if isinstance(part, TopicRange):
            return kafka.read_range(part, self._access, self._limits, self._as_of, self._ticker.say, tick)
        if part.held:
            return read_held(part)
        if self._replay:
            return read_rejects(part, self._limits)
        return read_file(part, self._limits, tick)
