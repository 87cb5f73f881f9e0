"""A follower is killed while articles keep coming: each is a row once, in the story that one run would give it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from pipeline import check
from tests.conftest import ROOT
from tests.faults.ground import session_of
from tests.pipeline import outputs
from tests.pipeline.outputs import manifests

pytestmark = [pytest.mark.runner, pytest.mark.timeout(900)]

KILLS = int(os.environ.get("STORYWIRE_KILLS", "6"))
ARTICLES_A_KILL = 6


class Feed:
    """Writes articles in the order of their event times: half are renamed into place, half written there in steps."""

    def __init__(self, wire: Path) -> None:
        self.wire = wire
        self.number = 0
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self._thread.join()

    def _write(self) -> None:
        pauses = random.Random(7)
        while not self.done.is_set():
            self.one()
            time.sleep(pauses.uniform(0.1, 0.5))

    def one(self) -> None:
        """Writes the next article."""
        day, quarter = divmod(self.number, 96)
        town = ("Skarholm", "Brunnsund", "Tjellvik")[self.number % 3]
        text = json.dumps(
            {
                "guid": f"urn:example:{self.number}",
                "provider": "Skarholm News",
                "headline": f"Council of {town} votes on harbour plan {self.number // 9}",
                "body": f"The council of {town} voted on Tuesday to widen the harbour for plan {self.number // 9}. "
                "Work begins in spring, the mayor told reporters, and will take two years.",
                "versionCreated": f"2026-03-{1 + day:02}T{quarter // 4:02}:{quarter % 4}0:00Z",
            }
        )
        path = self.wire / f"{self.number // 20:03}" / f"{self.number:05}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.number % 2:
            temporary = path.with_name(f".{path.name}")
            temporary.write_text(text)
            temporary.rename(path)
        else:
            with path.open("w") as opened:
                opened.write(text[:100])
                opened.flush()
                time.sleep(0.05)
                opened.write(text[100:])
        self.number += 1


class Following:
    """`storywire follow` in a session of its own."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self._said = (folder / "said").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "follow", "--input", str(folder / "wire"), "--output",
             str(folder / "out"), "--every", "0.2", "--settle", "0.5", "--quiet", *flags],
            stdout=self._said, stderr=self._said, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while session_of(self.process.pid):
            time.sleep(0.02)
        self._said.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._said.close()
        return code


def read(output: Path) -> list[str]:
    return [file["uri"] for made in manifests(output) for file in made["input"]["read"]] if output.exists() else []


def until(true, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def resolved(output: Path) -> dict[str, str]:
    """guid -> story, merged stories followed."""
    stories = outputs.current_stories(output)

    def survivor(story: str) -> str:
        while stories[story]["merged_into"]:
            story = stories[story]["merged_into"]
        return story

    return {row["guid"]: survivor(row["story_id"]) for row in outputs.current_articles(output).values()}


def test_a_follower_that_is_killed_loses_and_doubles_nothing(tmp_path):
    wire, output = tmp_path / "wire", tmp_path / "out"
    wire.mkdir()
    moments = random.Random(KILLS)
    with Feed(wire) as feed:
        for _ in range(KILLS):
            following = Following(tmp_path)
            before = len(list((output / "manifests").glob("[!.]*"))) if output.exists() else 0
            if moments.random() < 0.7:  # else it may be killed before it has begun
                until(lambda: output.exists() and len(list((output / "manifests").glob("[!.]*"))) > before)  # noqa: B023
            time.sleep(moments.uniform(0, 3))
            following.kill()
    following = Following(tmp_path)
    until(lambda: len(read(output)) == feed.number)
    assert following.stop() == 0
    assert (
        tmp_path / "said"
    ).read_text() == "storywire: stopping after the slice in hand; once more stops it at once\n"

    assert max(Counter(read(output)).values()) == 1
    rows = Counter(row["guid"] for row in outputs.rows(output, "articles") if row["row_kind"] == "version")
    assert rows == {f"urn:example:{number}": 1 for number in range(feed.number)}
    assert not any(made["counts"].get("redeliveries") for made in manifests(output))
    assert check.check(str(output)).again == []
    assert not [path for path in output.rglob("*") if path.name.startswith(".tmp")]

    whole = outputs.config(tmp_path / "whole", wire, as_of=outputs.AS_OF)
    from pipeline import run

    run.run(whole, [])
    assert resolved(output) == resolved(tmp_path / "whole")


def test_a_second_signal_stops_in_the_midst_of_a_slice(tmp_path):
    outputs.write_articles(tmp_path / "wire", 300)
    following = Following(tmp_path)
    # The lock says that a slice is in hand.
    until(lambda: (tmp_path / "out" / ".lock").exists() and (tmp_path / "out" / ".lock").read_text())
    following.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    following.process.send_signal(signal.SIGTERM)
    assert following.process.wait(60) == 1
    assert read(tmp_path / "out") == []
    following = Following(tmp_path)
    until(lambda: len(read(tmp_path / "out")) == 300)
    assert following.stop() == 0


def test_the_first_signal_lets_a_slice_come_to_its_end(tmp_path):
    outputs.write_articles(tmp_path / "wire", 100)
    following = Following(tmp_path)
    until(lambda: (tmp_path / "out" / ".lock").exists() and (tmp_path / "out" / ".lock").read_text())
    assert following.stop() == 0
    assert len(read(tmp_path / "out")) == 100
