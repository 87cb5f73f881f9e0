"""The runner of a run: the one that the flags name, else Beam's FnApiRunner, with worker processes that can be trusted.

In: Beam's flags and how much there is to read. Out: a runner, and the flags that are left for it. Beam's own handling
of worker processes waits for ever for one that has died, and leaves them behind when the starting process is killed.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

from apache_beam.options.pipeline_options import (
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
)
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability import flink_runner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.runners.portability.fn_api_runner.worker_handlers import SubprocessSdkWorkerHandler, WorkerHandler
from apache_beam.transforms import environments
from google.protobuf import json_format, text_format  # type: ignore[import-untyped]

# Starting a second process costs some seconds, so it pays from about a thousand articles on.
_WORTH_ALL_CORES_BYTES = 4 * 2**20
# A worker process whose work is done takes about a second to end.
_WORKER_END_SECONDS = 10
# An engine lets go of a job within a second or two; it may have gone itself.
_CANCEL_SECONDS = 20


def runner_for(flags: list[str], size: int, log: str) -> tuple[Any, list[str]]:
    """The runner for `size` bytes of input, None for one that Beam makes; and the flags that are left for it.

    It is always named, FnApiRunner where the flags name none: Beam's own default guesses by what is installed. That one
    is made here, because its worker processes would write their start and end to the terminal; they write to `log`.
    """
    options = PipelineOptions(flags)
    name = options.view_as(StandardOptions).runner or "FnApiRunner"
    if name.rpartition(".")[2].lower() not in ("fnapirunner", "fnapi"):
        # An engine shows the job by its name, and it is found by that when it has to be cancelled.
        named = options.view_as(GoogleCloudOptions).job_name is not None
        return None, flags if named else [*flags, f"--job_name=storywire-{uuid.uuid4().hex}"]
    given = {flag.partition("=")[0] for flag in flags}
    direct = options.view_as(DirectOptions)
    chosen = "--direct_num_workers" in given or "--direct_running_mode" in given
    workers = direct.direct_num_workers if chosen or size < _WORTH_ALL_CORES_BYTES else os.cpu_count() or 1
    mode = direct.direct_running_mode if chosen else "multi_processing" if workers > 1 else "in_memory"
    if mode != "multi_processing":
        return FnApiRunner(), [*flags, f"--direct_num_workers={workers}"]
    command = f"{shlex.quote(sys.executable)} -m pipeline.worker"
    redirected = f"exec {command} >>{shlex.quote(log)} 2>&1" if log else f"exec {command}"
    kept = [flag for flag in joined(flags) if not flag.startswith(("--direct_num_workers", "--direct_running_mode"))]
    environment = environments.SubprocessSDKEnvironment.from_command_string(redirected)
    runner = FnApiRunner(default_environment=environment, provision_info=_provision(kept))
    return runner, [*kept, f"--direct_num_workers={workers}"]


def run_to_end(pipeline: Any, flags: list[str]) -> str | None:
    """Runs the pipeline; gives the job's last state, None where the runner keeps none.

    A run that is stopped meanwhile takes its job along: an engine would go on with it.
    """
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if in_main else None
    result: Any = None
    try:
        result = pipeline.run()
        if handler is not None:
            # Beam's starter of engines takes Ctrl-C for itself, and would end the engine before the job is cancelled.
            signal.signal(signal.SIGINT, handler)
        state: str | None = result.wait_until_finish()
    except BaseException:
        # Beam may have dressed up an interruption; a job that has ended minds nothing.
        if result is not None:
            with contextlib.suppress(Exception):
                result.cancel()
        with contextlib.suppress(OSError):
            _cancel_on_flink(PipelineOptions(flags))
        raise
    return state


def _cancel_on_flink(options: PipelineOptions) -> None:
    """Cancels the job on a Flink cluster and waits for its end: Beam's job server lets go of it and leaves it there."""
    master = options.view_as(FlinkRunnerOptions).flink_master
    name = options.view_as(GoogleCloudOptions).job_name
    if master in flink_runner.MAGIC_HOST_NAMES:
        return
    jobs = f"{flink_runner.FlinkRunner.add_http_scheme(master)}/jobs"
    end = time.monotonic() + _CANCEL_SECONDS
    while time.monotonic() < end:
        with urllib.request.urlopen(f"{jobs}/overview", timeout=_CANCEL_SECONDS) as answer:
            going = [job for job in json.load(answer)["jobs"] if job["name"] == name and job["end-time"] < 0]
        if not going:
            return
        for job in going:
            asked = urllib.request.Request(f"{jobs}/{job['jid']}?mode=cancel", method="PATCH")
            urllib.request.urlopen(asked, timeout=_CANCEL_SECONDS).close()
        time.sleep(0.2)


def _provision(flags: list[str]) -> ExtendedProvisionInfo:
    """What worker processes are told: the flags, which this runner would keep to itself, so that a worker would ask
    another S3 server than the starting process does."""
    told = beam_provision_api_pb2.ProvisionInfo()
    told.pipeline_options.update(PipelineOptions(flags).get_all_options(drop_default=True))
    return ExtendedProvisionInfo(told)


@WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class Worker(SubprocessSdkWorkerHandler):
    """A worker process whose death ends the run: Beam by itself would wait for its answers for ever."""

    at_work: ClassVar[list[Worker]] = []
    lost: ClassVar[list[str]] = []
    """How worker processes of this run ended that should have lived, the first one first."""

    def start_worker(self) -> None:
        """Starts the process; what it is told is what Beam's own handler tells it."""
        variables = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(self.control_api_service_descriptor()),
            "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(self.logging_api_service_descriptor()),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "WORKER_ID": self.worker_id,
        }
        self._closing = threading.Event()
        # It ends when its stdin does: see worker.py. A terminal's Ctrl-C is for the process that was started there,
        # which may want to end its slice first.
        self._process = subprocess.Popen(
            self._worker_command_line, shell=True, env=os.environ | variables, stdin=subprocess.PIPE, process_group=0
        )
        self.at_work.append(self)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        code = self._process.wait()
        if self._closing.is_set():
            return
        how = f"was killed by signal {-code} (is memory short?)" if code < 0 else f"ended with exit code {code}"
        self.lost.append(f"a worker process {how}")
        for worker in list(self.at_work):
            worker._process.kill()
        self.data_conn.close()
        # Beam may be about to ask something more of it.
        while not self._closing.wait(0.1):
            with contextlib.suppress(RuntimeError):
                self.control_conn.abort(RuntimeError(self.lost[0]))

    def close(self) -> None:
        """Lets the process end; where the run has failed it is not waited for."""
        self._closing.set()
        self.at_work.remove(self)
        if sys.exc_info()[0] is not None:
            self._process.kill()
        super().close()

    def stop_worker(self) -> None:
        """Waits for the end of the process, which has nothing to do any more."""
        try:
            self._process.wait(_WORKER_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()


@contextlib.contextmanager
def threads_unheard() -> Iterator[None]:
    """Keeps tracebacks of Beam's threads, which die when a worker does, from the terminal."""
    before = threading.excepthook
    threading.excepthook = lambda args: logging.getLogger(__name__).debug("a thread ended: %s", args.exc_value)
    try:
        yield
    except KeyboardInterrupt:
        # They die later, with the servers that they listen to.
        raise
    except BaseException:
        threading.excepthook = before
        raise
    threading.excepthook = before


def joined(flags: list[str]) -> list[str]:
    """`--name value` as `--name=value`."""
    joined: list[str] = []
    for flag in flags:
        if joined and not flag.startswith("-") and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={flag}"
        else:
            joined.append(flag)
    return joined
