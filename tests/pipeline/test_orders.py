"""Whatever way a wire is taken in event order, its rows are the same."""

import random
import shutil

import pytest

from pipeline import run
from pipeline.follow import KEEP, Follower, Plan
from pipeline.stop import Stop
from tests import ways
from tests.conftest import SAMPLES
from tests.pipeline.outputs import config, manifests, union
from tests.ways import DAY, HOUR

pytestmark = pytest.mark.runner


def test_the_samples_followed_in_two_slices_are_one_run(tmp_path):
    run.run(config(tmp_path / "whole", SAMPLES), [])
    wire, output = tmp_path / "wire", tmp_path / "out"
    wire.mkdir()
    follower = Follower(
        config(output, wire, followed=True, max_reject_share=1.0, if_busy="wait"),
        [],
        Plan(1e-9, 0.0, 1000, KEEP, ""),
        Stop(),
    )
    days = sorted(SAMPLES.iterdir())
    for some in (days[:2], days[2:]):
        for day in some:
            shutil.copytree(day, wire / day.name)
        follower.step()
    assert len(manifests(output)) == 2
    assert union(output) == union(tmp_path / "whole")


def test_one_run_slices_and_a_followed_folder_give_the_same_rows(development_data, tmp_path):
    items = ways.stories(development_data, most=120)
    whole = ways.in_one_run(items, tmp_path / "whole")
    slices = ways.in_slices(items, tmp_path / "slices", 45 * DAY)
    folder = ways.from_folder(items, tmp_path / "folder", 60)
    assert [len(manifests(output)) for output in (slices, folder)] == [3, 2]
    assert ways.hash_of(slices) == ways.hash_of(folder) == ways.hash_of(whole)
    assert ways.keys_of(whole) == ways.chained([items])


def test_articles_that_come_late_are_keyed_as_the_functions_say(tmp_path):
    """What the counts of tests/bench/orders.py stand on."""
    items = ways.invented(120)
    chance = random.Random(1)
    late = {item.name: ways.event_time(item) + chance.randrange(6 * HOUR) for item in items}
    arrived = lambda item: late[item.name]  # noqa: E731
    found = ways.chained([some for _, some in ways.by_time(items, 6 * HOUR, arrived)])
    sliced = ways.in_slices(items, tmp_path, 6 * HOUR, arrived)
    assert len(manifests(sliced)) == 3
    assert ways.keys_of(sliced) == found
    assert found != ways.chained([items])
