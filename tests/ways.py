"""One wire taken several ways: in one run, in hourly slices, followed from a folder, followed from a Kafka topic.

In: items in the order of their event times, a folder to work in. Out: the output folder. All ways have to give the same
rows, but for where an item was read and on which day a run said so (OWN). And the story keys of slices in any order,
through the functions that the graph calls.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import tarfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pipeline import run
from pipeline.follow import KEEP, Follower, Plan
from pipeline.options import Config
from pipeline.stop import Stop
from tests.conftest import DEVELOPMENT_DATA
from tests.invented import text_of
from tests.pipeline import outputs
from transforms import ledger
from transforms.article import Decision, RawItem, Reject, Slip, Story
from transforms.clean import clean
from transforms.language import tag_language
from transforms.ledger import ARTICLE, LedgerRow
from transforms.parse import Settings, parse
from transforms.slips import make_slip
from transforms.stories.desk import Desk, in_order
from transforms.stories.handover import recall
from transforms.versions import settle

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Microseconds."""
OWN = frozenset({"as_of_day", "uri", "message_key", "message_headers"})
"""The fields in which the ways differ."""
_LATE = 4_102_444_800_000_000
"""2100, microseconds: no event time is clipped to it."""
_PARTITIONS = 3


class Item(NamedTuple):
    """A file, or a message: one article."""

    name: str
    """Which place it has in the order of event times, and the end of the file's name."""
    data: bytes
    slip: Slip
    """What the pure functions make of it."""
    source: str
    gold: str = ""
    """The editor's story, empty where none is known."""


def articles(data: Path = DEVELOPMENT_DATA) -> list[Item]:
    """4,258 real articles of one or two days in English and Chinese; the source is the outlet."""
    found = []
    with tarfile.open(data / "wire" / "front_matter.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                found.append((file.read(), Path(member.name).parts[-2], ""))
    return _in_order(found, ".md")


def stories(data: Path = DEVELOPMENT_DATA, most: int | None = None) -> list[Item]:
    """2,067 articles of two years, timed by the day, half of them in editors' stories; or the first of them alone."""
    rows = []
    for name in ("dev_dated_en.jsonl", "background_en.jsonl"):
        with (data / "stories" / name).open() as file:
            rows += [row for row in map(json.loads, file) if row.get("date")]
    rows.sort(key=lambda row: (row["date"], row["id"]))
    found = []
    for row in rows[:most]:
        told = {"guid": row["id"], "title": row["title"], "body": row["text"], "published": row["date"]}
        copy = json.dumps(told | {"language": "en"}).encode()
        found.append((copy, row.get("source") or "", row.get("cluster") or ""))
    return _in_order(found, ".json")


def invented(count: int) -> list[Item]:
    """Articles of which one came every five minutes."""
    return _in_order(((text_of(number).encode(), "", "") for number in range(count)), ".json")


def _in_order(found: Iterable[tuple[bytes, str, str]], end: str) -> list[Item]:
    """The items (data, source, gold story), each as one article, in the order of event times."""
    settings = Settings(ZoneInfo("UTC"))
    items = []
    for number, (data, source, gold) in enumerate(found):
        (article,) = parse(RawItem(f"{number}{end}", data, 0), settings)
        assert not isinstance(article, Reject), article
        slip = make_slip(tag_language(clean(article)), _LATE)
        assert slip.stated_time > 0, "it states no time of its own"
        items.append(Item("", data, slip, source, gold))
    items.sort(key=lambda item: (in_order(item.slip), item.data))
    return [item._replace(name=f"{number:05}{end}") for number, item in enumerate(items)]


def by_time(items: Iterable[Item], length: int, arrived: Callable[[Item], int]) -> Iterator[tuple[int, list[Item]]]:
    """The items that arrived in the same stretch of `length` microseconds, and its end; only of those with any."""
    placed = sorted(((arrived(item) // length, item) for item in items), key=lambda one: (one[0], one[1].name))
    for stretch, group in groupby(placed, key=lambda one: one[0]):
        yield (stretch + 1) * length, [item for _, item in group]


def event_time(item: Item) -> int:
    return item.slip.stated_time


def in_one_run(items: list[Item], folder: Path) -> Path:
    _run(folder, lay(items, folder / "wire"), max(end for end, _ in by_time(items, HOUR, event_time)))
    return folder / "out"


def in_slices(items: list[Item], folder: Path, length: int, arrived: Callable[[Item], int] = event_time) -> Path:
    """A run for each stretch of `length` microseconds in which something arrived, going on from the one before."""
    for end, some in by_time(items, length, arrived):
        _run(folder, lay(some, folder / str(end)), end)
    return folder / "out"


def from_folder(items: list[Item], folder: Path, most: int) -> Path:
    """A follower takes `most` files a slice, the oldest first."""
    return _followed(items, folder, most, str(lay(items, folder / "wire")))


def from_topic(items: list[Item], folder: Path, most: int, servers: str) -> Path:
    """A follower takes `most` messages a slice, the oldest first, of a topic with three partitions."""
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    topic = f"wire-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": servers})
    (made,) = admin.create_topics([NewTopic(topic, _PARTITIONS, 1)]).values()
    made.result()
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True})
    for item in items:
        # Messages of one time keep their order within a partition.
        time = event_time(item) // 1000
        partition = random.Random(time).randrange(_PARTITIONS)
        producer.produce(topic, item.data, partition=partition, timestamp=time)
        producer.poll(0)
    assert producer.flush(60) == 0
    return _followed(items, folder, most, f"kafka://{servers}/{topic}")


def chained(slices: Iterable[list[Item]]) -> dict[str, str]:
    """article_id -> story, merges followed, of slices that hand on their ledger."""
    earlier = _Earlier()
    desks: dict[str, Desk] = {}
    keys: dict[str, str] = {}
    merged: dict[str, str] = {}
    for items in slices:
        by_item: dict[str, list[Slip]] = defaultdict(list)
        for item in items:
            by_item[item.slip.item_id].append(item.slip)
        known = {row.key: ledger.decode_article(row) for row in earlier.rows(ARTICLE, by_item)}
        by_desk: dict[str, list[Slip]] = defaultdict(list)
        for item_id, slips in by_item.items():
            for slip in settle(slips, known.get(item_id)):
                by_desk[slip.desk].append(slip)
        for language, slips in by_desk.items():
            desk = desks.setdefault(language, Desk(language))
            desk.begin_run()
            recall(desk, slips, earlier)
            for made in desk.key(slips):
                if isinstance(made, Decision):
                    keys[made.article_id] = made.story_id
                elif isinstance(made, Story):
                    merged[made.story_id] = made.merged_into
                else:
                    row = ledger.encode(made)
                    earlier.left[row.kind, row.key] = row
    return {article_id: _end(story, merged) for article_id, story in keys.items()}


class _Earlier:
    """What slices have left of articles and ended stories, the newest of each."""

    def __init__(self) -> None:
        self.left: dict[tuple[str, str], LedgerRow] = {}

    def rows(self, kind: str, keys: Iterable[str]) -> list[LedgerRow]:
        return [self.left[kind, key] for key in keys if (kind, key) in self.left]


def _end(story: str, merged: dict[str, str]) -> str:
    while merged.get(story):
        story = merged[story]
    return story


def lay(items: Iterable[Item], folder: Path) -> Path:
    """The items as files that are as old as their articles."""
    folder.mkdir(parents=True)
    for item in items:
        path = folder / item.name
        path.write_bytes(item.data)
        nanoseconds = event_time(item) * 1000
        os.utime(path, ns=(nanoseconds, nanoseconds))
    return folder


def _run(folder: Path, wire: Path, as_of: int) -> None:
    run.run(outputs.config(folder / "out", wire, as_of=as_of), [])


def _followed(items: list[Item], folder: Path, most: int, wire: str) -> Path:
    config: Config = outputs.config(folder / "out", wire, followed=True, max_reject_share=1.0, if_busy="wait")
    follower = Follower(config, [], Plan(1e-9, 0.0, most, KEEP, ""), Stop())
    while read_of(folder / "out") < len(items):
        follower.step()
    return folder / "out"


def read_of(output: Path) -> int:
    """How many items have been read."""
    return sum(made["counts"].get("items", 0) for made in outputs.manifests(output)) if output.exists() else 0


def keys_of(output: Path) -> dict[str, str]:
    """article_id -> story, merges followed."""
    return {article_id: row["story_id"] for (article_id, _), row in outputs.union(output)[0].items()}


def hash_of(output: Path) -> str:
    """Of all rows as they stand after the last run, without the fields in which the ways differ."""
    found: tuple[dict[Any, Any], dict[str, Any]] = outputs.union(output, OWN)
    rows = [sorted((str(key), row) for key, row in one.items()) for one in found]
    return hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()[:12]
