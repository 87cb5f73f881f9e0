"""Topics of a real broker as a source: nothing lost, nothing twice, whatever happens to topic and broker."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline import kafka, topics
from pipeline.cli import main
from pipeline.errors import RunError
from pipeline.kafka import Access
from pipeline.topics import TopicRange
from pipeline.unpack import Limits
from tests import ways
from tests.conftest import ROOT, SAMPLES
from tests.engines.broker import PASSWORD, USER, Broker
from tests.faults.following import (
    DISK_FULL,
    KILLS,
    Feed,
    Following,
    assert_whole,
    disk,
    figures,
    killed_at_random,
    partitions,
    until,
)
from tests.faults.ground import TWO_PROCESSES
from tests.pipeline.outputs import current_articles, manifests, rows, tree
from transforms.article import NO_ENVELOPE, Envelope, RawItem

pytestmark = pytest.mark.engine

LIMITS = Limits(2**20, 2**24)
DAYS = ["2026-03-13T00:00:00Z", "2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z"]
RESTARTS = 5 if KILLS >= 10 else 1
"""How often the broker is killed while the follower is killed as well."""
CODECS = ["gzip", "snappy", "lz4", "zstd", "none"]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    pytest.importorskip("confluent_kafka", reason="pip install 'storywire[kafka]'")
    with Broker() as running:
        yield running


class Topic:
    """A topic of its own for a test."""

    def __init__(self, broker: Broker, partitions: int) -> None:
        from confluent_kafka.admin import AdminClient

        self.broker = broker
        self.name = f"wire-{uuid.uuid4().hex[:8]}"
        self.admin = AdminClient({"bootstrap.servers": broker.plain})
        self.make(partitions)

    def make(self, partitions: int) -> None:
        from confluent_kafka.admin import NewTopic

        (made,) = self.admin.create_topics([NewTopic(self.name, partitions, 1)]).values()
        made.result()

    def remove(self) -> None:
        (gone,) = self.admin.delete_topics([self.name]).values()
        gone.result()

    def grow(self, partitions: int) -> None:
        from confluent_kafka.admin import NewPartitions

        (made,) = self.admin.create_partitions([NewPartitions(self.name, partitions)]).values()
        made.result()

    def delete_before(self, partition: int, offset: int) -> None:
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import AdminClient

        # One that has been at work may not know of a new partition yet.
        admin = AdminClient({"bootstrap.servers": self.broker.plain})
        (gone,) = admin.delete_records([TopicPartition(self.name, partition, offset)]).values()
        gone.result()

    def producer(self, **properties: Any) -> Any:
        from confluent_kafka import Producer

        return Producer({"bootstrap.servers": self.broker.plain, "linger.ms": 20, **properties})

    def send(self, *values: bytes | None, partition: int = 0, codec: str = "none", **rest: Any) -> None:
        producer = self.producer(**{"compression.type": codec})
        for value in values:
            producer.produce(self.name, value, partition=partition, **rest)
        assert producer.flush(30) == 0

    def input(self, servers: str = "") -> str:
        return f"kafka://{servers or self.broker.plain}/{self.name}"

    def ranges(self, read: dict[str, Any] | None = None, **changes: Any) -> list[TopicRange]:
        return kafka.ranges([self.input()], Access(wait=5), read or {}, **changes)

    def items(self, ranges: list[TopicRange], limits: Limits = LIMITS) -> list[Any]:
        return [item for one in ranges for item in kafka.read_range(one, Access(wait=5), limits, 7, print)]

    def offsets(self, ranges: list[TopicRange]) -> list[str]:
        return [item.uri.removeprefix(self.name) for item in self.items(ranges)]


@pytest.fixture
def topic(broker: Broker) -> Iterator[Topic]:
    made = Topic(broker, 3)
    yield made
    made.remove()


def article(number: int, **changes: Any) -> bytes:
    town = ("Skarholm", "Brunnsund", "Tjellvik")[number % 3]
    return json.dumps(
        {
            "guid": f"urn:example:{number}",
            "provider": "Skarholm News",
            "headline": f"Council of {town} votes on harbour plan {number // 3}",
            "body": f"The council of {town} voted on Tuesday to widen the harbour for plan {number // 3}. "
            "Work begins in spring, the mayor told reporters, and will take two years.",
            "versionCreated": f"2026-03-{1 + number % 12:02}T10:00:00Z",
            **changes,
        }
    ).encode()


def run(topic: Topic, output: Path, as_of: str = DAYS[0], *options: str) -> int:
    return main(["run", f"--input={topic.input()}", f"--output={output}", f"--as_of={as_of}", "--quiet", *options])


def interval(output: Path, topic: Topic, number: int = -1) -> dict[str, tuple[int, int]]:
    read = manifests(output)[number]["input"]["topics"][topic.name]
    return {partition: (one["from"], one["to"]) for partition, one in read.items()}


def test_messages_become_the_rows_that_files_become_whatever_the_processes(topic, tmp_path):
    wire = tmp_path / "wire"
    wire.mkdir()
    # A name may hold a date, and of equal deliveries the smaller uri stands: so names that sort as the offsets do.
    for number, sample in enumerate(sorted(path for path in SAMPLES.rglob("*") if path.is_file())):
        path = wire / f"{number:03}"
        path.write_bytes(sample.read_bytes())
        os.utime(path, (1_773_000_000 + number, 1_773_000_000 + number))
        topic.send(
            path.read_bytes(), codec=CODECS[number % 5], timestamp=(1_773_000_000 + number) * 1000, key=f"{number}"
        )
        # The other partitions must be read too.
        other = article(1000 + number)
        (wire / f"x{number:03}").write_bytes(other)
        topic.send(other, partition=1 + number % 2, timestamp=1_773_000_000_000)
        os.utime(wire / f"x{number:03}", (1_773_000_000, 1_773_000_000))
    more = ("--max_reject_share=0.2",)
    assert run(topic, tmp_path / "one", DAYS[0], *more) == 0
    assert run(topic, tmp_path / "two", DAYS[0], *more, *TWO_PROCESSES) == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")

    files = tmp_path / "files"
    assert main(["run", f"--input={wire}", f"--output={files}", f"--as_of={DAYS[0]}", "--quiet", *more]) == 0
    assert count_of(tmp_path / "one") == count_of(files)
    for name, own in (("articles", {"uri", "message_key"}), ("rejects", {"uri", "message", "message_key"})):
        read, expected = (
            sorted(
                json.dumps({key: value for key, value in row.items() if key not in own}, default=str) for row in found
            )
            for found in (rows(tmp_path / "one", name), rows(files, name))
        )
        assert read == expected
    assert {row["message_key"] for row in rows(files, "articles")} == {None}


def count_of(output: Path) -> dict[str, int]:
    counts = manifests(output)[-1]["counts"]
    return {name: number for name, number in counts.items() if name not in ("read/parts", "read/items", "parse/items")}


def test_a_chain_of_runs_reads_each_message_once_and_new_partitions_too(topic, tmp_path, broker):
    sent = 0
    for number, day in enumerate(DAYS):
        if number == 1:
            topic.grow(5)
        for partition in range(3 if number == 0 else 5):
            topic.send(*(article(sent + more) for more in range(4)), partition=partition)
            sent += 4
        assert run(topic, tmp_path, day) == 0
    assert interval(tmp_path, topic, 0) == {str(partition): (0, 4) for partition in range(3)}
    assert interval(tmp_path, topic, 1) == {str(one): (4, 8) if one < 3 else (0, 4) for one in range(5)}
    assert interval(tmp_path, topic, 2) == {str(one): (8, 12) if one < 3 else (4, 8) for one in range(5)}
    assert {row["guid"] for row in current_articles(tmp_path).values()} == {f"urn:example:{n}" for n in range(sent)}
    assert [made["counts"].get("redeliveries", 0) for made in manifests(tmp_path)] == [0, 0, 0]
    assert topic.admin.list_consumer_groups().result().valid == []

    before = tree(tmp_path)
    assert run(topic, tmp_path, DAYS[2]) == 0
    assert tree(tmp_path) == before
    assert main(["check", str(tmp_path), "--quiet"]) == 0


def test_a_run_over_files_hands_the_positions_on(topic, tmp_path):
    topic.send(article(1))
    assert run(topic, tmp_path / "out", DAYS[0]) == 0
    (tmp_path / "a.json").write_bytes(article(2))
    asked = ["run", f"--input={tmp_path / 'a.json'}", f"--output={tmp_path / 'out'}", "--quiet"]
    assert main([*asked, f"--as_of={DAYS[1]}"]) == 0
    assert interval(tmp_path / "out", topic)["0"] == (1, 1)
    topic.send(article(3))
    assert main([*asked, f"--as_of={DAYS[2]}", f"--input={topic.input()}"]) == 0
    assert interval(tmp_path / "out", topic)["0"] == (1, 2)
    assert manifests(tmp_path / "out")[-1]["counts"]["items"] == 2


def test_key_and_headers_stand_in_rows_rejects_and_what_is_held(topic, tmp_path):
    headers = [("trace", b"\xff7"), ("trace", "ü".encode()), ("nothing", None)]
    kept = [{"name": "trace", "value": "\\xff7"}, {"name": "trace", "value": "ü"}, {"name": "nothing", "value": ""}]
    topic.send(article(1), key=b"k\xfe1", headers=headers)
    topic.send(b"\0\1 no article", key="broken", headers=headers)
    topic.send(article(2, embargoed="2026-03-13T12:00:00Z"), key="held", headers=headers)
    topic.send(None, key="gone")
    topic.send(None)
    assert run(topic, tmp_path, DAYS[0], "--hold_embargoed", "--max_reject_share=0.5") == 0
    (row,) = rows(tmp_path, "articles")
    assert (row["uri"], row["position"]) == (f"{topic.name}/0/0", 0)
    assert (row["message_key"], row["message_headers"]) == ("k\\xfe1", kept)
    found = {(row["error"], row["message_key"], row["uri"]) for row in rows(tmp_path, "rejects")}
    place = f"{topic.name}/0"
    assert found == {
        ("binary", "broken", f"{place}/1"), ("tombstone", "gone", f"{place}/3"), ("tombstone", None, f"{place}/4")
    }  # fmt: skip
    counts = manifests(tmp_path)[0]["counts"]
    assert (counts["items"], counts["rejects/skip/tombstone"], counts["held"]) == (5, 2, 1)

    # A replay, and a run that delivers what was held, go on from the stored payloads: the topic need not have them.
    topic.delete_before(0, 5)
    assert main(["replay", f"{tmp_path}/rejects/as_of=20260313T000000Z", "--quiet"]) == 0
    assert run(topic, tmp_path, DAYS[1], "--hold_embargoed") == 0
    again = [row for row in rows(tmp_path, "rejects") if row["error"] == "binary"]
    assert [(row["uri"], row["message_key"], row["message_headers"]) for row in again] == [
        (f"{place}/1", "broken", kept)
    ] * 2
    (delivered,) = [row for row in rows(tmp_path, "articles") if row["guid"] == "urn:example:2"]
    assert (delivered["message_key"], delivered["message_headers"]) == ("held", kept)
    assert delivered["uri"] == f"{place}/2"


def test_a_message_may_hold_many_articles_or_be_packed_or_too_long(topic):
    lines = b"\n".join(article(number) for number in range(3))
    topic.send(lines, gzip.compress(lines), b"x" * 5001, b"", key="k", timestamp=1_773_000_000_123)
    found = topic.items(topic.ranges(), Limits(5000, 10**6))
    arrived, envelope = 1_773_000_000_123_000, Envelope("k")
    place = f"{topic.name}/0"
    assert found[0] == RawItem(f"{place}/0", lines, arrived, envelope=envelope)
    assert found[1] == RawItem(f"{place}/1", lines, arrived, line=1, envelope=envelope)
    assert (found[2].error, found[2].payload_size, found[2].envelope) == ("too_large", 5001, envelope)
    assert found[3] == RawItem(f"{place}/3", b"", arrived, envelope=envelope)
    assert len(found) == 4


def test_headers_beyond_all_measure_are_not_kept(topic):
    topic.send(article(1), headers=[("big", b"\xff" * 200_001)])
    (found,) = topic.items(topic.ranges())
    assert (found.error, found.payload, found.envelope) == ("too_large", article(1), NO_ENVELOPE)


def test_only_what_is_committed_is_read_and_markers_end_a_range(topic):
    producer = topic.producer(**{"transactional.id": topic.name})
    producer.init_transactions()
    for number, outcome in enumerate([producer.commit_transaction, producer.abort_transaction] * 2):
        producer.begin_transaction()
        for more in range(3):
            producer.produce(topic.name, article(10 * number + more), partition=0)
        producer.flush()
        outcome()
    expected = ["/0/0", "/0/1", "/0/2", "/0/8", "/0/9", "/0/10"]
    ranges = [one for one in topic.ranges() if one.partition == 0]
    # Three messages and a marker each.
    assert [(one.start, one.stop) for one in ranges] == [(0, 16)]
    assert topic.offsets(ranges) == expected
    # A cut may fall anywhere, also where nothing but what was aborted lies.
    for cut in range(1, 16):
        assert topic.offsets([ranges[0]._replace(stop=cut), ranges[0]._replace(start=cut)]) == expected
    # An open transaction ends what can be read.
    producer.begin_transaction()
    producer.produce(topic.name, article(99), partition=0)
    producer.flush()
    topic.send(article(100))
    assert [(one.start, one.stop) for one in topic.ranges() if one.partition == 0] == [(0, 16)]
    assert topic.offsets(ranges) == expected
    producer.commit_transaction()
    assert topic.offsets([one for one in topic.ranges() if one.partition == 0]) == [*expected, "/0/16", "/0/17"]


def test_the_parts_of_a_partition_are_its_messages(topic, monkeypatch, tmp_path):
    topic.send(*(article(number) for number in range(50)))
    assert run(topic, tmp_path / "whole") == 0
    monkeypatch.setattr(topics, "_PART_OFFSETS", 7)
    ranges = [one for one in topic.ranges() if one.partition == 0]
    assert [one.start for one in ranges] == [one.stop for one in [ranges[0]._replace(stop=0), *ranges[:-1]]]
    assert len(ranges) == 8
    assert topic.offsets(ranges) == [f"/0/{offset}" for offset in range(50)]
    assert run(topic, tmp_path / "parts", DAYS[0], *TWO_PROCESSES) == 0
    whole, parts = (
        {name: digest for name, digest in tree(output).items() if not name.startswith("manifests/")}
        for output in (tmp_path / "whole", tmp_path / "parts")
    )
    assert parts == whole
    assert interval(tmp_path / "parts", topic) == interval(tmp_path / "whole", topic)


def test_what_was_deleted_unread_stops_the_run_or_is_counted(topic, tmp_path, capsys):
    topic.send(*(article(number) for number in range(10)))
    topic.delete_before(0, 2)
    # What was deleted before the first run began is nobody's gap.
    assert run(topic, tmp_path, DAYS[0]) == 0
    assert interval(tmp_path, topic)["0"] == (2, 10)
    topic.send(*(article(number) for number in range(10, 20)))
    topic.grow(4)
    topic.send(*(article(number) for number in range(20, 24)), partition=3)
    topic.delete_before(0, 13)
    topic.delete_before(3, 1)
    before = tree(tmp_path)
    assert run(topic, tmp_path, DAYS[1]) == 1
    told = capsys.readouterr().err
    assert f"{topic.name}/0: offsets 10 to 12 were deleted" in told
    assert f"{topic.name}/3: offsets 0 to 0 were deleted" in told
    assert "--on_gap=skip" in told
    assert tree(tmp_path) == before
    assert run(topic, tmp_path, DAYS[1], "--on_gap=skip") == 0
    counts = manifests(tmp_path)[-1]["counts"]
    assert counts[f"gaps/deleted/{topic.name}/0"] == 3
    assert counts[f"gaps/deleted/{topic.name}/3"] == 1
    assert counts["items"] == 10
    assert interval(tmp_path, topic) == {"0": (13, 20), "1": (0, 0), "2": (0, 0), "3": (1, 4)}
    assert run(topic, tmp_path, DAYS[2]) == 0


def test_a_topic_made_anew_stops_the_run_or_is_read_from_its_start(topic, tmp_path, capsys):
    topic.send(*(article(number) for number in range(5)))
    assert run(topic, tmp_path, DAYS[0]) == 0
    topic.remove()
    time.sleep(1)
    topic.make(3)
    # It holds more than the old one did, so offsets alone would not tell.
    topic.send(*(article(number) for number in range(10, 18)))
    assert run(topic, tmp_path, DAYS[1]) == 1
    told = capsys.readouterr().err
    assert f"{topic.name} was made anew since the last run, which ended with {topic.name}/0 at 5" in told
    assert "--on_gap=skip" in told
    assert run(topic, tmp_path, DAYS[1], "--on_gap=skip") == 0
    made = manifests(tmp_path)[-1]
    assert made["counts"][f"gaps/made_anew/{topic.name}"] == 1
    assert interval(tmp_path, topic)["0"] == (0, 8)
    assert made["counts"]["items"] == 8


def test_a_slice_takes_the_oldest_and_a_chain_of_slices_takes_all(topic):
    for partition, times in enumerate([range(0, 40, 2), range(1, 20, 2), [5] * 10]):
        for number, at in enumerate(times):
            topic.send(article(number), partition=partition, timestamp=1_773_000_000_000 + at)
    whole = topic.offsets(topic.ranges())
    read: dict[str, Any] = {}
    slices = []
    for _ in range(4):
        ranges = topic.ranges(read, most=15)
        slices.append(topic.offsets(ranges))
        read = topics.interval(ranges)
    assert [len(one) for one in slices] == [15, 15, 10, 0]
    # 0 to 4 ms hold five messages, the two first partitions have none of 5 ms but one.
    assert slices[0] == [*(f"/0/{n}" for n in range(3)), *(f"/1/{n}" for n in range(3)), *(f"/2/{n}" for n in range(9))]
    assert sorted(offset for one in slices for offset in one) == sorted(whole)


def test_an_interval_is_read_again_while_the_topic_holds_it(topic, tmp_path):
    topic.send(*(article(number) for number in range(6)))
    assert run(topic, tmp_path) == 0
    made = manifests(tmp_path)[0]
    first = topic.offsets(topic.ranges())
    topic.send(article(7))
    again = kafka.again([topic.input()], Access(wait=5), made)
    assert topics.interval(again) == {key: made["input"][key] for key in ("topics", "topic_ids")}
    assert topic.offsets(again) == first
    topic.delete_before(0, 1)
    with pytest.raises(RunError, match="there are only 1 to 6 now"):
        kafka.again([topic.input()], Access(wait=5), made)


def test_what_vanishes_while_it_is_read_fails_the_run(topic):
    topic.send(*(article(number) for number in range(10)))
    (part,) = [one for one in topic.ranges() if one.partition == 0]
    topic.delete_before(0, 4)
    with pytest.raises(RunError, match="were there when the run began"):
        topic.items([part])
    topic.remove()
    time.sleep(1)
    topic.make(3)
    topic.send(*(article(number) for number in range(10)))
    with pytest.raises(RunError, match="made anew while it was read"):
        topic.items([part])


def test_an_unknown_topic_and_other_mistakes(broker, topic, tmp_path, capsys):
    for options, told in (
        ([f"--input=kafka://{broker.plain}/nowhere"], "/nowhere: there is no such topic"),
        ([f"--input=kafka://{broker.plain}/a b"], "write kafka://broker1"),
        ([f"--input=kafka://joe:{PASSWORD}@{broker.plain}/a"], "a login stands in the file"),
        ([f"--input={topic.input()}", "--input=kafka://other:9092/x"], "of one cluster"),
        ([f"--input={topic.input()}", f"--kafka_config={tmp_path / 'none'}"], "can't be read"),
    ):
        assert main(["run", *options, f"--output={tmp_path / 'out'}", "--quiet"]) == 2
        said = capsys.readouterr().err
        assert told in said
        assert PASSWORD not in said
    assert not (tmp_path / "out" / "manifests").exists() or not list((tmp_path / "out" / "manifests").iterdir())


def properties(folder: Path, broker: Broker, **changes: str) -> Path:
    lines = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(broker.authority),
        "sasl.mechanism": "PLAIN",
        "sasl.username": USER,
        "sasl.password": PASSWORD,
        **{key.replace("_", "."): value for key, value in changes.items()},
    }
    path = folder / f"{uuid.uuid4().hex}.properties"
    path.write_text("# of the tests\n\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value))
    return path


def test_tls_and_a_login_out_of_a_file_that_nobody_quotes(broker, topic, tmp_path, capfd):
    topic.send(article(1), article(2))
    output = tmp_path / "out"
    login = ["run", f"--input={topic.input(broker.login)}", f"--output={output}", f"--as_of={DAYS[0]}"]
    loud = [*login, f"--kafka_config={properties(tmp_path, broker, debug='all')}", "--verbose", *TWO_PROCESSES]
    told = (tmp_path / "told").open("wb")
    with told:
        subprocess.run([sys.executable, "-m", "pipeline.cli", *loud], check=True, cwd=ROOT, stdout=told, stderr=told)
    assert b"SASL" in (tmp_path / "told").read_bytes()
    # Workers that have done their work end as they should.
    assert b"Fatal Python error" not in (tmp_path / "told").read_bytes()
    assert len(rows(output, "articles")) == 2
    tls = {"security_protocol": "SSL", "sasl_mechanism": "", "sasl_username": "", "sasl_password": ""}
    only_tls = properties(tmp_path, broker, **tls)
    assert main(
        ["run", f"--input={topic.input(broker.tls)}", f"--output={tmp_path / 'tls'}", f"--as_of={DAYS[0]}",
         f"--kafka_config={only_tls}", "--quiet"]
    ) == 0  # fmt: skip
    # Neither host nor login is part of a result.
    assert tree(tmp_path / "tls") == tree(output)

    wrong = properties(tmp_path, broker, sasl_password=f"{PASSWORD}-wrong")
    for path, told in (
        (wrong, "the brokers let nobody in so"),
        (properties(tmp_path, broker, ssl_ca_location=""), "no TLS connection"),
        (properties(tmp_path, broker, sasl_mechanism="DANCE"), "--kafka_config="),
        (properties(tmp_path, broker, no_such_thing="x"), "no.such.thing"),
        (properties(tmp_path, broker, group_id="mine"), "leave group.id out"),
    ):
        start = time.monotonic()
        assert main([*login, f"--kafka_config={path}"]) == 2, path.read_text()
        assert told in capfd.readouterr().err
        assert time.monotonic() - start < 20
    (tmp_path / "no equals.properties").write_text(f"sasl.password {PASSWORD}\n")
    assert main([*login, f"--kafka_config={tmp_path / 'no equals.properties'}"]) == 2
    said = capfd.readouterr()
    assert PASSWORD not in said.err + said.out
    for path in (path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".properties"):
        assert PASSWORD.encode() not in path.read_bytes(), path


def test_a_broker_that_stays_away_is_told_with_growing_pauses(broker, tmp_path, capsys):
    start = time.monotonic()
    away = ["run", "--input=kafka://127.0.0.1:9/x", f"--output={tmp_path}", "--kafka_wait=6", "--quiet"]
    assert main(away) == 1
    said = capsys.readouterr().err
    assert re.findall(r"Kafka does not answer: .*127\.0\.0\.1:9.*; trying again in (\d+) s\n", said)[:2] == ["1", "2"]
    assert "(--kafka_wait)" in said
    assert 6 <= time.monotonic() - start < 60


def test_a_broker_killed_while_it_is_read_costs_nothing(broker, topic):
    count = 3000
    topic.send(*(article(number) + b" " * 20_000 for number in range(count)))
    (part,) = [one for one in topic.ranges() if one.partition == 0]
    said: list[str] = []
    found: list[str] = []
    killed = threading.Event()

    def read() -> None:
        for item in kafka.read_range(part, Access(wait=120), LIMITS, 7, said.append):
            found.append(item.uri)
            if len(found) == 300:
                killed.wait(60)

    # The broker lives as long as the thread that starts it, so another one reads.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while len(found) < 300:
        assert reader.is_alive()
        time.sleep(0.01)
    broker.kill()
    killed.set()
    time.sleep(4)
    broker.start()
    reader.join(120)
    assert found == [f"{topic.name}/0/{offset}" for offset in range(count)]
    assert [re.sub(r".*trying again in ", "", line) for line in said][:2] == ["1 s", "2 s"]


def following(topic: Topic, folder: Path, output: Path, *flags: str) -> Following:
    return Following(folder, output, f"--input={topic.input()}", "--every=0.2", *flags)


def delivered(output: Path) -> int:
    """How many messages committed slices have read."""
    made = [json.loads(path.read_text()) for path in partitions(output)]
    return sum(one["counts"].get("items", 0) for one in made)


def test_a_follower_takes_slices_and_stops_where_messages_are_missing(topic, tmp_path):
    output = tmp_path / "out"
    topic.send(*(article(number) for number in range(25)))
    with following(topic, tmp_path, output, "--max_items=10") as follower:
        until(lambda: delivered(output) == 25)
        assert follower.stop() == 0
    slices = [made["input"]["topics"][topic.name]["0"] for made in manifests(output)]
    assert slices == [{"from": 0, "to": 10}, {"from": 10, "to": 20}, {"from": 20, "to": 25}]

    before = tree(output)
    topic.send(*(article(number) for number in range(50, 55)))
    topic.delete_before(0, 27)
    with following(topic, tmp_path, output) as follower:
        assert follower.process.wait(60) == 1
        assert f"{topic.name}/0: offsets 25 to 26 were deleted" in follower.said()
    assert tree(output) == before


def test_a_topic_followed_in_event_order_gives_the_rows_of_one_run(broker, tmp_path):
    """With real articles: tests/bench/orders.py."""
    items = ways.invented(120)
    whole = ways.in_one_run(items, tmp_path / "whole")
    followed = ways.from_topic(items, tmp_path / "topic", 45, broker.plain)
    assert [made["counts"]["items"] for made in manifests(followed)] == [45, 45, 30]
    assert len({row["uri"].split("/")[1] for row in rows(followed, "articles")}) == 3
    assert len(set(ways.keys_of(whole).values())) > 5
    assert ways.hash_of(followed) == ways.hash_of(whole)


def restart(broker: Broker, follower: Following) -> None:
    """The broker is killed while the follower has a slice in hand, and comes back once it has been missed."""
    until(follower.in_hand)
    before = follower.said().count("Kafka does not answer")
    broker.kill()
    until(lambda: follower.said().count("Kafka does not answer") > before)
    broker.start()


@pytest.mark.timeout(1800)
def test_a_follower_loses_and_doubles_nothing_whoever_is_killed(broker, topic, tmp_path):
    """The follower and its children, the broker meanwhile, and the disk that is full once."""
    start = time.monotonic()
    # It sends each once and in order, also to a broker that was away.
    producer = topic.producer(**{"enable.idempotence": True, "linger.ms": 0})

    def write(number: int, text: str) -> None:
        # A town is a partition: what a slice lists is not of one moment for all.
        producer.produce(topic.name, text, partition=number % 3)
        producer.poll(0)

    with disk(tmp_path / "disk") as full:
        output = tmp_path / "disk" / "out"
        again = range(1, KILLS, max(1, KILLS // (RESTARTS + 1)))[:RESTARTS]
        troubles = {number: partial(restart, broker) for number in again} | {KILLS // 2: full}
        with Feed(write) as feed:
            met = killed_at_random(partial(following, topic, tmp_path, output), KILLS, troubles, seed=KILLS)
        assert producer.flush(60) == 0
        with following(topic, tmp_path, output) as last:
            until(lambda: delivered(output) >= feed.number)
            assert last.stop() == 0

        assert_whole(output, tmp_path, [topic.input()], feed.number)
        for earlier, later in pairwise(manifests(output)):
            earlier, later = (one["input"]["topics"][topic.name] for one in (earlier, later))
            assert {number: one["from"] for number, one in later.items()} == {
                number: one["to"] for number, one in earlier.items()
            }
        expected = (*DISK_FULL, "Kafka does not answer", "stopping after the slice in hand")
        assert [line for line in last.said().splitlines() if not any(words in line for words in expected)] == []
        print(figures(met + Counter(brokers=len(again)), last, feed.number, start))


def test_a_run_goes_on_where_the_broker_comes_back(broker, topic, tmp_path):
    topic.send(*(article(number) + b" " * 2_000 for number in range(300)))
    undisturbed, output = tmp_path / "undisturbed", tmp_path / "out"
    assert run(topic, undisturbed, DAYS[0], *TWO_PROCESSES) == 0
    command = [sys.executable, "-m", "pipeline.cli", "run", f"--input={topic.input()}", f"--output={output}",
               f"--as_of={DAYS[0]}", "--quiet", *TWO_PROCESSES]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        # It holds the lock from before it lists the topic on.
        while not (output / ".lock").exists():
            assert process.poll() is None
            time.sleep(0.05)
        broker.kill()
        time.sleep(4)
        broker.start()
        _, said = process.communicate(timeout=200)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert "Kafka does not answer" in said
    assert tree(output) == tree(undisturbed)


def test_nothing_is_asked_of_brokers_for_positions_that_are_handed_on():
    carried = kafka.ranges([], Access(), {"topics": {"x": {"0": {"from": 3, "to": 9}}}, "topic_ids": {"x": "id"}})
    assert carried == [TopicRange("", "x", "id", 0, 9, 9)]
    assert list(kafka.read_range(carried[0], Access(), LIMITS, 7, print)) == []
