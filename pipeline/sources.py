"""The source: the run's files to raw items, read by all workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipeline.inputs import InputFile
from pipeline.ledger import read_held
from pipeline.options import Config
from pipeline.progress import Ticker
from pipeline.replay import read_rejects
from pipeline.unpack import Limits, read_file
from transforms.article import RawItem, Reject
from transforms.steps import COUNTS, REJECTS, Counting, Counts


class ReadFiles(beam.PTransform[Any, Any]):
    """The shares of the run's files -> `items` (RawItem), `rejects` for what can't be read, `counts`.

    The files of a replay are those that an earlier run wrote its rejects to.
    """

    def __init__(self, parts: list[InputFile], config: Config, progress: str = "") -> None:
        super().__init__()
        self._parts = parts
        self._read = _Read(Limits(config.max_item_bytes, config.max_archive_bytes), config.replay, progress)

    def expand(self, begin: Any) -> Any:
        """PBegin -> PCollections `items`, `rejects` and `counts`."""
        step = beam.ParDo(self._read).with_output_types(RawItem, rejects=Reject, counts=Counts)
        return (
            begin
            | "Files" >> beam.Create(self._parts)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> step.with_outputs(REJECTS, COUNTS, main="items")
        )


class _Read(Counting):
    def __init__(self, limits: Limits, replay: bool, progress: str) -> None:
        self._limits = limits
        self._replay = replay
        self._progress = progress

    def setup(self) -> None:
        self._ticker = Ticker(self._progress)

    def process(self, file: InputFile) -> Iterator[Any]:
        tick = self._ticker.tick
        if file.held:
            read: Iterator[RawItem | Reject] = read_held(file)
        elif self._replay:
            read = read_rejects(file, self._limits)
        else:
            read = read_file(file, self._limits, tick)
        for found in read:
            if isinstance(found, Reject):
                self.counts["items"] += 1
                yield TaggedOutput(REJECTS, found)
            else:
                self.counts["read/items"] += 1
                yield found
        self.counts["read/parts"] += 1
