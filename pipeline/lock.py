"""One run at a time on one output folder: a lock that says whose it is and goes with the process that holds it.

In: the output folder. Out: a context in which no other run writes there; RunError names the run that does. The system
lets go of the lock when its process ends, however that comes, so nothing is ever left to be removed by hand. On an
object store nothing holds a second run off.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pipeline import storage
from pipeline.errors import RunError
from pipeline.stop import Stop
from transforms.parse.times import iso

STOP, WAIT = BUSY = "stop", "wait"
"""What a run does while another one is at work."""

NAME = ".lock"
_POLL_SECONDS = 0.2


@contextlib.contextmanager
def alone(output: str, busy: str, stop: Stop, say: Callable[[str], None]) -> Iterator[None]:
    """Holds off other runs on the same output folder.

    Where one is at work, RunError with `busy` STOP; with WAIT its end is waited for, until `stop` is asked for. OSError
    where the folder can't be written. `say` is told of a wait.
    """
    if not storage.is_local(output):
        yield
        return
    Path(output).mkdir(parents=True, exist_ok=True)
    with Path(output, NAME).open("a+b", buffering=0) as lock:
        told = False
        while not _taken(lock):
            owner = f"another run is writing to {output}: {_owner(lock)}"
            if busy == STOP:
                raise RunError(
                    f"{owner}; wait for its end, let this one wait with --if_busy=wait, or name another --output"
                )
            if not told:
                say(f"{owner}; waiting for its end")
                told = True
            stop.wait(_POLL_SECONDS)
            if stop.asked:
                raise KeyboardInterrupt
        try:
            _write(lock, {"host": socket.gethostname(), "process": os.getpid(), "since": iso(int(time.time()) * 10**6)})
            yield
        finally:
            _write(lock, None)


def _taken(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(lock: IO[bytes]) -> str:
    """Whose lock it is or was, in words, "" where nobody's; one that is half written is looked at again."""
    for _ in range(5):
        lock.seek(0)
        text = lock.read()
        if not text:
            return ""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            owner = json.loads(text)
            return f"process {owner['process']} on {owner['host']}, at work since {owner['since']}"
        time.sleep(0.01)
    return "a process that did not say who it is"


def _write(lock: IO[bytes], owner: dict[str, object] | None) -> None:
    # On a full disk the lock still holds; it only can't say whose it is.
    with contextlib.suppress(OSError):
        lock.seek(0)
        lock.truncate()
        if owner is not None:
            lock.write(json.dumps(owner).encode())
