"""A process that has imported everything and forks a child for each run that it is asked for.

In: lines of JSON, each a Job. Out: a line with the exit code for each. It exists because a run over a small wire takes
a second, and the imports before it two; a fork has them done.

A job can have something happen at the k-th step of the run, where a step is any change of the output folder: a folder
made, a file opened to be written, synced, renamed or removed. They are seen where Python asks the system for them,
so nothing of how the project writes files is assumed.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import json
import os
import re
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 60
"""A run that takes longer is stuck; the alarm clock ends it."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Job(NamedTuple):
    """A run that a child should do."""

    command: list[str]
    """The arguments of `storywire`."""
    output: str
    said: str
    """A file for what the child prints."""
    noted: str = ""
    """A file for the names of the steps, if they are wanted."""
    step: int = -1
    """The step, counted from 0, at which `act` happens, just before the step is done."""
    act: str = ""
    """The name of one of ACTS."""
    file_size: int = 0
    """Bytes that a file may have at most; 0 for no limit."""


def _kill(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop(_: str) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _fail(path: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


ACTS = {"kill": _kill, "stop": _stop, "fail": _fail, "forbid": lambda _: None, "litter": lambda _: None}
"""What can happen: SIGKILL, SIGTERM, the step fails for want of space; all folders turn read-only; every file that is
renamed leaves a half written one beside it, as an attempt does that died."""


class Steps:
    """Sees every change of the output folder, and acts at one of them."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._busy = False
        self.names: list[str] = []
        self._sync = os.fsync
        os.fsync = self._synced
        sys.addaudithook(self._audited)

    def _audited(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if args[2] & _WRITING:
                self._take("open", args[0])
        elif event == "os.rename":
            self._take("rename", args[1])
        elif event == "os.remove":
            self._take("remove", args[0])
        elif event == "os.mkdir" and not os.path.isdir(args[0]):  # noqa: PTH112
            self._take("make", args[0])

    def _synced(self, descriptor: int) -> None:
        self._take("sync", Path(f"/proc/self/fd/{descriptor}").readlink())
        self._sync(descriptor)

    def _take(self, kind: str, path: Any) -> None:
        if self._busy or not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(self._job.output):
            return
        self._busy = True
        try:
            self._act(kind, os.fspath(path))
        finally:
            self._busy = False

    def _act(self, kind: str, path: str) -> None:
        name = re.sub(r"\.[0-9a-f]{32}$", "", os.path.relpath(path, self._job.output))
        self.names.append(f"{kind} {name}")
        here = len(self.names) - 1 == self._job.step
        if self._job.act == "litter" and kind == "rename":
            folder, _, name = path.rpartition("/")
            Path(folder, f".tmp-{name}.{len(self.names)}").write_bytes(b"half of")
        elif self._job.act == "forbid" and here:
            for folder in [self._job.output, *(found for found, _, _ in os.walk(self._job.output))]:
                Path(folder).chmod(0o555)
        elif here:
            ACTS[self._job.act](path)


def drop_privileges() -> None:
    """Takes from root what lets it pass over the modes of files: CAP_DAC_OVERRIDE, with all other capabilities."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()):
            raise OSError(ctypes.get_errno(), "capset")


def _child(job: Job) -> None:
    signal.alarm(SECONDS)
    said = os.open(job.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    if job.act == "forbid":
        drop_privileges()
    if job.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, resource.RLIM_INFINITY))
    # Collecting would copy the zygote's memory page by page.
    gc.disable()
    steps = Steps(job)
    from pipeline import cli

    try:
        code = cli.main(job.command)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 99
    sys.stdout.flush()
    sys.stderr.flush()
    if job.noted:
        Path(job.noted).write_text("\n".join(steps.names))
    os._exit(code)


def main() -> None:
    """Does what is asked on stdin until it is closed."""
    from pipeline import cli

    # One run of the zygote itself, so that models and tables are loaded in all its children.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "wire.json").write_text('{"title": "Ferry aground", "published": "2026-03-09T10:00:00Z"}')
        cli.main(["run", "--quiet", "--input", f"{folder}/wire.json", "--output", f"{folder}/out"])
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        job = Job(*json.loads(line))
        child = os.fork()
        if not child:
            _child(job)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
