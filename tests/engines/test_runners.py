"""Every runner writes the same bytes, and an engine's job ends with the run that asked for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engines import datasets
from tests.engines.bring import Missing
from tests.engines.runners import RUNNERS, storywire
from tests.pipeline.outputs import tree

# Where an engine is brought first, that takes minutes.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """The samples in two slices, and what a run in one process writes of them."""
    folder = tmp_path_factory.mktemp("samples")
    made = datasets.samples(folder)
    run(["--runner=FnApiRunner", "--direct_num_workers=1"], folder / "out", made)
    return made, tree(folder / "out")


@pytest.fixture(scope="module", params=RUNNERS)
def flags(request, tmp_path_factory):
    try:
        with RUNNERS[request.param](tmp_path_factory.mktemp("engine")) as made:
            yield made
    except Missing as missing:
        pytest.skip(str(missing))


def run(flags: list[str], output: Path, slices: list[datasets.Slice]) -> None:
    for as_of, inputs in slices:
        done = subprocess.run(storywire(flags, output, as_of, *inputs), capture_output=True, text=True, timeout=600)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_samples_come_out_the_same(flags, slices, tmp_path):
    made, expected = slices
    assert len(expected) == 12
    run(flags, tmp_path, made)
    assert tree(tmp_path) == expected
