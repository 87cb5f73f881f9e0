"""What the tests of faults stand on: an output with a past, runs over it, and a reader that looks on all the while.

The output holds a partition of an earlier day, and one of the same day made from other articles in more shards. The run
that is disturbed replaces the latter. A reader may see that one whole or the new one whole, and nothing else ever.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT
from tests.faults import zygote
from tests.pipeline.outputs import tree, write_articles

DAY = "2026-03-13T00:00:00Z"
MANIFEST = "manifests/as_of=20260313T000000Z.json"
TWO_PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
_ENDS_WITHIN = 20
"""Seconds in which whatever was disturbed must have ended."""


class Result(NamedTuple):
    """How a run ended."""

    code: int
    """The exit code; negative: the signal."""
    said: str
    """What it printed."""


class Runs:
    """Makes runs one at a time in children of a zygote."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._said = folder / "said"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "TMPDIR": str(folder)},
        )  # fmt: skip
        self._ready = False

    def run(self, output: Path, command: list[str], **changes: object) -> Result:
        """Does a run, with something happening in it; see zygote.Job."""
        if not self._ready:
            assert self._process.stdout.readline() == "ready\n"
            self._ready = True
        job = zygote.Job(command, str(output), str(self._said), **changes)
        print(json.dumps(job), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return Result(code, self._said.read_text())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(zygote.SECONDS)
        self._process.stdout.close()


class Ground:
    """An output with a past, and what a run without disturbance makes of it."""

    def __init__(self, folder: Path, runs: Runs) -> None:
        self.folder = folder
        self.runs = runs
        self.wire = _wire(folder / "wire")
        self._past = folder / "past"
        for as_of, shards, wire in (
            ("2026-03-12T00:00:00Z", 2, write_articles(folder / "before", 6, start=3)),
            (DAY, 5, write_articles(folder / "other", 14, start=8)),
        ):
            self.check(runs.run(self._past, self.command(self._past, wire, as_of, shards)))
        self.past = tree(self._past)
        self.new_output = self.copy("undisturbed")
        steps = folder / "steps"
        self.check(runs.run(self.new_output, self.command(self.new_output), noted=str(steps)))
        self.steps = steps.read_text().splitlines()
        """Every change that an undisturbed run makes to the output folder."""
        self.commit = self.steps.index(f"rename {MANIFEST}")
        """The step that makes the new partition visible."""
        self.begin = 1 + max(number for number, step in enumerate(self.steps) if "probe" in step)
        """The first step after it was tried whether the output can be written."""
        self.completed: list[dict[str, str]] = []
        """What was left behind, by name, where running again was tried."""
        self.new = tree(self.new_output)
        self.manifests = [(output / MANIFEST).read_bytes() for output in (self._past, self.new_output)]
        assert self.manifests[0] != self.manifests[1]

    def copy(self, name: str) -> Path:
        """A copy of the output as it is before the run."""
        return Path(shutil.copytree(self._past, self.folder / name))

    def command(self, output: Path, wire: Path | None = None, as_of: str = DAY, shards: int = 2) -> list[str]:
        """The run's arguments."""
        return ["run", "--input", str(wire or self.wire), "--output", str(output), "--as_of", as_of,
                "--shards", str(shards), "--max_reject_share", "0.2", "--quiet"]  # fmt: skip

    def check(self, result: Result) -> None:
        """The run was done, and without a word."""
        assert result == (0, "")

    def complete(self, output: Path, runs: Runs | None = None) -> None:
        """Runs again: the bytes are those of an undisturbed run, and nothing else is there.

        Many disturbances leave the very same behind; from there it is tried once.
        """
        left = _shape(output)
        if left in self.completed:
            return
        self.completed.append(left)
        self.check((runs or self.runs).run(output, self.command(output)))
        assert tree(output) == self.new
        assert {path.name for path in (output / "logs").iterdir()} == {
            path.name for path in (self.new_output / "logs").iterdir()
        }

    def state(self, output: Path) -> int:
        """0 where a reader sees the old partition whole, 1 the new one; AssertionError for anything else."""
        standing = (output / MANIFEST).read_bytes()
        assert standing in self.manifests, "the manifest is neither the old one nor the new one"
        for path in (output / "manifests").glob("[!.]*.json"):
            try:
                _read_all(output, path)
            except (AssertionError, FileNotFoundError):
                # Files go after the manifest that named them: one that is not there any more has been replaced.
                if path.name != Path(MANIFEST).name or path.read_bytes() == standing:
                    raise
                return self.state(output)
        return self.manifests.index(standing)

    def failed(self, output: Path, result: Result, *told: str) -> None:
        """The run said in a line what went wrong and gave 1; the output is what it was before."""
        assert result.code == 1, result
        lines = result.said.splitlines()
        assert lines
        assert all(line.startswith("storywire: ") for line in lines), result.said
        assert any(one in lines[0] for one in told), result.said
        assert tree(output) == self.past

    @contextlib.contextmanager
    def reader(self, output: Path) -> Iterator[list[int]]:
        """Reads all manifests and their files over and over; gives the states seen, in order, without repetitions."""
        seen = [self.state(output)]
        wrong: list[BaseException] = []
        done = threading.Event()

        def look() -> None:
            while not done.wait(0.01):
                try:
                    state = self.state(output)
                except BaseException as error:
                    wrong.append(error)
                    return
                if state != seen[-1]:
                    seen.append(state)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join()
        if wrong:
            raise wrong[0]
        assert seen in ([0], [1], [0, 1])


def side_by_side(work: Callable[..., None], items: Iterable[object], *workers: object) -> None:
    """Calls work(worker, item) for each item, at any time at most once for each of `workers`."""
    waiting = list(items)[::-1]

    def take(worker: object) -> None:
        while waiting:
            work(worker, waiting.pop())

    with ThreadPoolExecutor(len(workers)) as pool:
        for done in [pool.submit(take, worker) for worker in workers]:
            # One that fails lets the others come to the end of what they have in hand.
            if done.exception():
                waiting.clear()
                raise done.exception()


class Command:
    """The real command in a session of its own, which ends with the block whatever happens in it."""

    def __init__(self, ground: Ground, output: Path, *flags: str, wire: Path | None = None) -> None:
        self._said = output.with_suffix(".said")
        self._manifests = output / "manifests"
        self._unchanged = self._manifests.stat().st_mtime_ns
        scratch = output.with_suffix(".tmp")
        scratch.mkdir(exist_ok=True)
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", *ground.command(output, wire), *flags],
                stdout=said, stderr=said, cwd=ROOT, start_new_session=True,
                env={**os.environ, "TMPDIR": str(scratch)},
            )  # fmt: skip

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        self.signal_all(signal.SIGKILL)
        self.process.wait()

    def wait_for_start(self) -> None:
        """Until the run holds the output: the first that it does then is to try whether it can write manifests."""
        self.until(lambda: self._manifests.stat().st_mtime_ns != self._unchanged)

    def until(self, true: Callable[[], object]) -> None:
        """Waits for something, which must come before the end of the run."""
        while not true():
            assert self.process.poll() is None, f"the run has ended: {self._said.read_text()}"
            time.sleep(0.005)

    def signal_all(self, number: int) -> None:
        """Sends a signal to every process of the session."""
        for process in session_of(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def workers(self) -> list[int]:
        """The processes of the session but the first, by number."""
        return [pid for pid in session_of(self.process.pid) if pid != self.process.pid]

    def end(self) -> Result:
        """Waits for the end of the run and of all its processes."""
        code = self.process.wait(_ENDS_WITHIN)
        until = time.monotonic() + _ENDS_WITHIN
        while session_of(self.process.pid):
            assert time.monotonic() < until, "processes are left behind"
            time.sleep(0.02)
        return Result(code, self._said.read_text())


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[int], None] | None]:
    """Mounts a small disk at `folder`, where the machine lets us; gives a function that sets its free bytes."""
    mounted = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
        yield None
        return

    def leave(free: int) -> None:
        disk = os.statvfs(folder)
        # A size of nothing would be no limit.
        size = max(disk.f_frsize, (disk.f_blocks - disk.f_bfree) * disk.f_frsize + free)
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    try:
        yield leave
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def session_of(number: int) -> list[int]:
    """The processes of a session that still live."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, group, session.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == number and fields[0] != "Z":
                found.append(int(folder.name))
    return sorted(found)


def _read_all(output: Path, manifest: Path) -> None:
    """Every file that a manifest names is there with the bytes that it tells of."""
    for entry in json.loads(manifest.read_bytes())["data_sets"].values():
        for file in entry["files"]:
            assert hashlib.sha256((output / file["name"]).read_bytes()).hexdigest() == file["sha256"]


def _shape(output: Path) -> dict[str, str]:
    """What lies below `output`: folders, and files with their hashes, without the random part of temporary names."""
    files = {re.sub(r"\.[0-9a-f]{32}", "", name): digest for name, digest in tree(output).items()}
    return files | {str(path.relative_to(output)): "" for path in (*output.rglob("*/"), *output.glob("logs/.*"))}


def _wire(folder: Path) -> Path:
    """Two languages, versions, a redelivery, an article withdrawn, a reject, and articles that both days have."""
    write_articles(folder, 9)
    first = json.loads((folder / "0001.json").read_text())
    extra = {
        "later": first | {"headline": "Council defers harbour plan", "versionCreated": "2026-03-09T10:00:00Z"},
        "again": first,
        "killed": json.loads((folder / "0004.json").read_text())
        | {"pubStatus": "canceled", "versionCreated": "2026-03-11T10:00:00Z"},
    }
    for number in range(3):
        extra[f"de{number}"] = {
            "guid": f"urn:example:de{number}",
            "provider": "Skarholmer Bote",
            "headline": f"Der Rat von Brunnsund stimmt dem Hafenplan {number} zu",
            "body": "Der Stadtrat hat am Dienstag beschlossen, den Hafen zu erweitern. Die Arbeiten beginnen im "
            "Frühjahr und werden zwei Jahre dauern, sagte die Bürgermeisterin vor der Presse.",
            "versionCreated": f"2026-03-0{2 + number}T08:00:00Z",
        }
    for name, article in extra.items():
        (folder / f"{name}.json").write_text(json.dumps(article))
    (folder / "broken.json").write_text("{")
    return folder
