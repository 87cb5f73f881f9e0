"""A follower is killed while articles keep coming: each is a row once, in the story that one run would give it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

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
from tests.pipeline import outputs

pytestmark = [pytest.mark.runner, pytest.mark.timeout(1800)]


def following(folder: Path, *flags: str, output: Path | None = None) -> Following:
    """Follows `folder`/wire."""
    wire = f"--input={folder / 'wire'}"
    return Following(folder, output or folder / "out", wire, "--every=0.2", "--settle=0.5", *flags)


def write(wire: Path, number: int, text: str) -> None:
    """Every other article is renamed into place, the others are written there in steps."""
    path = wire / f"{number // 20:03}" / f"{number:05}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if number % 2:
        temporary = path.with_name(f".{path.name}")
        temporary.write_text(text)
        temporary.rename(path)
    else:
        with path.open("w") as opened:
            opened.write(text[:100])
            opened.flush()
            time.sleep(0.05)
            opened.write(text[100:])


def read(output: Path) -> list[str]:
    return [file["uri"] for path in partitions(output) for file in json.loads(path.read_text())["input"]["read"]]


def test_a_follower_that_is_killed_loses_and_doubles_nothing(tmp_path):
    wire = tmp_path / "wire"
    wire.mkdir()
    start = time.monotonic()
    with disk(tmp_path / "disk") as full:
        output = tmp_path / "disk" / "out"
        with Feed(partial(write, wire)) as feed:
            met = killed_at_random(
                lambda *flags: following(tmp_path, *flags, output=output), KILLS, {KILLS // 2: full}, seed=KILLS
            )
        with following(tmp_path, output=output) as last:
            until(lambda: len(read(output)) == feed.number)
            assert last.stop() == 0

        assert max(Counter(read(output)).values()) == 1
        assert_whole(output, tmp_path, [str(wire)], feed.number)
        expected = (*DISK_FULL, "stopping after the slice in hand")
        said = last.said().splitlines()
        assert [line for line in said if not any(words in line for words in expected)] == []
        print(figures(met, last, feed.number, start))


def test_a_second_signal_stops_in_the_midst_of_a_slice(tmp_path):
    outputs.write_articles(tmp_path / "wire", 300)
    with following(tmp_path) as one:
        until(one.in_hand)
        one.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(60) == 1
    assert read(tmp_path / "out") == []
    with following(tmp_path) as one:
        until(lambda: len(read(tmp_path / "out")) == 300)
        assert one.stop() == 0


@pytest.mark.parametrize("flags", [["--direct_num_workers=1"], TWO_PROCESSES], ids=["one", "two"])
def test_the_first_ctrl_c_lets_a_slice_come_to_its_end(tmp_path, flags):
    """A terminal sends it to all processes of the command."""
    outputs.write_articles(tmp_path / "wire", 100)
    with following(tmp_path, *flags) as one:
        until(one.in_hand if len(flags) == 1 else one.children)
        os.killpg(one.process.pid, signal.SIGINT)
        assert one.process.wait(60) == 0
    assert len(read(tmp_path / "out")) == 100
