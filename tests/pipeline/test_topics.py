"""Which offsets a run reads: arithmetic on what the brokers say, and what stands in manifests. No broker is asked."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import kafka, manifest, topics
from pipeline.cli import main
from pipeline.errors import OptionError, RunError
from pipeline.kafka import Access
from pipeline.progress import Line, Ticker
from pipeline.topics import Known, Listed, TopicRange
from pipeline.unpack import Limits
from tests.pipeline.outputs import AS_OF, config
from transforms.article import NO_ENVELOPE, Envelope, Header, RawItem

BROKERS = "b1:9092,b2:9092"


def unread(
    now: dict[int, tuple[int, int]], before: dict[int, tuple[int, int]], skip: bool = False, ids: str = "id id"
) -> Any:
    new, old = ids.split(" ")
    listed = {"news": Listed(new, now)}
    known = {"news": Known(old, before)} if before else {}
    ranges = topics.unread(BROKERS, listed, known, skip)
    return [(one.partition, one.start, one.stop, dict(one.gaps())) for one in ranges]


def test_inputs_name_one_cluster_and_its_topics():
    asked = ["kafka://b2:9092,b1:9092/news", "wire/", "kafka://b1:9092,b2:9092/mail.in", "kafka://b1:9092,b2:9092/news"]
    assert topics.topics_of(asked) == (BROKERS, ["mail.in", "news"])
    assert topics.topics_of(["wire/"]) == ("", [])


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (["kafka://b1:9092"], "write kafka://broker1:9092,broker2:9092/topic"),
        (["kafka://b1:9092/"], "write kafka://"),
        (["kafka:///news"], "write kafka://"),
        (["kafka://b1:9092/news/0"], "write kafka://"),
        (["kafka://me:hush@b1:9092/news"], "--kafka_config"),
        (["kafka://b1:9092/a", "kafka://b2:9092/b"], "of b1:9092 and b2:9092"),
    ],
)
def test_inputs_that_can_not_be_read_are_told_without_a_login(inputs, told):
    with pytest.raises(OptionError, match=told) as error:
        topics.topics_of(inputs)
    assert "hush" not in str(error.value)


def test_a_first_run_begins_with_what_there_is():
    assert unread({0: (0, 5), 1: (7, 9), 2: (4, 4)}, {}) == [(0, 0, 5, {}), (1, 7, 9, {}), (2, 4, 4, {})]


def test_a_run_goes_on_where_the_last_one_ended_and_takes_new_partitions_from_their_start():
    assert unread({0: (0, 5), 1: (0, 8), 2: (0, 3)}, {0: (0, 5), 1: (2, 6)}) == [
        (0, 5, 5, {}),
        (1, 6, 8, {}),
        (2, 0, 3, {}),
    ]


def test_what_was_deleted_unread_is_missing_in_old_and_new_partitions():
    now, before = {0: (9, 12), 1: (6, 6), 2: (2, 3)}, {0: (0, 5), 1: (0, 6)}
    with pytest.raises(RunError) as error:
        unread(now, before)
    told = str(error.value)
    assert "news/0: offsets 5 to 8 were deleted" in told
    assert "news/2: offsets 0 to 1 were deleted" in told
    assert "news/1" not in told
    assert "--on_gap=skip" in told
    assert unread(now, before, skip=True) == [
        (0, 9, 12, {"gaps/deleted/news/0": 4}), (1, 6, 6, {}), (2, 2, 3, {"gaps/deleted/news/2": 2})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "ids", "told"),
    [
        ({0: (2, 90)}, "other id", "made anew since the last run, which ended with news/0 at 5"),
        ({0: (2, 4)}, "id id", "news/0 ends at offset 4, before 5"),
        ({0: (2, 4)}, " ", "news/0 ends at offset 4, before 5"),
        ({1: (2, 4)}, " id", "has no partition 0 any more"),
    ],
)
def test_another_topic_of_the_name_is_told_and_read_from_its_start(now, ids, told):
    with pytest.raises(RunError, match=told):
        unread(now, {0: (0, 5)}, ids=ids)
    ((_, start, stop, gaps),) = unread(now, {0: (0, 5)}, skip=True, ids=ids)
    assert (start, stop) == next(iter(now.values()))
    assert gaps == {"gaps/made_anew/news": 1}


def test_a_cluster_without_ids_is_no_other_topic():
    assert unread({0: (0, 9)}, {0: (0, 5)}, ids=" id") == [(0, 5, 9, {})]


def test_manifests_hold_what_was_read_and_hand_on_what_was_not():
    listed = {"news": Listed("id", {0: (0, 12_345), 10: (3, 3)})}
    known = {"mail": Known("m", {0: (2, 7)})}
    parts = [part for one in topics.unread(BROKERS, listed, known, False) for part in topics.parts_of(one)]
    read = topics.interval(parts)
    assert read == {
        "topics": {
            "news": {"0": {"from": 0, "to": 12_345}, "10": {"from": 3, "to": 3}},
            "mail": {"0": {"from": 7, "to": 7}},
        },
        "topic_ids": {"news": "id", "mail": "m"},
    }  # fmt: skip
    assert topics.known_of(read)["news"] == Known("id", {0: (0, 12_345), 10: (3, 3)})
    made = manifest.compose(config(Path("out")), parts, None, {}, [], [])
    assert made["input"] == {"files": 0, "bytes": 0, "uris": [], **read}
    assert BROKERS not in manifest.encode(made).decode()
    assert set(manifest.compose(config(Path("out")), [], None, {}, [], [])["input"]) == {"files", "bytes", "uris"}
    assert topics.known_of({"files": 3}) == {}


@given(st.integers(0, 10**6), st.integers(0, 200_000), st.integers(0, 3))
def test_parts_are_the_range_and_count_a_gap_once(start, count, deleted):
    whole = TopicRange(BROKERS, "news", "id", 3, start, start + count, deleted)
    parts = topics.parts_of(whole)
    assert [parts[0].start, *(part.stop for part in parts)] == [*(part.start for part in parts), start + count]
    assert all(part.start < part.stop for part in parts) or (count == 0 and len(parts) == 1)
    assert [name for part in parts for name in part.gaps()] == list(whole.gaps())
    assert len({part.path for part in parts}) == len(parts) <= 16


@given(st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=4), st.integers(1, 30), st.data())
def test_a_slice_holds_the_oldest_messages(times, most, data):
    starts = [data.draw(st.integers(0, len(partition))) for partition in times]
    ranges = [
        TopicRange(BROKERS, "news", "id", number, start, len(partition))
        for number, (partition, start) in enumerate(zip(times, starts, strict=True))
    ]

    def at(partitions: list[tuple[str, int]], asked: int) -> dict[tuple[str, int], int]:
        found = {}
        for topic, number in partitions:
            later = [offset for offset, one in enumerate(times[number]) if one >= asked]
            found[topic, number] = later[0] if later else -1
        return found

    cut = topics.oldest(ranges, most, at)
    assert [one._replace(stop=0) for one in cut] == [one._replace(stop=0) for one in ranges]
    taken = sum(one.stop - one.start for one in cut)
    assert taken == min(most, sum(one.stop - one.start for one in ranges))
    # What is left is not older than what was taken, once a partition's own order is kept.
    ordered = [[max(partition[: offset + 1]) for offset in range(len(partition))] for partition in times]
    newest = max((ordered[one.partition][offset] for one in cut for offset in range(one.start, one.stop)), default=0)
    for one in cut:
        if one.stop < len(times[one.partition]):
            assert ordered[one.partition][one.stop] >= newest


def test_a_run_is_read_once_more_as_its_manifest_says():
    counts = {"gaps/deleted/news/1": 4, "gaps/made_anew/mail": 1}
    read = {
        "news": Known("id", {0: (3, 3), 1: (5, 9)}),
        "mail": Known("m", {0: (0, 2)}),
        "old": Known("o", {0: (7, 7)}),
    }
    assert topics.is_read(read["news"])
    assert not topics.is_read(read["old"])
    listed = {"news": Listed("id", {0: (8, 9), 1: (5, 70)}), "mail": Listed("m", {0: (0, 2)})}
    found = topics.once_more(BROKERS, listed, read, counts)
    assert topics.interval(found) == topics.interval(
        [
            TopicRange("", topic, known.topic_id, partition, *edges)
            for topic, known in read.items()
            for partition, edges in known.partitions.items()
        ]
    )
    assert {name: number for one in found for name, number in one.gaps()} == counts
    for now, told in (
        (Listed("x", {0: (0, 9), 1: (0, 70)}), "made anew since that run"),
        (Listed("id", {0: (0, 9), 1: (6, 70)}), "there are only 6 to 69 now"),
        (Listed("id", {0: (0, 9), 1: (0, 8)}), "there are only 0 to 7 now"),
        (Listed("id", {0: (0, 9)}), "can't be done again"),
    ):
        with pytest.raises(RunError, match=told):
            topics.once_more(BROKERS, {**listed, "news": now}, read, counts)


def test_a_run_done_again_has_to_know_where_its_topics_are():
    made = {"input": {"topics": {"news": {"0": {"from": 0, "to": 2}}}, "topic_ids": {"news": "id"}}, "counts": {}}
    with pytest.raises(OptionError, match="that run read the topic news"):
        kafka.again(["wire/"], Access(), made)


def test_the_file_of_properties(tmp_path):
    path = tmp_path / "client.properties"
    path.write_text("# a login\n\nsasl.username = wire\nsasl.password=a=b#c \n  # more\n")
    assert kafka.properties_of(str(path)) == {"sasl.username": "wire", "sasl.password": "a=b#c"}
    assert kafka.properties_of("") == {}
    for line, told in (
        ("sasl.password hush", "line 1: write key=value"),
        ("bootstrap.servers=b1:9092", "leave bootstrap.servers out: --input"),
        ("group.id=mine", "leave group.id out: there is no consumer group"),
        ("auto.offset.reset=latest", "leave auto.offset.reset out"),
    ):
        path.write_text(f"{line}\n")
        with pytest.raises(OptionError, match=told) as error:
            kafka.properties_of(str(path))
        assert "hush" not in str(error.value)
    with pytest.raises(OptionError, match="can't be read"):
        kafka.properties_of(str(tmp_path / "none"))


def test_without_the_library_a_topic_is_told_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "confluent_kafka", None)
    assert main(["run", "--input=kafka://b1:9092/news", f"--output={tmp_path}"]) == 2
    assert "pip install 'storywire[kafka]'" in capsys.readouterr().err


def test_waiting_for_less_than_nothing_is_refused(tmp_path, capsys):
    assert main(["run", "--input=kafka://b1:9092/news", f"--output={tmp_path}", "--kafka_wait=-1"]) == 2
    assert "--kafka_wait=-1: write a number of seconds" in capsys.readouterr().err


class Message:
    """What the library gives for a message."""

    def __init__(self, value: bytes | None, time: tuple[int, int] = (1, 5), **rest: Any) -> None:
        self._value = value
        self._time = time
        self._rest = rest

    def offset(self) -> int:
        return 7

    def value(self) -> bytes | None:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return self._time

    def key(self) -> bytes | None:
        return self._rest.get("key")

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self._rest.get("headers")


def items(message: Message) -> list[Any]:
    part = TopicRange(BROKERS, "news", "id", 3, 0, 9)
    return list(kafka._items(part, message, Limits(100, 1000), AS_OF))


def test_a_message_is_an_item_of_its_own_time():
    assert items(Message(b"x")) == [RawItem("news/3/7", b"x", 5000)]
    (found,) = items(Message(b"x", key=b"", headers=[("a", None), ("a", b"\xff")]))
    assert found.envelope == Envelope("", (Header("a", ""), Header("a", "\\xff")))
    assert items(Message(b"x", headers=[]))[0].envelope is NO_ENVELOPE


@pytest.mark.parametrize("time", [(0, -1), (1, -1), (1, 2**62), (0, 5)])
def test_a_message_without_a_time_has_that_of_its_run(time):
    assert items(Message(b"x", time))[0].arrived == AS_OF


def test_pauses_grow_up_to_a_minute_and_begin_anew_after_an_answer(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(kafka.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(kafka.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    said: list[str] = []
    long = kafka._Patience(1000, said.append)
    for _ in range(9):
        long.pause("no route")
    assert clock[0] == 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60
    assert said[0] == "Kafka does not answer: no route; trying again in 1 s"
    long.end()
    long.pause("x")
    assert said[-1].endswith("in 1 s")

    clock[0] = 0

    def no_route() -> None:
        raise kafka._AwayError("no route")

    with pytest.raises(RunError, match=r"does not answer, for 300 s \(--kafka_wait\): no route"):
        kafka._Patience(300, said.append).with_answer(no_route)
    assert clock[0] == 300
    with pytest.raises(RunError, match="does not answer: no route"):
        kafka._Patience(0, said.append).with_answer(no_route)


def test_what_workers_say_is_shown_whether_or_not_there_is_a_terminal(tmp_path):
    stream = io.StringIO()
    with Line(str(tmp_path), 1, 1, stream):
        Ticker(str(tmp_path)).say("first")
        end = time.monotonic() + 10
        while "first" not in stream.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        Ticker(str(tmp_path)).say("läst")
    assert stream.getvalue() == "storywire: first\nstorywire: läst\n"


def test_who_works_elsewhere_says_it_on_the_spot(capsys):
    Ticker("").say("away")
    assert capsys.readouterr().err == "storywire: away\n"
