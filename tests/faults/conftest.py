"""The ground of all tests of faults, made once."""

from __future__ import annotations

import pytest

from tests.faults.ground import Ground, Runs


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory):
    """Two makers of runs, so that two can be made at a time."""
    folder = tmp_path_factory.mktemp("zygotes")
    made = [Runs(folder / "one"), Runs(folder / "two")]
    yield made
    for runs in made:
        runs.close()


@pytest.fixture(scope="session")
def ground(tmp_path_factory, two_runs):
    return Ground(tmp_path_factory.mktemp("ground"), two_runs[0])
