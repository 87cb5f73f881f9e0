"""Following a wire: watched folders in, a bounded run for whatever has settled, one after another.

Each slice is an ordinary run that reads what no manifest names as read yet; its manifest is the commit of what it read
and of what came of it, in one rename. Nothing else is remembered, so a follower that is killed goes on where the last
manifest ends, and two followers of one wire share it between them.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from apache_beam.io.filesystem import BeamIOError

from pipeline import kafka, manifest, storage, topics
from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile
from pipeline.kafka import Access
from pipeline.options import SECOND, Config, time_of
from pipeline.run import commit, say, writable
from pipeline.stop import Stop, stoppable
from pipeline.summary import in_a_line
from pipeline.topics import GapError, TopicRange
from pipeline.watch import Watch
from transforms.parse.times import iso, parse_time

KEEP, MOVE, DELETE = AFTER = "keep", "move", "delete"
"""What becomes of a file once the slice that read it is committed."""

# A look at a folder where nothing has changed takes microseconds; a new file is found within this.
_LOOK_SECONDS = 1.0
# Looking may take this share of the time.
_SHARE_OF_TIME = 0.005
# What topics hold is asked for no more often.
_ASK_SECONDS = 2.0
# What can't be done is tried again after pauses that grow from one to the other.
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
# Where nobody watches, one line in this time says that the follower is alive.
_ALIVE_SECONDS = 600.0
_WIDTH = 79
# How far behind the newest partition the clock may be to be waited for, microseconds: a slice takes no less.
_CLOCK_BEHIND = 5 * SECOND
_CLOCK_POLL_SECONDS = 0.05
# A file can't have been read by a run that ended before it was written, but for clocks that differ.
_CLOCKS_DIFFER = 3600 * SECOND


class Plan(NamedTuple):
    """How to follow."""

    every: float
    """Seconds between the starts of two slices, at least."""
    settle: float
    """Seconds for which a file's size and time must have stood still."""
    max_items: int
    """Files a slice, the oldest first; and as many messages of topics."""
    after: str
    """One of AFTER."""
    move_to: str
    """The folder for MOVE: files come to lie in a folder of their slice there, with their path."""


def plan_of(args: argparse.Namespace) -> Plan:
    """The Plan of parsed arguments; OptionError says what to write instead."""
    if not 0 < args.every <= 86_400:
        raise OptionError(f"--every={args.every:g}: write seconds, more than 0 and at most 86400")
    if not 0 <= args.settle <= 86_400:
        raise OptionError(f"--settle={args.settle:g}: write seconds from 0 to 86400")
    if args.max_items < 1:
        raise OptionError(f"--max_items={args.max_items}: write a number of files or messages, at least 1")
    move_to = (args.move_to or "").rstrip("/")
    if (args.after == MOVE) != bool(move_to):
        raise OptionError("--after=move and --move_to=DIR belong together: write both, or neither")
    watched = (move_to, *topics.others(args.input))
    places = [os.path.abspath(path) if storage.is_local(path) else path for path in watched]  # noqa: PTH100
    for place in places[1:]:
        if move_to and f"{places[0]}/".startswith(f"{place.rstrip('/')}/"):
            raise OptionError(
                f"--move_to={move_to} lies in --input={place}, where it would be read again; name another"
            )
        for other in places[1:]:
            if other != place and f"{other}/".startswith(f"{place.rstrip('/')}/"):
                raise OptionError(f"--input={other} lies in --input={place}; name the outer one alone")
    if move_to and len({storage.is_local(path) for path in places}) > 1:
        raise OptionError(f"--move_to={move_to} is on another kind of storage than --input; name a folder beside it")
    return Plan(args.every, args.settle, args.max_items, args.after, move_to)


class _Read:
    """Which files the manifests of an output folder name as read, each as it was then."""

    def __init__(self, output: str) -> None:
        self._output = output
        self._files: dict[tuple[str, int, int], str] = {}
        """(uri, size, modified) -> partition."""
        self._loaded: set[str] = set()
        self._older: list[str] = []
        """Partitions not yet looked at, in order of time."""
        self.newest = ""
        self.next_embargo: int | None = None
        """When the first of the articles that the newest run held back may go out, microseconds UTC."""
        self.input: dict[str, Any] = {}
        """What the newest run has read: there the positions in topics stand."""

    def refresh(self) -> bool:
        """Looks for manifests that others wrote; True where there are some."""
        there = manifest.partitions(self._output)
        fresh = [partition for partition in there if partition not in self._loaded and partition > self.newest]
        if not self.newest:
            # At the start only as many are read as it takes to know the files that are there.
            self._older, fresh = there[:-1], there[-1:]
        else:
            known = {*self._loaded, *self._older}
            fresh += [partition for partition in there if partition not in known and partition not in fresh]
        for partition in fresh:
            self._load(partition)
        self.newest = there[-1] if there else ""
        return bool(fresh)

    def has(self, file: InputFile) -> bool:
        """True where a run has read the file as it is now."""
        return self.partition_of(file) is not None

    def partition_of(self, file: InputFile) -> str | None:
        """The run that has read the file as it is now."""
        while self._older and time_of(self._older[-1]) + _CLOCKS_DIFFER >= file.modified:
            self._load(self._older.pop())
        return self._files.get((file.uri, file.size, file.modified))

    def _load(self, partition: str) -> None:
        path = storage.join(self._output, "manifests", f"{partition}.json")
        made = manifest.load(path)
        if made is None:
            raise RunError(f"{path} went while it was read; bring it back, or run that partition again")
        self._loaded.add(partition)
        for read in made["input"].get("read", ()):
            self._files[read["uri"], read["bytes"], read["modified"]] = partition
        if partition > self.newest:
            ends = (name.partition("/")[2] for name in made["counts"] if name.startswith("held_until/"))
            self.input = made["input"]
            self.next_embargo = min((parse_time(end, UTC).time for end in ends), default=None)


class UnreadableError(RunError):
    """A file that could be opened before the slice could not be read in it."""


class Follower:
    """Follows a wire; `step` does what there is to do now."""

    def __init__(self, config: Config, flags: list[str], plan: Plan, stop: Stop) -> None:
        self._config = config
        self._flags = flags
        self._plan = plan
        self._stop = stop
        self._read = _Read(config.output)
        self._watch = Watch(topics.others(config.inputs), config.output, plan.settle, self._read.has)
        self._messages = 0
        """How many of the topics no run has read, when they were asked last."""
        self._next_asking = 0.0
        self._due = time.monotonic()
        self._pause = 0.0
        self._begun = False
        self._closed: dict[str, str] = {}
        """Files that can't be opened, with the reason."""
        self.done = "nothing read yet"
        """What the last slice did, in a line."""

    def step(self) -> float:
        """Looks, and runs a slice if there is something to read and it is time; gives seconds to wait at most."""
        start = time.monotonic()
        try:
            if not self._begun:
                self._read.refresh()
                self._begun = True
            self._watch.look()
            looked = time.monotonic() - start
            if start >= self._due and (self._watch.settled() or self._embargo_has_ended() or self._have_messages()):
                self._due = start + self._plan.every
                self._slice()
            if self._plan.after != KEEP:
                self._clear()
        except GapError:
            raise
        except (RunError, storage.StorageError, BeamIOError, OSError) as error:
            self._pause = min(_LONGEST_PAUSE_SECONDS, 2 * self._pause or _PAUSE_SECONDS)
            self._due = time.monotonic()
            say(f"{error}; trying again in {self._pause:.0f} s")
            return self._pause
        self._pause = 0.0
        return max(min(_LOOK_SECONDS, self._plan.every), looked / _SHARE_OF_TIME)

    def waiting(self) -> str:
        """What is there and not read, in words."""
        closed = f", {len(self._closed)} can't be opened ({next(iter(self._closed.values()))})" if self._closed else ""
        messages = f" and {self._messages} messages" if topics.topics_of(self._config.inputs)[1] else ""
        return f"{self._watch.arrived()} files{messages} not read yet{closed}"

    def _slice(self) -> None:
        with writable(self._config, self._stop):
            # Another run may have read them while this one waited.
            if self._read.refresh():
                self._watch.ask_again()
            files = self._files()
            self._next_asking = 0.0
            if not files and not self._embargo_has_ended() and not self._have_messages():
                return
            config = self._config._replace(as_of=self._next_as_of())
            try:
                outcome = commit(config, self._flags, files, self._stop, _all_read, self._ranges)
            except UnreadableError:
                # What went is not there any more; what is there and can't be read becomes a reject.
                outcome = commit(config, self._flags, self._files(), self._stop, ranges=self._ranges)
        self._read.refresh()
        self._watch.ask_again()
        self._messages = 0
        if self._watch.settled() or _messages_read(outcome.manifest) >= self._plan.max_items:
            self._due = time.monotonic()  # there were more than one slice takes
        self.done = in_a_line(outcome)
        for note in outcome.notes:
            say(note)

    def _ranges(self, read: dict[str, Any], wait: int | None = None) -> list[TopicRange]:
        """What a slice reads of the topics; where nobody answers, the first question does not wait for long."""
        config = self._config
        access = Access(config.kafka_config, config.kafka_wait if wait is None else wait)
        return kafka.ranges(config.inputs, access, read, config.on_gap == "skip", self._plan.max_items)

    def _have_messages(self) -> bool:
        """True where topics hold what no run has read."""
        if time.monotonic() >= self._next_asking and topics.topics_of(self._config.inputs)[1]:
            # Whoever waits here is not stopped by the first signal; what raises is tried again.
            self._messages = sum(one.stop - one.start for one in self._ranges(self._read.input, wait=0))
            self._next_asking = time.monotonic() + _ASK_SECONDS
        return self._messages > 0

    def _files(self) -> list[InputFile]:
        """The oldest of the files that have settled and can be opened."""
        files: list[InputFile] = []
        closed: dict[str, str] = {}
        for file in self._watch.settled():
            try:
                if storage.is_local(file.name()):
                    storage.open_to_read(file.name()).close()
                files.append(file)
                if len(files) == self._plan.max_items:
                    break
            except FileNotFoundError:
                continue
            except OSError as error:
                closed[file.name()] = f"{file.uri}: {error.strerror}"
        for path in closed.keys() - self._closed.keys():
            say(f"{closed[path]}; it is read as soon as it can be")
        self._closed = closed
        return files

    def _embargo_has_ended(self) -> bool:
        end = self._read.next_embargo
        return self._config.hold_embargoed and end is not None and end < int(time.time()) * SECOND

    def _next_as_of(self) -> int:
        """The clock's time, once it is beyond the newest partition's."""
        newest = time_of(self._read.newest) if self._read.newest else 0
        while (now := int(time.time()) * SECOND) <= newest:
            if newest - now > _CLOCK_BEHIND:
                raise RunError(
                    f"{self._read.newest} is later than this machine's clock says ({iso(now)}); set the clock, or "
                    f"remove that partition"
                )
            time.sleep(_CLOCK_POLL_SECONDS)
        return now

    def _clear(self) -> None:
        """Moves or deletes the files that a committed run has read."""
        for file in self._watch.read():
            partition = self._read.partition_of(file)
            there = storage.status(file.name())
            if partition is None or there is None or (there.size, there.modified) != (file.size, file.modified):
                continue  # it has changed since: then it is read again
            if self._plan.after == DELETE:
                storage.delete([file.name()])
            else:
                _move(file.name(), storage.join(self._plan.move_to, partition, file.uri))


def _messages_read(made: dict[str, Any]) -> int:
    read = (one for partitions in made["input"].get("topics", {}).values() for one in partitions.values())
    return sum(one["to"] - one["from"] for one in read)


def _all_read(made: dict[str, Any]) -> None:
    if made["counts"].get("rejects/read/unreadable"):
        raise UnreadableError("a file could not be read")


def _move(source: str, target: str) -> None:
    if not storage.is_local(source):
        storage.rename(source, target)
        return
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        Path(source).rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Onto another disk: whole under its name, or not at all.
        temporary = Path(target).with_name(f"{storage.TEMPORARY}{Path(target).name}")
        shutil.copy2(source, temporary)
        temporary.rename(target)
        Path(source).unlink()


class _Line:
    """One line that says that the follower is alive: kept up to date on a terminal, else written now and then."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._next = 0.0

    def show(self, text: str) -> None:
        """Shows the line, or lets it be until it is time for the next."""
        if self._stream.isatty():
            self._stream.write(f"\r{time.strftime('%H:%M:%S')} {text}"[: _WIDTH + 1].ljust(_WIDTH + 1))
            self._stream.flush()
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _ALIVE_SECONDS
            say(f"alive: {text}")


def follow(config: Config, flags: list[str], plan: Plan, quiet: bool) -> None:
    """Follows the inputs until SIGTERM or Ctrl-C, which let the slice in hand come to its end."""
    storage.connect(flags, config.output, *topics.others(config.inputs))
    stop = Stop(1, lambda: say("stopping after the slice in hand; once more stops it at once"))
    line = _Line()
    with stoppable(stop):
        follower = Follower(config, flags, plan, stop)
        while not stop.asked:
            before = follower.done
            wait = follower.step()
            if not quiet:
                if follower.done != before:
                    print(follower.done, flush=True)
                line.show(f"{follower.waiting()}; {follower.done}")
            stop.wait(wait)
