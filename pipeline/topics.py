"""Which offsets of Kafka topics a run reads: where the run before ended, what the topic holds now, and what is missing.

In: the names of topics, the `input` of the parent's manifest, and what the brokers say. Out: TopicRanges, which workers
read in parallel. Offsets are kept in manifests and nowhere else. Nothing here speaks to a broker: see kafka.py.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.errors import OptionError, RunError

SCHEME = "kafka://"
_INPUT = re.compile(r"kafka://([^/@\s]+)/([A-Za-z0-9._-]{1,249})")
_LOGIN = re.compile(r"kafka://[^/]*@")

# A worker takes this many offsets of a partition at a time: reading them takes some seconds, a connection a tenth of
# one. More parts than that of one partition would bring a laptop nothing.
_PART_OFFSETS = 5_000
_MOST_PARTS = 16
# What a message is taken for where the size of the input matters and can't be known: an article of some length.
_MESSAGE_BYTES = 4_096
# Milliseconds; no message is of the year 10000.
_END_OF_TIME = 253_402_300_800_000


class GapError(RunError):
    """A topic no longer holds what no run has read."""


class TopicRange(NamedTuple):
    """Offsets of a partition that one worker reads; one without any carries the position of an earlier run on."""

    servers: str
    """Where the cluster is found, `host:port,…`; empty for a topic that this run does not read."""
    topic: str
    topic_id: str
    """What the cluster calls the topic beside its name, another one if it is made anew; empty where it has no ids."""
    partition: int
    start: int
    stop: int
    """The first offset behind."""
    deleted: int = 0
    """Offsets before `start` that no run has read and that the topic no longer has."""
    anew: bool = False
    """The topic was made anew since the run before."""

    @property
    def uri(self) -> str:
        """What the uris of its messages begin with."""
        return f"{self.topic}/{self.partition}"

    @property
    def path(self) -> bytes:
        """What tells it from other parts of the run."""
        return f"{SCHEME}{self.uri}/{self.start}".encode()

    @property
    def size(self) -> int:
        """About how many bytes there are to read."""
        return (self.stop - self.start) * _MESSAGE_BYTES

    def gaps(self) -> Iterator[tuple[str, int]]:
        """(name, number) of what is to be counted as missing before it."""
        if self.deleted:
            yield f"gaps/deleted/{self.uri}", self.deleted
        if self.anew:
            yield f"gaps/made_anew/{self.topic}", 1


class Listed(NamedTuple):
    """A topic as the brokers have it."""

    topic_id: str
    partitions: dict[int, tuple[int, int]]
    """Of each partition the first offset that there is, and the first that can't be read yet."""


class Known(NamedTuple):
    """A topic as the runs so far have read it."""

    topic_id: str
    partitions: dict[int, tuple[int, int]]
    """Of each partition the last run's interval: its first offset and the first behind."""


OffsetsAt = Callable[[list[tuple[str, int]], int], dict[tuple[str, int], int]]
"""Of each partition (topic, number) the first offset of a message of a time (milliseconds UTC) or later, else -1."""


def is_topic(name: str) -> bool:
    """True for an input that is a Kafka topic."""
    return name.startswith(SCHEME)


def others(inputs: Iterable[str]) -> list[str]:
    """The inputs that are no topics."""
    return list(itertools.filterfalse(is_topic, inputs))


def topics_of(inputs: Iterable[str]) -> tuple[str, list[str]]:
    """The brokers and the topics, sorted, that the inputs name; OptionError where they can't be read together."""
    servers: dict[str, None] = {}
    topics = set()
    for name in filter(is_topic, inputs):
        if _LOGIN.match(name):
            raise OptionError("--input=kafka://…: a login stands in the file that --kafka_config names, not here")
        found = _INPUT.fullmatch(name)
        if found is None:
            raise OptionError(f"--input={name}: write kafka://broker1:9092,broker2:9092/topic")
        servers[",".join(sorted(found[1].split(",")))] = None
        topics.add(found[2])
    if len(servers) > 1:
        raise OptionError(f"--input: topics of one cluster can be read together, not of {' and '.join(servers)}")
    return next(iter(servers), ""), sorted(topics)


def known_of(read: Mapping[str, Any]) -> dict[str, Known]:
    """The topics in the `input` of a manifest."""
    return {
        topic: Known(
            read.get("topic_ids", {}).get(topic, ""),
            {int(partition): (read["from"], read["to"]) for partition, read in partitions.items()},
        )
        for topic, partitions in read.get("topics", {}).items()
    }


def interval(ranges: Iterable[TopicRange]) -> dict[str, Any]:
    """What a manifest says of the ranges that its run has read: `topics` and `topic_ids`; nothing without any."""
    topics: dict[str, dict[str, dict[str, int]]] = {}
    ids: dict[str, str] = {}
    for one in ranges:
        ids[one.topic] = one.topic_id
        read = topics.setdefault(one.topic, {}).setdefault(str(one.partition), {"from": one.start, "to": one.stop})
        read["from"] = min(read["from"], one.start)
        read["to"] = max(read["to"], one.stop)
    return {"topics": topics, "topic_ids": ids} if topics else {}


def unread(servers: str, listed: Mapping[str, Listed], known: Mapping[str, Known], skip: bool) -> list[TopicRange]:
    """All that the topics hold and no run has read, one range a partition.

    Topics that this run does not read keep their position. Where offsets are missing, `skip` goes on behind them;
    without it GapError names them.
    """
    ranges = []
    missing: list[str] = []
    for topic, now in sorted(listed.items()):
        before = known.get(topic, Known(now.topic_id, {}))
        ends = {partition: read[1] for partition, read in before.partitions.items()}
        fault = _other(topic, before, now)
        if fault:
            missing.append(fault)
        for partition, (low, high) in sorted(now.partitions.items()):
            # A partition that was added since is new from its first message on.
            stood = ends.get(partition, 0 if ends else low)
            deleted = 0 if fault else max(0, low - stood)
            if deleted:
                missing.append(
                    f"{topic}/{partition}: offsets {stood} to {low - 1} were deleted before any run had read them"
                )
            start = low if fault else stood + deleted
            ranges.append(
                TopicRange(
                    servers, topic, now.topic_id, partition, start, max(start, high), deleted,
                    anew=bool(fault) and partition == min(now.partitions),
                )
            )  # fmt: skip
    if missing and not skip:
        raise GapError(f"{'; '.join(missing)}. --on_gap=skip goes on with what there is and counts what is missing")
    kept = (
        TopicRange("", topic, before.topic_id, partition, end, end)
        for topic, before in sorted(known.items())
        if topic not in listed
        for partition, (_, end) in sorted(before.partitions.items())
    )
    return [*ranges, *kept]


def oldest(ranges: list[TopicRange], most: int, at: OffsetsAt) -> list[TopicRange]:
    """The ranges cut to `most` offsets in all, those with the oldest messages.

    Of equal times those of the first partitions. It depends on the offsets and on the messages alone. A message stands
    in nobody's way but its own partition's: those behind one that is dated ahead wait for its turn.
    """
    if sum(one.stop - one.start for one in ranges) <= most:
        return ranges
    read = [one for one in ranges if one.start < one.stop]

    def ends(time: int) -> list[int]:
        """Where each range ends if it ends before the first message of that time or later."""
        offsets = at([(one.topic, one.partition) for one in read], time)
        found = (offsets[one.topic, one.partition] for one in read)
        return [
            one.stop if offset < 0 else min(max(one.start, offset), one.stop)
            for one, offset in zip(read, found, strict=True)
        ]

    def count(stops: list[int]) -> int:
        return sum(stop - one.start for one, stop in zip(read, stops, strict=True))

    # The last time before which there are few enough, and the first before which there are too many.
    before, beyond = 0, _END_OF_TIME
    within, over = [one.start for one in read], [one.stop for one in read]
    while beyond - before > 1:
        time = (before + beyond) // 2
        stops = ends(time)
        if count(stops) <= most:
            before, within = time, stops
        else:
            beyond, over = time, stops
    left = most - count(within)
    cut: dict[bytes, TopicRange] = {}
    for one, stop, last in zip(read, within, over, strict=True):
        more = min(left, last - stop)
        left -= more
        cut[one.path] = one._replace(stop=stop + more)
    return [cut.get(one.path, one) for one in ranges]


def is_read(topic: Known) -> bool:
    """True where the last run has read something of the topic."""
    return any(start < stop for start, stop in topic.partitions.values())


def once_more(
    servers: str, listed: Mapping[str, Listed], read: Mapping[str, Known], counts: Mapping[str, int]
) -> list[TopicRange]:
    """The ranges that a run has read, from what its manifest says of its input and its counts.

    RunError where the topics no longer hold them.
    """
    ranges = []
    for topic, known in sorted(read.items()):
        now = listed.get(topic)
        if now is not None and now.topic_id != known.topic_id:
            raise RunError(f"{topic} was made anew since that run, which can't be done again")
        for partition, (start, stop) in sorted(known.partitions.items()):
            low, high = now.partitions.get(partition, (0, 0)) if now is not None else (start, stop)
            if start < stop and not low <= start < stop <= high:
                raise RunError(
                    f"{topic}/{partition}: that run read the offsets {start} to {stop - 1}, and there are only {low} "
                    f"to {high - 1} now, so it can't be done again"
                )
            found = TopicRange(
                servers if now is not None else "", topic, known.topic_id, partition, start, stop,
                counts.get(f"gaps/deleted/{topic}/{partition}", 0),
                partition == min(known.partitions) and f"gaps/made_anew/{topic}" in counts,
            )  # fmt: skip
            ranges.append(found)
    return ranges


def _other(topic: str, before: Known, now: Listed) -> str:
    """Why a topic is not the one that the run before has read, empty where it is."""
    if before.topic_id and now.topic_id and before.topic_id != now.topic_id:
        ends = ", ".join(f"{topic}/{partition} at {end}" for partition, (_, end) in sorted(before.partitions.items()))
        return f"{topic} was made anew since the last run, which ended with {ends}; what came after that is lost"
    for partition, (_, end) in sorted(before.partitions.items()):
        if partition not in now.partitions:
            return f"{topic} has no partition {partition} any more, so it was made anew since the last run"
        if end > now.partitions[partition][1]:
            return (
                f"{topic}/{partition} ends at offset {now.partitions[partition][1]}, before {end}, where the last run "
                f"ended, so it was made anew or has lost messages"
            )
    return ""


def parts_of(one: TopicRange) -> list[TopicRange]:
    """A range in the parts that workers take, cut by offsets alone."""
    count = one.stop - one.start
    parts = min(_MOST_PARTS, max(1, -(-count // _PART_OFFSETS)))
    edges = [one.start + count * part // parts for part in range(parts + 1)]
    first, *others = itertools.pairwise(edges)
    rest = one._replace(deleted=0, anew=False)
    return [one._replace(stop=first[1]), *(rest._replace(start=start, stop=stop) for start, stop in others)]
