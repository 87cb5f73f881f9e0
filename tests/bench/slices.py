"""What a slice costs: a few articles, while much is live and much is remembered.

    python -m tests.bench.slices [--live 10000] [--remembered 300000] [--articles 10] [--slices 20] [--cold 3]

Run it from the project's folder. An output folder is made in which a desk has so many live stories and three runs
remember so many articles. Then a follower takes slices of so many new articles, one after the other, in this process
(warm), and runs are started anew over as many (cold: the whole command). Printed are seconds from a slice's begin to
its commit and from the command's start to its end, the time of the same slice with an empty ledger beside it, resident
memory after each tenth of the slices, and what the slices have left on disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from pipeline import manifest
from pipeline.earlier import NOTHING
from pipeline.follow import Follower, Plan
from pipeline.ledger import NO_CHAIN
from pipeline.options import DAY, SECOND, Config
from pipeline.sinks import write_shard
from pipeline.stop import Stop
from tests.pipeline.outputs import config
from tests.transforms.stories_texts import slip
from transforms.ledger import KnownArticle, KnownVersion, LedgerRow, encode
from transforms.stories.handover import hand_on, take_up
from transforms.stories.tables import load_table

NOW = int(time.time()) * SECOND
EARLIER_RUNS = 3


def texts(seed: int) -> Iterable[tuple[str, str]]:
    """Headlines and bodies of 120 words as frequent as in news, each about something of its own."""
    chance = random.Random(seed)
    table = load_table("en")
    words, weights = list(table.places), [number + 1 for number in table.frequencies]
    while True:
        own = [f"{chance.choice('bdfgklmnprstvz')}{chance.getrandbits(40):x}".translate(_LETTERS) for _ in range(6)]
        drawn = chance.choices(words, weights, k=120) + own * 3
        chance.shuffle(drawn)
        yield " ".join([*own[:3], *drawn[:5]]).capitalize(), " ".join(drawn).capitalize() + "."


_LETTERS = str.maketrans("0123456789", "aeiouaeiou")


def prepare(output: Path, live: int, remembered: int) -> Config:
    """Commits runs that leave so much."""
    chance = random.Random(1)
    asked = config(output)
    desk = take_up("en", NOTHING)
    made = texts(2)
    slips = []
    for number in range(live):
        headline, body = next(made)
        slips.append(slip(f"{number:032x}", headline, body, NOW - DAY - number * SECOND))
    for _ in desk.desk.key(slips):
        pass
    (output / "manifests").mkdir(parents=True)
    chain = NO_CHAIN
    parent = None
    for run in range(EARLIER_RUNS):
        asked = asked._replace(as_of=NOW - (EARLIER_RUNS - run) * 3600 * SECOND)
        delta = sorted(known(chance, asked.as_of) for _ in range(remembered // EARLIER_RUNS))
        written = list(write_shard(asked, "ledger", "delta", 0, [row.data for row in delta]))
        desks = {}
        if run == EARLIER_RUNS - 1:
            rows = [row.data for row in hand_on(desk, (), keep=False)]
            (snapshot,) = write_shard(asked, "ledger", "snapshot-en", 0, rows)
            written.append(snapshot)
            desks["en"] = [manifest.name_of(asked, snapshot)]
        handed_on = chain._replace(runs=run).handed_on(asked.partition(), desks)
        data = manifest.encode(manifest.compose(asked, [], parent, handed_on, written, []))
        Path(manifest.path_of(asked)).write_bytes(data)
        parent = {"partition": asked.partition(), "sha256": hashlib.sha256(data).hexdigest()}
    return asked


def known(chance: random.Random, time: int) -> LedgerRow:
    """An article with one version."""
    one, two, three = (f"{chance.getrandbits(128):032x}" for _ in range(3))
    return encode(KnownArticle(one, "en", two, (KnownVersion(three, time, 0, "usable", "en", one),)))


def write(folder: Path, number: int, made: Iterable[tuple[str, str]], count: int) -> Path:
    """New articles, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for at in range(count):
        headline, body = next(iter(made))
        told = {"guid": f"{number}-{at}", "provider": "Ostpress", "headline": headline, "body": body}
        (folder / f"{number:06}-{at}.json").write_text(json.dumps(told))
    return folder


def resident() -> float:
    """Of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def follow(output: Path, wire: Path, slices: int, articles: int, seed: int) -> list[float]:
    """Seconds of each slice of a follower that stays."""
    wire.mkdir()
    asked = config(output, wire, followed=True)
    follower = Follower(asked, [], Plan(0.001, 0.0, 10_000, "keep", ""), Stop())
    made, seconds = texts(seed), []
    for number in range(slices):
        write(wire, number, made, articles)
        before, start = follower.done, time.perf_counter()
        while follower.done == before:
            start = time.perf_counter()
            follower.step()
        seconds.append(time.perf_counter() - start)
        if (number + 1) % max(slices // 10, 1) == 0:
            size = sum(path.stat().st_size for path in output.rglob("*.avro")) / 1e6
            print(f"  after {number + 1} slices: {resident():.0f} MB resident, {size:.1f} MB of Avro", flush=True)
    return seconds


def told(what: str, seconds: list[float]) -> None:
    """Prints what was measured."""
    ordered = sorted(seconds)
    print(
        f"{what}: median {statistics.median(ordered):.2f} s, p95 {ordered[int(0.95 * (len(ordered) - 1))]:.2f} s, "
        f"longest {ordered[-1]:.2f} s, first {seconds[0]:.2f} s",
        flush=True,
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, value in (("live", 10_000), ("remembered", 300_000), ("articles", 10), ("slices", 20), ("cold", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        prepare(there / "out", args.live, args.remembered)
        cold = []
        for number in range(args.cold):
            wire = write(there / f"cold{number}", number, texts(100 + number), args.articles)
            command = [sys.executable, "-m", "pipeline.cli", "run", "--quiet", "--input", str(wire)]
            start = time.perf_counter()
            subprocess.run([*command, "--output", str(there / "out")], check=True)
            cold.append(time.perf_counter() - start)
        told("cold, the whole command", cold)
        told("warm, empty ledger", follow(there / "empty", there / "wire0", args.slices, args.articles, 5))
        warm = follow(there / "out", there / "wire", args.slices, args.articles, 6)
        told(f"warm, {args.live} live stories, {args.remembered} articles remembered", warm)


if __name__ == "__main__":
    main()
