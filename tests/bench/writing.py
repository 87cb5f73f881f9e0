"""Rows a second and memory of the sink, beside a bare loop of fastavro with the same gate and codec, by number of rows.

    python -m tests.bench.writing [--rows 10000 100000 1000000] [--codec deflate] [--runner FnApiRunner]
                                  [--processes 1] [--repeats 3] [--flag=--prism_location=/path/to/prism]

Run it from the project's folder. The rows are articles of invented text of the length of real ones (3.6 kB, lognormal);
making one takes the same time on both sides and is part of both. The sink's side is all that stands between a cleaned
article and a committed file: gate, encoding, shuffle, join, sorting, compression, hashes. Memory is the resident memory
of all processes of a run together at its peak, sampled five times a second.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import apache_beam as beam
import fastavro.write
import zstandard
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import TaggedOutput

from pipeline.ledger import NO_CHAIN
from pipeline.runner import runner_for
from pipeline.sinks import DraftManifest, WriteArticles
from schemas import Gate, data_set, parsed
from tests.pipeline.outputs import config
from transforms import rows
from transforms.article import Article, Decision, Stated
from transforms.steps import ArticleRow, Size
from transforms.stories.tables import load_table

AS_OF = 1_773_360_000_000_000
POOL = 3000
CHUNK = 500


def pool() -> list[str]:
    """Texts of real length in words as frequent as in news: they compress as real ones do, to about 40%."""
    chance = random.Random(1)
    table = load_table("en")
    words, weights = list(table.places), list(table.frequencies)
    texts = []
    for _ in range(POOL):
        length = min(60_000, int(chance.lognormvariate(7.85, 0.8)))
        drawn = chance.choices(words, weights, k=length // 6 + 1)
        texts.append(" ".join(drawn)[:length].capitalize() + ".")
    return texts


def articles(start: int, end: int, texts: list[str]) -> Iterator[Article]:
    """Articles of these numbers."""
    for number in range(start, end):
        body = texts[number * 7919 % POOL]
        yield Article(
            uri=f"wire/{number:09}.json",
            guid=f"urn:example:{number}",
            provider="Skarholm News",
            source_format="json",
            published=Stated(AS_OF - number % 86_400 * 1_000_000, "second", False),
            headline=body[:70],
            body=body,
            keywords=("harbour", "council"),
            language_declared="en",
            language_detected="en",
            language_confidence=0.99,
            language_method="profile",
        )


def identity_of(number: int) -> tuple[str, str]:
    """article_id and version_key: spread as hashes are."""
    mixed = number * 0x9E3779B97F4A7C15 % 2**64
    return f"{mixed:016x}{number:016x}", f"{mixed:032x}"


def decision_of(number: int) -> Decision:
    article_id, version_key = identity_of(number)
    return Decision(article_id, version_key, 1, True, "usable", "en", article_id, item_id=article_id)


def bare(count: int, codec: str, folder: Path) -> None:
    """One file, written by fastavro record by record."""
    whole = data_set("articles")
    gate = Gate(whole.schema)
    texts = pool()
    names = whole.field_names()
    with (folder / "bare.avro").open("wb") as file:
        writer = fastavro.write.Writer(file, parsed(whole.schema), codec=codec, sync_interval=64_000)
        for number, article in enumerate(articles(0, count, texts)):
            decided = {"row_kind": "version", **decision_of(number)._asdict()}
            record = rows._article_tail(article, AS_OF) | {name: decided[name] for name in rows.DECIDED}
            record = {name: record[name] for name in names}
            gate.check(record)
            writer.write(record)
        writer.flush()


class Make(beam.DoFn):
    """Numbers -> encoded rows, and their decisions."""

    def setup(self) -> None:
        self._texts = pool()
        self._pack = zstandard.ZstdCompressor(level=1).compress

    def process(self, span: tuple[int, int]) -> Iterator[Any]:
        size = 0
        for number, article in zip(range(*span), articles(*span, self._texts), strict=True):
            article_id, version_key = identity_of(number)
            tail = rows.article_tail(article, AS_OF)
            size += len(tail)
            yield article_id, version_key, 0, 0, article.uri, 0, b"", self._pack(tail)
            yield TaggedOutput("decisions", decision_of(number))
        yield TaggedOutput("sizes", ("articles", size))


def sink(count: int, codec: str, folder: Path, flags: list[str]) -> None:
    """The project's own: rows and decisions to files and a draft, on a runner."""
    asked = config(folder, codec=codec)
    runner, left = runner_for(flags, 2**40, "")
    pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(left))
    spans = [(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    make = beam.ParDo(Make()).with_output_types(ArticleRow, sizes=Size, decisions=Decision)
    made = (
        pipeline
        | "Spans" >> beam.Create(spans)
        | "Spread" >> beam.Reshuffle()
        | "Make" >> make.with_outputs("sizes", "decisions", main="rows")
    )
    rows_made = {"rows": made.rows, "sizes": made.sizes, "decisions": made.decisions}
    written = rows_made | "WriteArticles" >> WriteArticles(asked)
    draft = folder / "manifests" / "draft.json"
    _ = (written.files, written.counts) | "Manifest" >> DraftManifest(asked, [], NO_CHAIN, str(draft))
    pipeline.run().wait_until_finish()
    found = json.loads(draft.read_text())["data_sets"]["articles"]
    assert found["rows"] == count, f"{found['rows']} rows written of {count}"
    print(len(found["files"]), max(file["bytes"] for file in found["files"]))


def resident(group: int) -> int:
    """Bytes that the processes of a process group hold in memory together."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total


def measured(which: str, count: int, args: argparse.Namespace) -> tuple[float, int, str]:
    """(seconds, bytes at the peak, what was written) of one writer in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.bench.writing", "--one", which, "--rows", str(count)]
        command += ["--codec", args.codec, "--folder", folder, *(f"--flag={flag}" for flag in args.flag)]
        command += ["--runner", args.runner, "--processes", str(args.processes)]
        peak = 0
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.2)
        told = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    *written, seconds = told.split()
    return float(seconds), peak, " ".join(written)


def one(args: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    (count,) = args.rows
    start = time.perf_counter()
    if args.one == "bare":
        bare(count, args.codec, Path(args.folder))
    else:
        mode = ["--direct_running_mode=multi_processing"] if args.processes > 1 else []
        local = [f"--direct_num_workers={args.processes}", *mode] if args.runner == "FnApiRunner" else []
        sink(count, args.codec, Path(args.folder), [f"--runner={args.runner}", *local, *args.flag])
    print(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--codec", default="deflate")
    parser.add_argument("--runner", default="FnApiRunner")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--flag", action="append", default=[], help="a flag of Beam's")
    parser.add_argument("--one", choices=("bare", "sink"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        one(args)
        return
    print(f"{args.runner}, {args.processes} processes, {args.codec}; apache-beam {version('apache-beam')}, "
          f"fastavro {version('fastavro')}, {os.cpu_count()} cores")  # fmt: skip
    print(
        f"{'rows':>9} {'bare/s':>8} {'sink/s':>8} {'ratio':>6} {'bare MB':>8} {'sink MB':>8}  files, largest in bytes"
    )
    for count in args.rows:
        found: dict[str, list[tuple[float, int, str]]] = {"bare": [], "sink": []}
        for _ in range(args.repeats):
            for which, results in found.items():
                results.append(measured(which, count, args))
        seconds = {which: statistics.median(one[0] for one in results) for which, results in found.items()}
        peak = {which: max(one[1] for one in results) / 1e6 for which, results in found.items()}
        print(
            f"{count:>9,} {count / seconds['bare']:>8,.0f} {count / seconds['sink']:>8,.0f} "
            f"{seconds['bare'] / seconds['sink']:>6.2f} {peak['bare']:>8,.0f} {peak['sink']:>8,.0f}  "
            f"{found['sink'][0][2]}",
            flush=True,
        )


if __name__ == "__main__":
    # Workers import the DoFn by its module's name, which `__main__` is not.
    from tests.bench import writing

    writing.main()
