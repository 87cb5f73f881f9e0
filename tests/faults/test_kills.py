"""Runs are killed, at every step and at random moments: readers see old or new, and running again completes it."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.faults.ground import TWO_PROCESSES, Command, side_by_side

pytestmark = [pytest.mark.runner, pytest.mark.timeout(900)]


def test_killed_at_every_eighth_step_and_run_again(ground, two_runs):
    """Some reruns are killed too, so that what two killed runs left is swept as well."""
    moments = random.Random(1)
    again = {step: moments.randrange(len(ground.steps)) for step in range(0, len(ground.steps), 16)}

    def kill(runs, step):
        output = ground.copy(f"step-{step}")
        with ground.reader(output):
            assert runs.run(output, ground.command(output), step=step, act="kill").code == -signal.SIGKILL
            assert ground.state(output) == (step > ground.commit)
            if step in again:
                assert runs.run(output, ground.command(output), step=again[step], act="kill").code in (
                    0,
                    -signal.SIGKILL,
                )
            ground.complete(output, runs)

    # The kills at random moments hit their share of the others; those around the commit are all taken.
    near = range(max(0, ground.commit - 4), min(ground.commit + 5, len(ground.steps)))
    side_by_side(kill, sorted({*range(0, len(ground.steps), 8), *near}), *two_runs)


@pytest.mark.parametrize(("kills", "flags"), [(8, ["--direct_num_workers=1"]), (4, TWO_PROCESSES)], ids=["one", "two"])
def test_killed_at_random_moments_and_run_again(ground, two_runs, kills, flags):
    """The whole group of processes is killed, and every fifth time the rerun too."""
    undisturbed = ground.copy(f"undisturbed-{kills}")
    with Command(ground, undisturbed, *flags) as command, ground.reader(undisturbed) as seen:
        command.wait_for_start()
        start = time.monotonic()
        command.until(lambda: seen[-1])
        length = time.monotonic() - start
        ground.check(command.end())
    moments = random.Random(kills)
    killed = []

    def kill(runs, number):
        output = ground.copy(f"moment-{kills}-{number}")
        with ground.reader(output):
            for _ in range(2 if number % 5 == 0 else 1):
                with Command(ground, output, *flags) as command:
                    command.wait_for_start()
                    time.sleep(moments.uniform(0, 1.05 * length))
                    command.signal_all(signal.SIGKILL)
                    killed.append(command.end().code == -signal.SIGKILL)
                ground.state(output)
            ground.complete(output, runs)

    side_by_side(kill, range(kills), *two_runs)
    # Late moments may miss a run that was quicker than the first.
    assert sum(killed) >= 0.8 * kills


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_workers_end_when_the_starting_process_is_killed(ground, share):
    """What they still do meanwhile is in nobody's way."""
    output = ground.copy(f"driver-{share}")
    with Command(ground, output, *TWO_PROCESSES) as command, ground.reader(output):
        command.until(lambda: len(command.workers()) == 2)
        time.sleep(4 * share)
        os.kill(command.process.pid, signal.SIGKILL)
        command.process.wait()
        ground.complete(output)
        command.end()
        ground.complete(output)
