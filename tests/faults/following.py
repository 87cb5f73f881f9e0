"""A follower to be killed again and again, and what must be true of what it leaves: every article a row, once.

In: what it follows, the moments at which it is killed, and the troubles it has meanwhile. Out: how often what was met,
and assertions over the output: it is what one run over everything gives.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pipeline import check, cli
from tests.conftest import ROOT
from tests.faults.ground import TWO_PROCESSES, session_of, small_disk
from tests.invented import text_of
from tests.pipeline import outputs
from tests.pipeline.outputs import manifests, tree

KILLS = int(os.environ.get("STORYWIRE_KILLS", "4"))
"""How often a follower is killed; a kill takes some seconds."""
_ALL_AGAIN = "STORYWIRE_KILLS" in os.environ
_AGAIN = 3
"""So many slices are run once more, or all of them."""
_FREE_BYTES = 2**30
# What a follower says goes to a file too, and is shorter than a ledger.
_FILE_BYTES = 2**13
DISK_FULL = ("No space left on device", "File too large")


class Following:
    """`storywire follow` in a session of its own, which ends with the block; what it says goes to `folder`/said."""

    def __init__(self, folder: Path, output: Path, *flags: str) -> None:
        self.output = output
        self._said = folder / "said"
        scratch = folder / "tmp"
        scratch.mkdir(exist_ok=True)
        with self._said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "follow", "--output", str(output), "--quiet", *flags],
                stdout=said, stderr=said, cwd=ROOT, start_new_session=True,
                env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)},
            )  # fmt: skip

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def said(self) -> str:
        """What it and those before it have said."""
        return self._said.read_text()

    def in_hand(self) -> bool:
        """True while it runs a slice, and for ever if it died in one: then it left its name in the lock."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.output / ".lock").read_text())["process"] == self.process.pid
        return False

    def children(self) -> list[int]:
        """Its processes but the first, by number."""
        return [pid for pid in session_of(self.process.pid) if pid != self.process.pid]

    def kill(self) -> None:
        """SIGKILL to it and all its children."""
        while left := session_of(self.process.pid):
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.02)
        self.process.wait()

    def kill_alone(self) -> None:
        """SIGKILL to it; its children find that out by themselves, perhaps while the next follower is at work."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Lets the slice in hand come to its end; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def until(true: Callable[[], object], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


class Feed:
    """Hands articles to `write`, in the order of their event times, in a thread of its own."""

    def __init__(self, write: Callable[[int, str], None]) -> None:
        self.number = 0
        self._write = write
        self._done = threading.Event()
        self._wrong: list[BaseException] = []
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if self._wrong:
            raise self._wrong[0]

    def _work(self) -> None:
        pauses = random.Random(7)
        try:
            while not self._done.wait(pauses.uniform(0.1, 0.5)):
                self._write(self.number, text_of(self.number))
                self.number += 1
        except BaseException as error:
            self._wrong.append(error)


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Callable[[Following], None]]:
    """A disk for the output at `folder`; gives a function that lets it be full until a follower has said so.

    Where none can be mounted, the follower may write no more than some bytes to a file for that time.
    """
    folder.mkdir()
    with small_disk(folder) as leave:

        def fill(following: Following, full: bool) -> None:
            if leave is not None:
                leave(0 if full else _FREE_BYTES)
            else:
                most = _FILE_BYTES if full else resource.RLIM_INFINITY
                resource.prlimit(following.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

        def full(following: Following) -> None:
            before = times_full(following)
            fill(following, True)
            until(lambda: times_full(following) > before)
            fill(following, False)

        if leave is not None:
            leave(_FREE_BYTES)
        yield full


def times_full(following: Following) -> int:
    """How often it was said that the disk is full and the slice is tried again."""
    lines = following.said().splitlines()
    return sum(any(words in line for words in DISK_FULL) and "; trying again in" in line for line in lines)


def figures(met: Counter[str], last: Following, articles: int, start: float) -> str:
    """What a test has met, in a line; `start` by the clock that never jumps."""
    counts = {**met, "times full": times_full(last), "articles": articles, "slices": len(partitions(last.output))}
    return f"{counts}, {time.monotonic() - start:.0f} s"


def partitions(output: Path) -> list[Path]:
    """The manifests that are there."""
    return sorted((output / "manifests").glob("[!.]*.json"))


def killed_at_random(
    start: Callable[..., Following], kills: int, troubles: Mapping[int, Callable[[Following], None]], seed: int
) -> Counter[str]:
    """Starts a follower and kills it, over and over, its children too or, every third time, it alone.

    `start` takes flags: every other follower has two worker processes. `troubles` come over the one of that number.
    """
    moments = random.Random(seed)
    met: Counter[str] = Counter()
    with contextlib.ExitStack() as started:
        for number in range(kills):
            # A slice takes several times as long with processes of their own, which have to start.
            flags, length = (TWO_PROCESSES, 12) if number % 2 else (["--direct_num_workers=1"], 3)
            following = started.enter_context(start(*flags))
            before = len(partitions(following.output))
            if number in troubles:
                troubles[number](following)
            if number % 4 == 1:
                until(following.children)
            elif number % 4 == 3:
                until(following.in_hand)
            elif moments.random() < 0.7:  # else it may be killed before it has begun
                until(lambda: len(partitions(following.output)) > before)  # noqa: B023
            time.sleep(moments.uniform(0, length))
            assert following.process.poll() is None, following.said()
            met["with children"] += len(following.children()) > 0
            if number % 3 == 2:
                following.kill_alone()
                met["alone"] += 1
            else:
                following.kill()
            met["slice in hand"] += following.in_hand()
            met["kills"] += 1
    return met


def assert_whole(output: Path, scratch: Path, inputs: list[str], count: int) -> None:
    """Each of `count` articles is there once, as one run over everything has it, and slices give their bytes again."""
    made = manifests(output)
    rows = Counter(row["guid"] for row in outputs.rows(output, "articles") if row["row_kind"] == "version")
    odd = {
        guid: rows[guid] for guid in {*rows, *(f"urn:example:{number}" for number in range(count))} if rows[guid] != 1
    }
    assert (odd, len(rows)) == ({}, count), (odd, [one["counts"] for one in made])
    assert not any(one["counts"].get("redeliveries") for one in made)

    paths = partitions(output)
    parents = [{"partition": path.stem, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in paths[:-1]]
    assert [one["parent"] for one in made] == [None, *parents]
    found = check.check(str(output))
    assert (found.findings, found.again) == ([], [])
    assert cli.main(["check", str(output), "--quiet"]) == 0

    named = [f"--input={one}" for one in inputs]
    undisturbed = scratch / "undisturbed"
    assert cli.main(["run", *named, f"--output={undisturbed}", "--as_of=2026-03-13T00:00:00Z", "--quiet"]) == 0
    assert outputs.union(output) == outputs.union(undisturbed)

    chosen = paths if _ALL_AGAIN else random.Random(1).sample(paths, min(_AGAIN, len(paths)))
    before = tree(output)
    for path in chosen:
        assert cli.main(["run", "--again", str(path), *named, "--quiet"]) == 0
    assert tree(output) == before
