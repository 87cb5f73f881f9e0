"""Every runner writes the same bytes, and an engine's job ends with the run that asked for it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas import DATA_SETS
from tests.engines import datasets
from tests.engines.bring import MissingError
from tests.engines.runners import RUNNERS, jobs, storywire
from tests.pipeline.outputs import tree

# The machine may be busy, and engines take their time.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """The samples in two slices, and what a run in one process writes of them."""
    folder = tmp_path_factory.mktemp("samples")
    made = datasets.samples(folder)
    with RUNNERS[REFERENCE](folder) as flags:
        run(flags, folder / "out", made)
    return made, tree(folder / "out")


REFERENCE, *OTHERS = RUNNERS


@pytest.fixture(scope="module", params=OTHERS)
def flags(request, tmp_path_factory):
    try:
        with RUNNERS[request.param](tmp_path_factory.mktemp("engine")) as made:
            yield made
    except MissingError as missing:
        pytest.skip(str(missing))


def run(flags: list[str], output: Path, slices: list[datasets.Slice]) -> None:
    """Runs one slice after the other, from a folder and with paths that mean nothing to workers started elsewhere."""
    output.mkdir(exist_ok=True)
    for as_of, inputs in slices:
        command = storywire(flags, Path(), as_of, *(os.path.relpath(path, output) for path in inputs))
        done = subprocess.run(command, cwd=output, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        assert done.stdout + done.stderr == ""


def test_the_samples_come_out_the_same(flags, slices, tmp_path):
    made, expected = slices
    assert {name.partition("/")[0] for name in expected} == {".lock", "manifests", *DATA_SETS}
    run(flags, tmp_path, made)
    assert tree(tmp_path) == expected


@pytest.mark.parametrize("flags", ["FlinkRunner, cluster, 2"], indirect=True)
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_takes_its_job_along(flags, sign, tmp_path):
    (as_of, inputs), *_ = datasets.samples(tmp_path)
    before = jobs(flags)
    mine: dict[str, str] = {}

    def state() -> str:
        mine.update((name, state) for name, state in jobs(flags).items() if name not in before)
        return "".join(mine.values())

    with subprocess.Popen(storywire(flags, tmp_path, as_of, *inputs), stderr=subprocess.PIPE, text=True) as started:
        until(lambda: state() == "RUNNING")
        started.send_signal(sign)
        said = started.communicate(timeout=120)[1]
    assert (started.returncode, said) == (1, "storywire: stopped; the previous output stands\n")
    until(lambda: state() not in ("RUNNING", "CANCELLING"))
    assert state() == "CANCELED"
    assert {path for path in tree(tmp_path) if path.startswith("manifests/")} == set()


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)
