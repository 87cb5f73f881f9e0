"""The options of `storywire run`: declared and documented here, checked once, frozen into a Config.

In: the command line. Out: a Config with everything that shapes the result, and the flags that are Beam's. No I/O but a
file of rules that is named, and no Beam, so that `--help` and a mistake answer at once.
"""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import OptionError
from pipeline.topics import topics_of
from schemas import CODECS, codec_at_hand
from transforms.parse.times import iso, parse_time

# 32 MiB: a newspaper's whole day as JSON lines passes, a picture or a dump of a data base does not.
MAX_ITEM_BYTES = 32 * 2**20
# 4 GiB out of one archive: a year of a busy wire; a bomb of 42 kB asks for a million times more.
MAX_ARCHIVE_BYTES = 4 * 2**30
MAX_REJECT_SHARE = 0.05
MAX_SHARDS = 1000
FOLLOW_EVERY_SECONDS = 60.0
# Longer than a producer that writes in place pauses between two writes.
SETTLE_SECONDS = 5.0
# A slice of so many takes half a minute, and one that is killed is run again.
MAX_ITEMS = 10_000
# Agencies correct and kill within days; a month also covers what archives deliver again.
REMEMBER_DAYS = 30
MAX_REMEMBER_DAYS = 3660
# Uncompressed: some 40,000 articles, which makes files of about 90 MB deflated; warehouses ask for 100 to 250 MB.
SHARD_BYTES = 200_000_000
# Five minutes: a broker that is restarted comes back in one or two.
KAFKA_WAIT = 300
SECOND = 1_000_000
"""Microseconds."""
DAY = 86_400 * SECOND
"""Microseconds."""


class Config(NamedTuple):
    """A run's options, checked."""

    inputs: tuple[str, ...]
    """Files, folders or patterns, as given."""
    output: str
    """The folder that holds the data sets, without a slash at its end."""
    as_of: int
    """The end of the run's data interval, microseconds UTC."""
    source_timezone: str
    """An IANA zone, taken for times that name none."""
    shards: int | None
    """Files a data set; None: as many as the rows ask for."""
    codec: str
    """A name of `schemas.CODECS`."""
    remember: int
    """How far back the ledgers are read for articles, microseconds."""
    ledger: str
    """`auto`: go on from the newest partition before `as_of`; `none`: begin anew."""
    max_item_bytes: int
    max_archive_bytes: int
    max_reject_share: float
    """0 to 1."""
    hold_embargoed: bool = False
    """Articles under an embargo that lasts beyond `as_of` are left out until a run whose `as_of` passes it."""
    rules: str = ""
    """The text of the house's file of cleaning rules."""
    if_busy: str = "stop"
    """What a run does while another one writes to the output: `stop` or `wait`. Shapes nothing."""
    replay: bool = False
    """The inputs are rejects of an earlier run."""
    followed: bool = False
    """A slice of a follower: its manifest says which files it read as they were then, so that the next one knows."""
    kafka_config: str = ""
    """The path of a file of client properties, which every process reads by itself: it may hold secrets."""
    kafka_wait: int = KAFKA_WAIT
    """Seconds to wait for brokers that don't answer."""
    on_gap: str = "stop"
    """`stop` or `skip`: where a topic no longer holds what no run has read."""

    def partition(self) -> str:
        """The name of the run's partition, `as_of=20250210T000000Z`."""
        return f"as_of={compact(self.as_of)}"

    def shaping(self) -> dict[str, object]:
        """The options that shape the result; they stand in the manifest."""
        return {
            "as_of": iso(self.as_of),
            "source_timezone": self.source_timezone,
            "shards": self.shards or "auto",
            "codec": self.codec,
            "remember_days": self.remember // DAY,
            "ledger": self.ledger,
            "hold_embargoed": self.hold_embargoed,
            "rules": self.rules,
            "max_item_bytes": self.max_item_bytes,
            "max_archive_bytes": self.max_archive_bytes,
        }


def compact(micros: int) -> str:
    """A time as it stands in folder names: ISO 8601 basic."""
    return re.sub(r"[-:]", "", iso(micros))


# Whole seconds, so that names sort as times do.
_PARTITION = re.compile(r"as_of=(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")


def time_of(partition: str) -> int:
    """The `as_of` of a partition's name, microseconds UTC; ValueError for what is no such name."""
    found = _PARTITION.fullmatch(partition)
    if found is None:
        raise ValueError(f"{partition!r} is no name of a partition such as as_of=20260313T000000Z")
    return parse_time("{}-{}-{}T{}:{}:{}Z".format(*found.groups()), UTC).time


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `storywire run`."""
    files = parser.add_argument_group("what to read and where to write")
    files.add_argument(
        "--input",
        action="append",
        metavar="PATTERN",
        help="a file, a folder (with all below it) or a pattern such as 'wire/2026-03-*/*.md'; give it several times "
        "for several. Archives (.tar, .zip) and compressed files (.gz, .zst) are opened. "
        "Or kafka://broker1:9092,broker2:9092/topic: all messages that no run has read yet",
    )
    files.add_argument(
        "--output",
        metavar="DIR",
        help="the folder for articles/, stories/, rejects/, ledger/ and manifests/; a run replaces its own as_of=... "
        "partition",
    )
    files.add_argument(
        "--as_of",
        metavar="TIME",
        help="the end of the interval that this run covers, ISO 8601, for example 2026-03-13T00:00:00Z; a scheduler "
        "passes it (default: now, printed). It names the partition: the same as_of run again replaces it",
    )
    files.add_argument(
        "--again",
        metavar="MANIFEST",
        help="instead of all these: the manifest of a run to do once more, over the same files with the same options; "
        "it ends with the same bytes or leaves them as they are and says what has changed. --input says where the "
        "files lie now (default: where they lay)",
    )
    add_kafka_arguments(parser)
    add_shaping_arguments(parser)


def add_follow_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `storywire follow`."""
    files = parser.add_argument_group("what to follow and where to write")
    files.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="DIR",
        help="a folder to watch, with all below it; give it several times for several. Names that begin with a dot or "
        "end as temporary files do (.tmp, .part, ~ ...) are not looked at. Or kafka://broker1:9092,broker2:9092/topic",
    )
    files.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="the folder for articles/, stories/, rejects/, ledger/ and manifests/; each slice adds a partition",
    )
    slices = parser.add_argument_group("slices")
    slices.add_argument(
        "--every",
        type=float,
        default=FOLLOW_EVERY_SECONDS,
        metavar="SECONDS",
        help="from the start of one slice to that of the next, at least (default: %(default)s)",
    )
    slices.add_argument(
        "--settle",
        type=float,
        default=SETTLE_SECONDS,
        metavar="SECONDS",
        help="a file is read once its size and time have stood still for so long; 0 where all producers rename files "
        "into place (default: %(default)s)",
    )
    slices.add_argument(
        "--max_items",
        type=int,
        default=MAX_ITEMS,
        metavar="N",
        help="files that a slice takes at most, and messages of topics, the oldest first (default: %(default)s)",
    )
    slices.add_argument(
        "--after",
        default="keep",
        choices=("keep", "move", "delete"),
        help="what becomes of a file once the slice that read it is committed (default: %(default)s)",
    )
    slices.add_argument(
        "--move_to",
        metavar="DIR",
        help="with --after=move: the folder that files are moved to, into a folder of their slice there",
    )
    add_kafka_arguments(parser)
    add_shaping_arguments(parser)
    # A reject among few items is no sign of a wrong input, and the wire goes on.
    parser.set_defaults(as_of=None, max_reject_share=1.0, if_busy="wait")


def add_kafka_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares what goes with `--input=kafka://…`."""
    kafka = parser.add_argument_group("Kafka")
    kafka.add_argument(
        "--kafka_config",
        default="",
        metavar="FILE",
        help="a file of client properties, key=value, as librdkafka names them (security.protocol, sasl.username, "
        "ssl.ca.location ...); logins belong there: it is read by every worker, and nothing of it is written anywhere",
    )
    kafka.add_argument(
        "--kafka_wait",
        type=int,
        default=KAFKA_WAIT,
        metavar="SECONDS",
        help="how long to wait, with growing pauses, for brokers that don't answer (default: %(default)s)",
    )
    kafka.add_argument(
        "--on_gap",
        default="stop",
        choices=("stop", "skip"),
        help="where a topic has deleted what no run has read, or was made anew: stop and say what is missing, or skip "
        "it and count it in the manifest (default: %(default)s)",
    )


def add_replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of `storywire replay`."""
    parser.add_argument(
        "rejects",
        metavar="REJECTS",
        help="a partition's rejects, for example out/rejects/as_of=20260313T000000Z, or one file of them",
    )
    parser.add_argument(
        "--output", metavar="DIR", help="where to write instead, for a trial (default: where the rejects are)"
    )
    add_shaping_arguments(parser, "as the run had it whose rejects these are")
    parser.set_defaults(**dict.fromkeys(TAKEN_OVER), max_reject_share=1.0)


# What a replay takes over from the run that it replays, where its own options say nothing.
TAKEN_OVER = ("source_timezone", "max_item_bytes", "max_archive_bytes", "hold_embargoed", "rules")


def add_shaping_arguments(parser: argparse.ArgumentParser, taken_over: str = "%(default)s") -> None:
    """Declares what `run` and `replay` have in common; `taken_over` says in words what TAKEN_OVER are by default."""
    time = parser.add_argument_group("time")
    time.add_argument(
        "--source_timezone",
        default="UTC",
        metavar="ZONE",
        help=f"the zone of times that name none, for example Europe/Paris (default: {taken_over})",
    )
    chain = parser.add_argument_group("the chain of runs")
    chain.add_argument(
        "--remember",
        type=int,
        default=REMEMBER_DAYS,
        metavar="DAYS",
        help="how many days back versions, kills and redeliveries of earlier runs' articles are recognised (default: "
        "%(default)s)",
    )
    chain.add_argument(
        "--ledger",
        default="auto",
        choices=("auto", "none"),
        help="auto: go on from the newest partition before --as_of; none: begin anew, knowing no earlier story or "
        "article (default: %(default)s)",
    )
    chain.add_argument(
        "--hold_embargoed",
        action="store_true",
        help="leave articles out whose embargo ends after --as_of; the first run whose --as_of passes it delivers them "
        "(default: they are written at once, with embargoed_until)",
    )
    chain.add_argument(
        "--if_busy",
        default="stop",
        choices=("stop", "wait"),
        help="what to do while another run writes to the same --output: stop, or wait for its end (default: "
        "%(default)s). On an object store nothing tells",
    )
    copy = parser.add_argument_group("the copy")
    copy.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="a TOML file of your house's own cleaning rules, and of those to switch off: docs/cleaning.md (default: "
        + ("none" if taken_over.startswith("%") else taken_over)
        + ")",
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max_item_bytes",
        type=int,
        default=MAX_ITEM_BYTES,
        metavar="N",
        help=f"an item (of JSON lines, a line) longer than this becomes a reject (default: {taken_over})",
    )
    limits.add_argument(
        "--max_archive_bytes",
        type=int,
        default=MAX_ARCHIVE_BYTES,
        metavar="N",
        help=f"an archive is read up to this many unpacked bytes, the rest is a reject (default: {taken_over})",
    )
    limits.add_argument(
        "--max_reject_share",
        type=float,
        default=MAX_REJECT_SHARE,
        metavar="SHARE",
        help="with a larger share of rejects the run fails and the output stays as it was (default: %(default)s)",
    )
    output = parser.add_argument_group("output files")
    output.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help=f"files a data set and run (default: one for each {SHARD_BYTES // 10**6} MB of uncompressed rows)",
    )
    output.add_argument(
        "--codec",
        default="deflate",
        choices=tuple(CODECS),
        help="how blocks are compressed; every engine reads deflate, DuckDB and Polars no zstandard (default: "
        "%(default)s)",
    )


def config_of(args: argparse.Namespace, now: datetime) -> Config:
    """The Config of parsed arguments; OptionError says what to write instead. `now` is the default `as_of`."""
    if not str(args.output).strip():
        raise OptionError("--output is empty: name a folder, for example --output out")
    if args.shards is not None and not 1 <= args.shards <= MAX_SHARDS:
        raise OptionError(f"--shards={args.shards}: write a number from 1 to {MAX_SHARDS}, or leave it out")
    if not 0 <= args.remember <= MAX_REMEMBER_DAYS:
        raise OptionError(f"--remember={args.remember}: write a number of days from 0 to {MAX_REMEMBER_DAYS}")
    if not codec_at_hand(args.codec):
        raise OptionError(f"--codec={args.codec} needs a package: pip install 'storywire[{args.codec}]'")
    for name in ("max_item_bytes", "max_archive_bytes"):
        if getattr(args, name) < 1:
            raise OptionError(f"--{name}={getattr(args, name)}: write a number of bytes, at least 1")
    if not 0 <= args.max_reject_share <= 1:
        raise OptionError(f"--max_reject_share={args.max_reject_share}: write a share from 0 to 1, for example 0.05")
    # A replay reads files alone.
    kafka_wait = getattr(args, "kafka_wait", KAFKA_WAIT)
    if kafka_wait < 0:
        raise OptionError(f"--kafka_wait={kafka_wait}: write a number of seconds, 0 for no waiting")
    output = str(args.output)
    return Config(
        inputs=tuple(args.input),
        output=output if output.endswith("://") else output.rstrip("/") or "/",
        as_of=_as_of(args.as_of, now),
        source_timezone=_zone(args.source_timezone),
        shards=args.shards,
        codec=args.codec,
        remember=args.remember * DAY,
        ledger=args.ledger,
        max_item_bytes=args.max_item_bytes,
        max_archive_bytes=args.max_archive_bytes,
        max_reject_share=args.max_reject_share,
        hold_embargoed=args.hold_embargoed,
        rules=_rules(args.rules),
        if_busy=args.if_busy,
        replay=args.command == "replay",
        followed=args.command == "follow",
        kafka_config=_kafka_config(getattr(args, "kafka_config", ""), args.input),
        kafka_wait=kafka_wait,
        on_gap=getattr(args, "on_gap", "stop"),
    )


def _as_of(text: str | None, now: datetime) -> int:
    if text is None:
        return int(now.timestamp()) * 1_000_000
    example = "write ISO 8601, for example --as_of=2026-03-13T00:00:00Z"
    try:
        time = parse_time(text, UTC).time
    except ValueError as error:
        raise OptionError(f"--as_of={text}: {error}; {example}") from error
    if time % SECOND:
        raise OptionError(f"--as_of={text}: a partition's time is in whole seconds; {example}")
    return time


def _kafka_config(path: str, inputs: list[str]) -> str:
    """The path of the file of client properties; it and the topics among the inputs are looked at."""
    _, topics = topics_of(inputs)
    if path or topics:
        # It needs Beam, for which only who names a topic waits.
        from pipeline import kafka

        kafka.properties_of(path)
        kafka.client()
    return path


def _rules(stated: Path | str | None) -> str:
    """The text of the file of cleaning rules; a run that is replayed gives its own."""
    if not isinstance(stated, Path):
        return stated or ""
    # The rules need libraries that take a third of a second to load, so only who names a file waits for them.
    from transforms.clean import RuleError, rules_of

    try:
        text = stated.read_text(encoding="utf-8")
        rules_of(text)
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"--rules={stated}: can't be read ({error}); name a file of UTF-8 text") from error
    except RuleError as error:
        raise OptionError(f"--rules={stated}: {error}") from error
    return text


# Names that mean another zone on each machine, or none.
_NO_ZONES = ("localtime", "posixrules", "Factory")


def _zone(name: str) -> str:
    try:
        if name in _NO_ZONES:
            raise ValueError(name)
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise OptionError(
            f"--source_timezone={name}: not a time zone; write an IANA name, for example Europe/Paris or UTC"
        ) from error
    return name
