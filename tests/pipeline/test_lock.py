"""Two runs on one output: the second stops or waits, and a dead one holds nobody off."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from pipeline import lock, run
from pipeline.errors import RunError
from pipeline.stop import Stop, stoppable
from tests.conftest import ROOT
from tests.pipeline.outputs import config, write_articles

HOLDER = """
import sys, time
from pipeline import lock
from pipeline.stop import Stop
with lock.alone(sys.argv[1], lock.STOP, Stop(), print):
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def no_room():
    """No byte can be added to a file."""
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, allowed[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_stops_and_names_the_first(tmp_path, holder):
    asked = config(tmp_path / "out", write_articles(tmp_path / "wire", 1))
    with pytest.raises(RunError, match="another run is writing") as told:
        run.run(asked, [])
    words = str(told.value)
    assert f"process {holder.pid} on {socket.gethostname()}, at work since 20" in words
    assert "--if_busy=wait" in words
    assert not (tmp_path / "out" / "manifests").exists()


def test_the_second_waits(tmp_path, holder):
    told = []
    threading.Timer(0.5, holder.kill).start()
    start = time.monotonic()
    with lock.alone(str(tmp_path / "out"), lock.WAIT, Stop(), told.append):
        assert time.monotonic() - start >= 0.4
    (line,) = told
    assert f"process {holder.pid}" in line
    assert "waiting" in line


def test_a_wait_ends_when_it_is_told_to(tmp_path, holder):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with (
        stoppable(Stop(patience=1)) as stop,
        pytest.raises(KeyboardInterrupt),
        lock.alone(str(tmp_path / "out"), lock.WAIT, stop, print),
    ):
        pytest.fail("the lock is held by another")


def test_a_lock_whose_owner_was_killed_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "out" / lock.NAME).read_text()
    with lock.alone(str(tmp_path / "out"), lock.STOP, Stop(), pytest.fail):
        assert str(os.getpid()) in (tmp_path / "out" / lock.NAME).read_text()
    assert (tmp_path / "out" / lock.NAME).read_text() == ""


def test_a_disk_that_is_full_leaves_the_lock_without_a_name(tmp_path):
    """What the run itself failed of must be what is told, also when the lock is let go."""
    with no_room(), pytest.raises(RunError, match="cause"), lock.alone(str(tmp_path), lock.STOP, Stop(), pytest.fail):
        raise RunError("the real cause")
    assert (tmp_path / lock.NAME).read_text() == ""


def test_a_lock_that_says_nothing_still_holds(tmp_path, holder):
    (tmp_path / "out" / lock.NAME).write_text('{"half": ')
    with (
        pytest.raises(RunError, match="a process that did not say who it is"),
        lock.alone(str(tmp_path / "out"), lock.STOP, Stop(), print),
    ):
        pytest.fail("the lock is held by another")
