"""Story keys by the order in which articles arrive.

    python -m tests.bench.orders --set articles              4,258 articles of two days; 16 minutes on two busy cores
    python -m tests.bench.orders --set stories --hours 168   2,067 articles of two years in weekly slices; as long
    python -m tests.bench.orders --part 10                   every tenth article
    python -m tests.bench.orders --late                      only what arrives late, without running a pipeline

In event order: one run, hourly slices, followed from a folder and from a Kafka topic; all have to give the same rows.
Then orders that are not event order, in slices through the functions that settle versions and key by story, as the
graph calls them: how many articles have another story than in event order. Needs the development data; Kafka as the
tests of it do.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import ways
from tests.conftest import DEVELOPMENT_DATA
from tests.engines.broker import Broker
from tests.ways import DAY, HOUR, Item, by_time, chained, event_time
from transforms.stories.evaluation import bcubed

DATA_SETS: dict[str, Callable[[Path], list[Item]]] = {"articles": ways.articles, "stories": ways.stories}
SEEDS = (1, 2, 3)
MOST = 200
"""Files or messages that a follower takes a slice."""
Slices = list[list[Item]]


def in_event_order(items: list[Item], _: random.Random) -> Slices:
    return [some for _, some in by_time(items, HOUR, event_time)]


def shuffled_in_a_day(items: list[Item], chance: random.Random) -> Slices:
    """Each comes in any hour of the day of its event."""
    hours = {item.name: chance.randrange(24) * HOUR for item in items}
    return [some for _, some in by_time(items, HOUR, lambda item: event_time(item) // DAY * DAY + hours[item.name])]


def delayed(items: list[Item], chance: random.Random) -> Slices:
    """Each source is late, always by the same time of up to six hours."""
    arrived = delays(items, chance)
    return [some for _, some in by_time(items, HOUR, arrived)]


def delays(items: list[Item], chance: random.Random) -> Callable[[Item], int]:
    late = {source: chance.randrange(6 * HOUR) for source in sorted({item.source for item in items})}
    return lambda item: event_time(item) + late[item.source]


def shuffled(items: list[Item], chance: random.Random) -> Slices:
    """All in any order, in packets as large as the days were: an archive that is brought in."""
    drawn = iter(chance.sample(items, len(items)))
    return [[next(drawn) for _ in some] for _, some in by_time(items, DAY, event_time)]


ORDERS = {
    "event order": in_event_order,
    "late by source, up to 6 h": delayed,
    "shuffled within a day": shuffled_in_a_day,
    "wholly shuffled, in packets": shuffled,
}


def late(items: list[Item], whole: dict[str, str]) -> Iterator[str]:
    """A line for each order: slices, articles with another key, in other company, BCubed against `whole` and gold.

    Least and most of the draws of SEEDS.
    """
    gold = {item.slip.article_id: item.gold for item in items if item.gold}
    for name, order in ORDERS.items():
        cells = []
        for seed in SEEDS:
            slices = order(items, random.Random(seed))
            keys = chained(slices)
            assert keys.keys() == whole.keys()
            other = sum(keys[article] != whole[article] for article in whole)
            elsewhere = sum(company[0] != company[1] for company in zip(companies(keys), companies(whole), strict=True))
            f1 = bcubed(keys, whole).f1
            scored = f"{bcubed(keys, gold).f1:.4f}" if gold else "–"
            cells.append((f"{len(slices):,}", f"{other:5,}", f"{elsewhere:5,}", f"{f1:.4f}", scored))
        ranges = (sorted(set(column)) for column in zip(*cells, strict=True))
        told = ("–".join(one.strip() for one in dict.fromkeys((found[0], found[-1]))) for found in ranges)
        yield f"| {name} | {' | '.join(told)} |"


def companies(keys: dict[str, str]) -> list[frozenset[str]]:
    """Of each article, in the order of their ids, those that share its story."""
    of: dict[str, set[str]] = defaultdict(set)
    for article, story in keys.items():
        of[story].add(article)
    frozen = {story: frozenset(found) for story, found in of.items()}
    return [frozen[keys[article]] for article in sorted(keys)]


def ways_of(items: list[Item], hours: int, folder: Path, broker: Broker) -> dict[str, Callable[[], Path]]:
    """The ways, each giving its output."""
    return {
        "one run": lambda: ways.in_one_run(items, folder / "one"),
        f"slices of {hours} h": lambda: ways.in_slices(items, folder / "slices", hours * HOUR),
        f"followed from a folder, {MOST} a slice": lambda: ways.from_folder(items, folder / "folder", MOST),
        f"followed from Kafka, {MOST} a slice": lambda: ways.from_topic(items, folder / "topic", MOST, broker.plain),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DEVELOPMENT_DATA, metavar="DIR", help="the development data")
    parser.add_argument("--set", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--part", type=int, default=1, metavar="N", help="take every Nth article")
    parser.add_argument("--hours", type=int, default=1, metavar="N", help="of a slice of a pipeline (default: 1)")
    parser.add_argument("--way", default="", metavar="WORD", help="take the ways alone whose names hold it")
    parser.add_argument("--late", action="store_true", help="run no pipeline")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    differing = 0
    for name in asked.set:
        items = DATA_SETS[name](asked.data)[:: asked.part]
        print(f"\n{name}: {len(items)} items", flush=True)
        whole = chained([items])
        if not asked.late:
            with tempfile.TemporaryDirectory() as folder, Broker() as broker:
                differing += in_event_order_alike(items, asked.hours, asked.way, whole, Path(folder), broker)
        print("\n| order | slices | another key | other company | BCubed F1 with event order | with gold |")
        print("|---|---|---|---|---|---|", flush=True)
        for line in late(items, whole):
            print(line, flush=True)
    return int(differing > 0)


def in_event_order_alike(
    items: list[Item], hours: int, way: str, whole: dict[str, str], folder: Path, broker: Broker
) -> int:
    """Prints a line a way; gives how many differ from the first."""
    print("| way | slices | articles | stories | other keys | hash of rows | s |\n|---|---|---|---|---|---|---|")
    first, differing = "", 0
    for name, take in ways_of(items, hours, folder, broker).items():
        if way not in name:
            continue
        start = time.perf_counter()
        output = take()
        seconds = time.perf_counter() - start
        keys, digest = ways.keys_of(output), ways.hash_of(output)
        first = first or digest
        other = len(keys.items() ^ whole.items())
        differing += digest != first or other > 0
        slices = len(list((output / "manifests").glob("*.json")))
        print(
            f"| {name} | {slices} | {len(keys)} | {len(set(keys.values()))} | {other} | {digest} | {seconds:.0f} |",
            flush=True,
        )
    return differing


if __name__ == "__main__":
    sys.exit(main())
