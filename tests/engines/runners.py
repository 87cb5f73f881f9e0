"""The engines that runs are held against each other on: each starts what it needs and gives the flags for a run.

In: a folder of its own for logs. Out: a context manager of Beam's flags; what was started ends with it. MissingError
where an engine can't be had. Engines are told to listen on loopback; Beam's workers listen on every interface.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from tests.engines import bring

READY_SECONDS = 60
Runner = Callable[[Path], AbstractContextManager[list[str]]]


@contextlib.contextmanager
def fn_api(processes: int, _: Path) -> Iterator[list[str]]:
    """Beam's runner within the process, with workers of its own from two on."""
    mode = ["--direct_running_mode=multi_processing"] if processes > 1 else []
    yield ["--runner=FnApiRunner", f"--direct_num_workers={processes}", *mode]


@contextlib.contextmanager
def direct(_: Path) -> Iterator[list[str]]:
    """Beam's default, which chooses by what is installed."""
    yield ["--runner=DirectRunner"]


@contextlib.contextmanager
def job_server(folder: Path) -> Iterator[list[str]]:
    """Beam's portable job server; it, the workers and the run are processes apart."""
    port_file = folder / "port"
    service = "apache_beam.runners.portability.local_job_service_main"
    with process([sys.executable, "-m", service, f"--port_file={port_file}"], folder / "job_server") as started:
        _wait(started, port_file.exists)
        yield [
            "--runner=PortableRunner",
            f"--job_endpoint=localhost:{port_file.read_text()}",
            "--environment_type=beam:env:harness_subprocess_python:v1",
            f"--environment_config={sys.executable} -m apache_beam.runners.worker.sdk_worker_main",
        ]


@contextlib.contextmanager
def prism(_: Path) -> Iterator[list[str]]:
    """Beam's Prism, which the run starts and ends."""
    yield ["--runner=PrismRunner", f"--prism_location={bring.prism()}"]


@contextlib.contextmanager
def flink(parallelism: int, _: Path) -> Iterator[list[str]]:
    """Flink within its job server, which the run starts and ends."""
    yield [*_flink_flags("[local]", parallelism), "--environment_type=LOOPBACK"]


@contextlib.contextmanager
def flink_cluster(folder: Path) -> Iterator[list[str]]:
    """A Flink of its own: job manager, task manager and worker pool are processes apart.

    The pool's environment has the wheel and what the lock names, and nothing of this tree.
    """
    jar, java = bring.flink(), bring.java()
    rest, pool = free_port(), free_port()
    (folder / "config.yaml").write_text(
        f"jobmanager.rpc.address: localhost\njobmanager.rpc.port: {free_port()}\nrest.port: {rest}\n"
        + (bring.POM.parent / "config.yaml").read_text()
    )
    entrypoint = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    launch = [java, *_OPEN, "-cp", jar]
    with contextlib.ExitStack() as started:
        for name, memory, main in (
            ("job_manager", "-Xmx768m", entrypoint),
            ("task_manager", "-Xmx1200m", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"),
        ):
            command = [*launch[:1], memory, *launch[1:], main, "--configDir", folder]
            last = started.enter_context(process(command, folder / name))
        started.enter_context(worker_pool(pool, folder))
        _wait(last, lambda: _answer(rest, "overview").get("taskmanagers") == 1)
        yield [
            *_flink_flags(f"localhost:{rest}", 2),
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{pool}",
        ]


@contextlib.contextmanager
def worker_pool(port: int, folder: Path) -> Iterator[None]:
    """Beam's pool of workers in an environment that has the wheel of this tree, started from elsewhere."""
    with bring.worker_with_wheel() as environment:
        # A pool starts what is called `python`.
        variables = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
        command = ["python", "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"]
        with process(command, folder / "worker_pool", cwd=folder, env=_without_this_tree() | variables) as pool:
            _wait(pool, lambda: _is_open(port))
            yield


RUNNERS: dict[str, Runner] = {
    "FnApiRunner, 1 process": partial(fn_api, 1),
    "FnApiRunner, 2 processes": partial(fn_api, 2),
    "DirectRunner": direct,
    "PortableRunner, job server": job_server,
    "PrismRunner": prism,
    "FlinkRunner, embedded, 1": partial(flink, 1),
    "FlinkRunner, embedded, 2": partial(flink, 2),
    "FlinkRunner, cluster, 2": flink_cluster,
}


def storywire(flags: list[str], output: Path, as_of: str, *inputs: Path | str) -> list[str]:
    """The command of a run on a runner, for subprocess.run."""
    given = [text for one in inputs for text in ("--input", str(one))]
    options = ["--output", str(output), "--as_of", as_of, "--max_reject_share", "0.2", "--quiet"]
    return [sys.executable, "-m", "pipeline.cli", "run", *given, *options, *flags]


def jobs(flags: list[str]) -> dict[str, str]:
    """The state of each job that a Flink cluster has or had, by id."""
    (port,) = (int(flag.rpartition(":")[2]) for flag in flags if flag.startswith("--flink_master="))
    return {job["id"]: job["status"] for job in _answer(port, "jobs")["jobs"]}


@contextlib.contextmanager
def process(command: list[Any], log: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process and what it starts, which all end here, or when the tests do, however they end."""
    with log.open("wb") as written:
        started = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True, **more,
        )  # fmt: skip
    started.log = log
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def _flink_flags(master: str, parallelism: int) -> list[str]:
    bring.java()
    return [
        "--runner=FlinkRunner",
        f"--flink_master={master}",
        "--flink_version=1.19",
        f"--flink_job_server_jar={bring.flink()}",
        f"--parallelism={parallelism}",
    ]


def _wait(started: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not ready():
        said = started.log.read_text(errors="replace")[-2000:]
        assert started.poll() is None, said
        assert time.monotonic() < end, f"not ready after {READY_SECONDS} s: {said}"
        time.sleep(0.1)


def _answer(port: int, path: str) -> dict[str, Any]:
    """What a Flink cluster says; nothing while it doesn't answer."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/{path}", timeout=10) as answer:
            return dict(json.load(answer))
    except OSError:
        return {}


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


def _without_this_tree() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


# What Flink 1.19 asks Java 17 to open: the list of its own start scripts (bin/config.sh, env.java.opts.all).
_OPEN = [
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
            "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
        )
    ),
]  # fmt: skip
