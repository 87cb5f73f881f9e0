"""Kafka as a source: what the brokers hold, and the messages of a range of offsets, read without a consumer group.

In: the topics that `--input=kafka://…` names, and what the run before has read of them. Out: TopicRanges, and of each
its messages as items. Positions stand in manifests and nowhere else, so nothing is committed to the brokers. Where none
answers, all here waits with growing pauses and says so; what waiting can't mend ends the run at once.

Secrets stand in a file of client properties that every process reads by itself. They are in no TopicRange, no Config
and no text of an error. confluent-kafka is loaded when a topic is named, so who reads none needs it not.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pipeline import topics
from pipeline.errors import OptionError, RunError
from pipeline.topics import Listed, TopicRange
from pipeline.unpack import Limits, Tick, unpacked
from transforms.article import NO_ENVELOPE, SKIP, Envelope, Header, RawItem, Reject

_T = TypeVar("_T")

TOMBSTONE = "tombstone"
"""The error of a message without a value: its key says what it takes back, to those who compact by it."""

# Two tries in the first seconds, one a minute later on.
_LONGEST_PAUSE_SECONDS = 60
# No broker that lives takes longer for a few numbers, and none is silent for longer while it has messages to send.
_ANSWER_SECONDS = 30
# How often a Ctrl-C is heard, and what goes wrong noticed.
_TICK_SECONDS = 0.2
_BATCH = 500
# With the million bytes of payload that a reject keeps it stays below what warehouses load, also where each of its
# bytes takes four (\xNN).
_ENVELOPE_BYTES = 200_000
# Before the year 10000, which is as far as texts of times go; milliseconds.
_LATEST_TIME = 253_402_300_800_000

# What the reader rests on, with what to say to who sets it otherwise.
_OURS = {
    "bootstrap.servers": "--input=kafka://… names the brokers",
    "metadata.broker.list": "--input=kafka://… names the brokers",
    **dict.fromkeys(
        ("group.id", "group.instance.id", "group.protocol", "enable.auto.commit", "enable.auto.offset.store",
         "auto.commit.interval.ms"),
        "there is no consumer group: offsets stand in manifests",
    ),
    "auto.offset.reset": "what is missing ends the run, or --on_gap=skip counts it",
    "isolation.level": "only what is committed is read",
    "enable.partition.eof": "the end of a range is told by it",
    "check.crcs": "every message is checked",
    "allow.auto.create.topics": "reading makes no topic",
}  # fmt: skip
_SECRET = re.compile("passw|secret|token|key|jaas|credential|oauthbearer.config", re.IGNORECASE)

Say = Callable[[str], None]


class Access(NamedTuple):
    """How a cluster is spoken to; no secret in it."""

    properties: str = ""
    """The path of a file of client properties, or nothing."""
    wait: int = 300
    """Seconds that may pass without an answer."""


class _AwayError(Exception):
    """No broker answers, or one that is not ready to; waiting may help."""


def ranges(
    inputs: Iterable[str], access: Access, read: Mapping[str, Any], skip: bool = False, most: int | None = None
) -> list[TopicRange]:
    """The parts of all that the topics among `inputs` hold and no run has read, or of the oldest `most` messages of it.

    `read` is the `input` of the parent's manifest. `skip` goes on where offsets are missing, which else is a
    GapError. OptionError for a topic that does not exist, and for a cluster that lets nobody in.
    """
    servers, names = topics.topics_of(inputs)
    cluster = _Cluster(servers, access, _Patience(access.wait, on_terminal))
    found = topics.unread(servers, cluster.listed(names), topics.known_of(read), skip)
    if most is not None:
        found = topics.oldest(found, most, cluster.offsets_at)
    return [part for one in found for part in topics.parts_of(one)]


def again(inputs: Iterable[str], access: Access, made: Mapping[str, Any]) -> list[TopicRange]:
    """The parts that the run of the manifest `made` read, to be read once more.

    RunError where the topics no longer hold them; OptionError as for `ranges`, and where a topic is not among `inputs`.
    """
    servers, names = topics.topics_of(inputs)
    known = topics.known_of(made["input"])
    wanted = [name for name, topic in sorted(known.items()) if topics.is_read(topic)]
    for name in wanted:
        if name not in names:
            raise OptionError(f"that run read the topic {name}; say where it is, --input=kafka://broker1:9092/{name}")
    listed = _Cluster(servers, access, _Patience(access.wait, on_terminal)).listed(wanted)
    found = topics.once_more(servers, listed, known, made["counts"])
    return [part for one in found for part in topics.parts_of(one)]


def properties_of(path: str) -> dict[str, str]:
    """The properties in a file of lines `key=value`, where `#` begins a comment; none for the empty path.

    OptionError names the line that is wrong and never a value.
    """
    found: dict[str, str] = {}
    try:
        lines = Path(path).read_text("utf-8").splitlines() if path else []
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise OptionError(f"--kafka_config={path}: can't be read: {reason}") from None
    for number, line in enumerate(lines, start=1):
        key, equals, value = (part.strip() for part in line.partition("="))
        if not key or key.startswith("#"):
            continue
        if not equals:
            raise OptionError(f"--kafka_config={path}, line {number}: write key=value, for example sasl.username=wire")
        if key in _OURS:
            raise OptionError(f"--kafka_config={path}, line {number}: leave {key} out: {_OURS[key]}")
        found[key] = value
    return found


def read_range(
    part: TopicRange,
    access: Access,
    limits: Limits,
    as_of: int,
    say: Say,
    tick: Tick = lambda items, size: None,
) -> Iterator[RawItem | Reject]:
    """The items of the messages in a range, each once: a message that is an article or holds several, packed or not.

    Of an aborted transaction there is none. `as_of` (microseconds UTC) is taken for the time of a message without one;
    `tick` is told of progress. Ends when all of the range has been read, else with a RunError.
    """
    patience = _Patience(access.wait, say)
    position = part.start
    while position < part.stop:
        try:
            for message in _messages(part, position, access):
                yield from _items(part, message, limits, as_of)
                tick(1, (message.offset() + 1 - position) * part.size // (part.stop - part.start))
                position = message.offset() + 1
                patience.end()
            break
        except _AwayError as error:
            patience.pause(str(error))
    # Equal offsets would not tell that the topic is another one.
    if part.start < part.stop and _Cluster(part.servers, access, patience).topic_id(part.topic) != part.topic_id:
        raise RunError(f"{part.topic} was made anew while it was read; run it again")


def _items(part: TopicRange, message: Any, limits: Limits, as_of: int) -> Iterator[RawItem | Reject]:
    uri = f"{part.uri}/{message.offset()}"
    key, headers, value = message.key(), message.headers() or [], message.value()
    kind, time = message.timestamp()
    arrived = time * 1000 if kind and 0 <= time < _LATEST_TIME else as_of
    size = len(key or b"") + sum(len(name) + len(text or b"") for name, text in headers)
    if size > _ENVELOPE_BYTES:
        told = f"{uri}: its key and headers take {size} bytes, over {_ENVELOPE_BYTES}; they are not kept"
        yield Reject.of("read", "too_large", told, uri, 0, value or b"")
        return
    envelope = Envelope(
        None if key is None else _text(key), tuple(Header(name, _text(text or b"")) for name, text in headers)
    )
    if value is None:
        yield Reject.of(SKIP, TOMBSTONE, f"{uri}: a tombstone, a message without a value", uri, 0, b"", envelope)
    else:
        yield from unpacked(uri, arrived, value, limits, NO_ENVELOPE if envelope == NO_ENVELOPE else envelope)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


class _Patience:
    """Waits with pauses of 1, 2, 4 … 60 s, each told; RunError once there was no answer for `seconds`."""

    def __init__(self, seconds: int, say: Say) -> None:
        self._seconds = seconds
        self._say = say
        self.end()

    def end(self) -> None:
        """There is an answer."""
        self._pauses = 0
        self._since: float | None = None

    def pause(self, cause: str) -> None:
        """Waits some time for what `cause` says."""
        self._since = time.monotonic() if self._since is None else self._since
        waited = time.monotonic() - self._since
        if waited >= self._seconds:
            since = f", for {waited:.0f} s (--kafka_wait)" if self._seconds else ""
            raise RunError(f"Kafka does not answer{since}: {cause}")
        pause = min(2**self._pauses, _LONGEST_PAUSE_SECONDS, max(1, round(self._seconds - waited)))
        self._pauses += 1
        self._say(f"Kafka does not answer: {cause}; trying again in {pause} s")
        time.sleep(pause)

    def with_answer(self, ask: Callable[[], _T]) -> _T:
        """What `ask` gives, once it does."""
        while True:
            try:
                answer = ask()
            except _AwayError as error:
                self.pause(str(error))
            else:
                self.end()
                return answer


def on_terminal(text: str) -> None:
    """Says something to a person who waits."""
    print(f"storywire: {text}", file=sys.stderr, flush=True)


class _Client:
    """What the two kinds of clients have in common: their properties, and what goes wrong behind their backs."""

    def __init__(self, servers: str, access: Access) -> None:
        self.kafka = client()
        self._properties = properties_of(access.properties)
        self._path = access.properties
        self.common = {
            **self._properties,
            "bootstrap.servers": servers,
            "error_cb": self._on_error,
            "logger": logging.getLogger(__name__),
        }
        self._last: Any = None
        self._down = False

    def _on_error(self, error: Any) -> None:
        code = self.kafka.KafkaError
        if error.code() == code._ALL_BROKERS_DOWN:
            self._down = True
            self._last = self._last or error
        elif self._last is None or isinstance(self.fault(self._last), _AwayError):
            self._last = error

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Errors of the library as ours."""
        try:
            yield
        except self.kafka.KafkaException as error:
            raise self.fault(error.args[0]) from None
        except ValueError as error:
            raise OptionError(f"--kafka_config={self._path}: {self._clean(str(error))}") from None

    def look(self) -> None:
        """Raises what has gone wrong in the meantime, if it is not mended by itself."""
        if self._last is not None:
            fault = self.fault(self._last)
            if self._down or not isinstance(fault, _AwayError):
                raise fault

    def silent(self) -> _AwayError:
        """What to raise where nothing came for too long."""
        return _AwayError(self._clean(self._last.str()) if self._last else f"nothing came for {_ANSWER_SECONDS} s")

    def fault(self, error: Any) -> Exception:
        """What to raise for an error of the library: what to do about it, or that waiting may help."""
        codes = self.kafka.KafkaError
        text = self._clean(error.str())
        broken_off = "isconnected" in text or "imed out" in text
        where = f"--kafka_config={self._path}" if self._path else "--kafka_config"
        if error.code() in (codes._INVALID_ARG, codes._NOT_CONFIGURED):
            return OptionError(f"{where}: {text}")
        if error.code() == codes._SSL and not broken_off:
            return OptionError(f"{where}: no TLS connection: {text}; look at security.protocol and ssl.*")
        if not broken_off and error.code() in (
            codes._AUTHENTICATION, codes.SASL_AUTHENTICATION_FAILED, codes.UNSUPPORTED_SASL_MECHANISM,
        ):  # fmt: skip
            return OptionError(f"{where}: the brokers let nobody in so: {text}; look at security.protocol and sasl.*")
        if error.code() in (codes.TOPIC_AUTHORIZATION_FAILED, codes.CLUSTER_AUTHORIZATION_FAILED):
            return OptionError(f"{where}: this user may not read there ({text}); it needs READ and DESCRIBE")
        if error.code() in (codes.UNKNOWN_TOPIC_OR_PART, codes._UNKNOWN_TOPIC, codes._UNKNOWN_PARTITION):
            return OptionError(f"there is no such topic or partition ({text}); make it, or correct --input")
        if error.retriable() or error.code() in (
            codes._TRANSPORT, codes._TIMED_OUT, codes._ALL_BROKERS_DOWN, codes._RESOLVE, codes._SSL,
            codes._AUTHENTICATION, codes._WAIT_COORD, codes.LEADER_NOT_AVAILABLE, codes.NOT_LEADER_FOR_PARTITION,
            codes.REQUEST_TIMED_OUT, codes.NETWORK_EXCEPTION, codes.BROKER_NOT_AVAILABLE, codes.REPLICA_NOT_AVAILABLE,
            codes.OFFSET_NOT_AVAILABLE, codes.KAFKA_STORAGE_ERROR, codes.FENCED_LEADER_EPOCH,
            codes.UNKNOWN_LEADER_EPOCH,
        ):  # fmt: skip
            return _AwayError(text)
        return RunError(f"Kafka refuses: {text} ({error.name()})")

    def _clean(self, text: str) -> str:
        """A text in one line, without the value of a property that may be a secret."""
        for key, value in self._properties.items():
            if value and _SECRET.search(key) and not key.endswith(".location"):
                text = text.replace(value, "***")
        return " ".join(text.split())


class _Admin(_Client):
    """Asks about topics."""

    def __init__(self, servers: str, access: Access) -> None:
        super().__init__(servers, access)
        from confluent_kafka import admin

        with self.told():
            self._client = admin.AdminClient(self.common)
        self.spec = admin.OffsetSpec

    def describe(self, names: list[str]) -> dict[str, Any]:
        """The description of each topic."""
        asked = self._client.describe_topics(self.kafka.TopicCollection(names), request_timeout=_ANSWER_SECONDS)
        return self._answers(asked, lambda name: f"--input=kafka://…/{name}: ")

    def offsets(self, partitions: list[tuple[str, int]], which: Any) -> dict[tuple[str, int], int]:
        """Of each partition (topic, number) the offset that `which`, an OffsetSpec, asks for.

        The latest is the first that can't be read yet, also because a transaction is open.
        """
        asked = self._client.list_offsets(
            {self.kafka.TopicPartition(*one): which for one in partitions},
            isolation_level=self.kafka.IsolationLevel.READ_COMMITTED,
            request_timeout=_ANSWER_SECONDS,
        )
        answers = self._answers(asked, lambda one: f"{one.topic}/{one.partition}: ")
        return {(one.topic, one.partition): answer.offset for one, answer in answers.items()}

    def _answers(self, asked: Mapping[Any, Future[Any]], told: Callable[[Any], str]) -> dict[Any, Any]:
        with self.told():
            while not all(future.done() for future in asked.values()):
                self._client.poll(_TICK_SECONDS / 10)
                self.look()
            answers = {}
            for name, future in asked.items():
                try:
                    answers[name] = future.result()
                except self.kafka.KafkaException as error:
                    # What went wrong on the way says more than that the time is up.
                    self.look()
                    fault = self.fault(error.args[0])
                    raise fault if isinstance(fault, _AwayError) else type(fault)(f"{told(name)}{fault}") from None
            return answers


class _Reader(_Client):
    """Reads a partition from an offset on."""

    def __init__(self, part: TopicRange, position: int, access: Access) -> None:
        super().__init__(part.servers, access)
        with self.told():
            self.consumer = self.kafka.Consumer(
                {
                    # What is fetched beyond the range is fetched in vain.
                    "queued.max.messages.kbytes": 16_384,
                    # A broker that has nothing more says so after this time, and only then the end is known.
                    "fetch.wait.max.ms": 20,
                    **self.common,
                    # The library wants a name; no group comes about, as nobody joins it or commits.
                    "group.id": "storywire",
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "error",
                    "isolation.level": "read_committed",
                    "enable.partition.eof": True,
                    "check.crcs": True,
                    "allow.auto.create.topics": False,
                }
            )
            self.consumer.assign([self.kafka.TopicPartition(part.topic, part.partition, position)])

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close()


def _messages(part: TopicRange, position: int, access: Access) -> Iterator[Any]:
    """The messages of a range from `position` on; ends only behind the range."""
    with _Reader(part, position, access) as reader:
        codes = reader.kafka.KafkaError
        heard = time.monotonic()
        while True:
            with reader.told():
                # Asked for several it would wait until they are there.
                batch = reader.consumer.consume(1, _TICK_SECONDS)
                batch += reader.consumer.consume(_BATCH, 0) if batch else []
            for message in batch:
                error = message.error()
                # Markers of transactions and what compaction removed leave holes, so a range may end in none of its
                # messages: one behind it tells, or that the partition ends there.
                if error is None or error.code() == codes._PARTITION_EOF:
                    if message.offset() >= part.stop:
                        return
                    if error is None:
                        yield message
                elif error.code() in (codes._AUTO_OFFSET_RESET, codes.OFFSET_OUT_OF_RANGE):
                    raise RunError(
                        f"{part.uri}: offset {position} to {part.stop - 1} were there when the run began, but not all "
                        f"of them are now ({' '.join(error.str().split())}); run it again"
                    )
                elif error.code() != codes.GROUP_AUTHORIZATION_FAILED:
                    raise reader.fault(error)
            if batch:
                heard = time.monotonic()
                continue
            reader.look()
            if time.monotonic() - heard > _ANSWER_SECONDS:
                raise reader.silent()


class _Cluster:
    """What the starting process asks the brokers, again until they answer."""

    def __init__(self, servers: str, access: Access, patience: _Patience) -> None:
        self._servers = servers
        self._access = access
        self._patience = patience
        self._admin: _Admin | None = None

    def listed(self, names: list[str]) -> dict[str, Listed]:
        """The topics as they are now; nobody is asked for none."""

        def ask(admin: _Admin) -> dict[str, Listed]:
            described = admin.describe(names)
            every = [(name, one.id) for name, topic in described.items() for one in topic.partitions]
            low, high = admin.offsets(every, admin.spec.earliest()), admin.offsets(every, admin.spec.latest())
            listed = {name: Listed(_id(topic), {}) for name, topic in described.items()}
            for name, partition in every:
                listed[name].partitions[partition] = low[name, partition], high[name, partition]
            return listed

        return self._ask(ask) if names else {}

    def offsets_at(self, partitions: list[tuple[str, int]], time: int) -> dict[tuple[str, int], int]:
        """Of each partition (topic, number) the first offset of a message of that time (milliseconds UTC) or later; -1
        where there is none."""
        return self._ask(lambda admin: admin.offsets(partitions, admin.spec.for_timestamp(time)))

    def topic_id(self, name: str) -> str:
        """What the cluster calls a topic beside its name."""
        return self._ask(lambda admin: _id(admin.describe([name])[name]))

    def _ask(self, ask: Callable[[_Admin], _T]) -> _T:
        def asked() -> _T:
            self._admin = self._admin or _Admin(self._servers, self._access)
            try:
                return ask(self._admin)
            except _AwayError:
                self._admin = None
                raise

        return self._patience.with_answer(asked)


def _id(described: Any) -> str:
    """A topic's id; empty where the brokers are too old to have them."""
    text = str(described.topic_id) if described.topic_id is not None else ""
    return "" if set(text) <= {"A"} else text


def client() -> Any:
    """confluent_kafka; OptionError where it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise OptionError("--input=kafka://… needs a package: pip install 'storywire[kafka]'") from None
    return confluent_kafka
