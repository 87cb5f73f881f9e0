"""Faults that are no kill: full disks, lost permissions, dying workers, stop signals, bundles run twice.

Each ends the run with a line that says why and exit code 1; the output is what it was, and running again completes it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest

from tests.faults.ground import TWO_PROCESSES, Command, side_by_side, small_disk
from tests.pipeline.outputs import tree, write_articles

pytestmark = [pytest.mark.runner, pytest.mark.timeout(900)]
ONE_PROCESS = ["--direct_num_workers=1"]


def test_no_space_at_any_step(ground, two_runs):
    def fail(runs, step):
        output = ground.copy(f"no-space-{step}")
        with ground.reader(output):
            result = runs.run(output, ground.command(output), step=step, act="fail")
        if step < ground.commit and ground.steps[step].startswith("remove"):
            # What tells that the folder can be written can't be taken away: the next run does it.
            assert (result.code, ground.state(output)) == (1, 0)
        elif step <= ground.commit:
            ground.failed(output, result, "No space left on device")
        elif ground.steps[step].startswith("sync manifests"):
            # The new name is there, but nobody knows whether the disk has it.
            assert (result.code, ground.state(output)) == (1, 1)
            assert "run it again" in result.said
        else:
            # What was committed stays so, whatever can't be swept or logged.
            assert (result.code, ground.state(output)) == (0, 1)
        ground.complete(output, runs)

    steps = {*range(0, len(ground.steps), 8), ground.commit, ground.commit + 1}
    side_by_side(fail, sorted(steps), *two_runs)


def test_a_disk_that_fills_up(ground, two_runs, tmp_path):
    """A disk with room for some of the files only: more and more, until the run gets through.

    Where no disk can be mounted, files may not be longer than some of them have to be.
    """
    page = os.sysconf("SC_PAGE_SIZE")
    with small_disk(tmp_path) as leave:
        if leave is None:
            sizes = sorted({path.stat().st_size for path in ground.new_output.glob("*/as_of=20260313T000000Z*")})
            for size in sizes[:-1]:
                output = ground.copy(f"limit-{size}")
                command = ground.command(output)
                ground.failed(output, two_runs[0].run(output, command, file_size=size), "File too large")
                ground.complete(output)
            return
        output = tmp_path / "out"
        shutil.copytree(ground.copy("for-the-disk"), output)
        failures = 0
        for free in range(0, 64 * page, 4 * page):
            leave(free)
            with ground.reader(output):
                result = two_runs[0].run(output, ground.command(output))
            if result.code == 0:
                break
            failures += 1
            ground.failed(output, result, "No space left on device")
        assert failures > 2
        assert tree(output) == ground.new
        leave(2**20)
        ground.complete(output)


def test_files_that_may_not_grow(ground, two_runs):
    """The longest file is the draft of the manifest or a data file: each length stops another one."""
    lengths = sorted({path.stat().st_size for name in ground.new for path in [ground.new_output / name]} - {0})

    def limit(runs, length):
        output = ground.copy(f"length-{length}")
        result = runs.run(output, ground.command(output), file_size=length - 1)
        ground.failed(output, result, "File too large")
        ground.complete(output, runs)

    side_by_side(limit, (lengths[0], lengths[len(lengths) // 2], lengths[-1]), *two_runs)


def allow(output):
    for folder, _, _ in os.walk(output):
        os.chmod(folder, 0o755)  # noqa: PTH101


def test_permission_lost_in_the_middle(ground, two_runs):
    def forbid(runs, step):
        output = ground.copy(f"forbidden-{step}")
        with ground.reader(output):
            result = runs.run(output, ground.command(output), step=step, act="forbid")
        allow(output)
        assert ground.state(output) == (step > ground.commit)
        if step <= ground.commit:
            assert (result.code, "Permission denied" in result.said, "Traceback" in result.said) == (1, True, False)
            assert "\n" not in result.said.partition("storywire: run it again with --verbose")[0][:-1]
        else:
            assert result == (0, "")
        ground.complete(output, runs)

    steps = {*range(1, ground.commit, 10), ground.commit, ground.commit + 3}
    side_by_side(forbid, sorted(steps), *two_runs)


@pytest.mark.parametrize("folder", [".", "manifests", "articles/as_of=20260313T000000Z"])
def test_folders_that_cannot_be_written(ground, two_runs, folder):
    output = ground.copy(f"closed-{folder.replace('/', '-')}")
    (output / folder).chmod(0o555)
    # No step is forbidden, but the run has root's privileges no more.
    result = two_runs[0].run(output, ground.command(output), act="forbid")
    allow(output)
    if folder == ".":
        # The lock is there to be opened and all data sets have their folders: nothing is missing.
        assert result.code in (0, 1)
    else:
        ground.failed(output, result, "Permission denied")
    ground.complete(output)


def test_told_to_stop_at_any_step(ground, two_runs):
    def stop(runs, step):
        output = ground.copy(f"stop-{step}")
        with ground.reader(output):
            result = runs.run(output, ground.command(output), step=step, act="stop")
        if step < ground.commit:
            ground.failed(output, result, "stopped; the previous output stands")
        else:
            # Too late: what commits finishes.
            assert (result, tree(output)) == ((0, ""), ground.new)

    steps = {*range(ground.begin, len(ground.steps), 8), ground.commit}
    side_by_side(stop, sorted(steps), *two_runs)


@pytest.mark.parametrize(
    ("number", "flags"),
    [(signal.SIGTERM, ONE_PROCESS), (signal.SIGTERM, TWO_PROCESSES), (signal.SIGINT, TWO_PROCESSES)],
    ids=["term-one", "term-two", "int-two"],
)
def test_told_to_stop_at_some_moment(ground, number, flags):
    moments = random.Random(number)
    stopped, longest = 0, 0.5 if flags is ONE_PROCESS else 1.5
    while stopped < 2:
        output = ground.copy(f"stop-{number}-{flags[0]}-{stopped}-{longest}")
        with ground.reader(output), Command(ground, output, *flags) as command:
            command.wait_for_start()
            time.sleep(moments.uniform(0, longest))
            command.process.send_signal(number)
            result = command.end()
        if result.code == 0 and longest > 0.01:
            longest /= 2  # the run was through before its moment came
            continue
        ground.failed(output, result, "stopped; the previous output stands")
        ground.complete(output)
        stopped += 1


@pytest.mark.parametrize("moment", [0, 0.8, 1.7])
def test_a_worker_dies(ground, moment):
    """It is held first, so that the run can't have come to its end when the worker is killed."""
    output = ground.copy(f"worker-{moment}")
    with Command(ground, output, *TWO_PROCESSES) as command, ground.reader(output):
        command.until(lambda: len(command.workers()) == 2)
        time.sleep(moment)
        victim = command.workers()[int(moment * 10) % 2]
        os.kill(victim, signal.SIGSTOP)
        time.sleep(0.3)
        assert command.process.poll() is None
        os.kill(victim, signal.SIGKILL)
        start = time.monotonic()
        result = command.end()
        assert time.monotonic() - start < 10
    ground.failed(output, result, "a worker process was killed by signal 9")
    ground.complete(output)


def test_a_bundle_is_run_twice(ground, two_runs):
    """And what attempts that died have left lies beside every file."""
    output = ground.copy("twice")
    command = [*ground.command(output), "--direct_runner_bundle_repeat=1"]
    with ground.reader(output):
        ground.check(two_runs[0].run(output, command, act="litter"))
    assert ground.state(output) == 1
    ground.complete(output)


def test_an_output_that_was_not_there(ground, two_runs, tmp_path):
    """The first run of all is stopped, killed and fails: nothing is left that a reader would take for something."""
    output = tmp_path / "out"
    wire = write_articles(tmp_path / "wire", 5)
    command = ground.command(output, wire)
    ends = [two_runs[0].run(output, command, step=20, act=act).code for act in ("stop", "kill", "fail")]
    assert ends == [1, -signal.SIGKILL, 1]
    assert set(tree(output)) == {".lock"}
    ground.check(two_runs[0].run(output, command))
    whole = tree(output)
    ground.check(two_runs[0].run(tmp_path / "undisturbed", ground.command(tmp_path / "undisturbed", wire)))
    assert whole == tree(tmp_path / "undisturbed")
