"""One run from options to commit: list, run the graph, check what came out, make it visible, clean up.

In: a Config and Beam's own flags. Out: the committed manifest and a log beside it. OptionError and RunError say what
went wrong; in both cases the previous output stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import platform
import shlex
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.transforms import environments

from pipeline import graph, manifest, storage
from pipeline.errors import RunError
from pipeline.inputs import InputFile, expand
from pipeline.options import Config
from pipeline.progress import Line
from pipeline.unpack import shares_of
from transforms.parse.times import iso

# Starting a second process costs some seconds, so it pays from about a thousand articles on.
_WORTH_ALL_CORES_BYTES = 4 * 2**20


class TooManyRejectsError(RunError):
    """More rejects than the options let pass."""


class Outcome(NamedTuple):
    """A run that was committed."""

    manifest: dict[str, Any]
    path: str
    """The manifest's."""
    seconds: float
    """Wall time from listing to commit."""


def run(config: Config, flags: list[str]) -> Outcome:
    """Runs the pipeline over what the inputs name now and commits the partition."""
    start = time.monotonic()
    parts = [part for file in expand(config) for part in shares_of(file)]
    draft = manifest.draft_path(config)
    with _alone(config):
        standing = manifest.load(manifest.path_of(config))
        storage.delete(manifest.orphans(config, standing))
        try:
            _execute(config, parts, draft, flags)
            made = manifest.load(draft)
            if made is None:
                raise RunError("the runner says that it is done, but no manifest was drafted")
            _check(config, made, len(parts))
        except BaseException as error:
            # What was written is taken back, but for the rejects of a run that has too many: they say why.
            told = manifest.folder(config, "rejects") if isinstance(error, TooManyRejectsError) else None
            strays = manifest.orphans(config, standing)
            storage.delete([path for path in strays if told is None or not path.startswith(f"{told}/part-")])
            raise
        storage.rename(draft, manifest.path_of(config))
        storage.delete(manifest.orphans(config, made))
    outcome = Outcome(made, manifest.path_of(config), time.monotonic() - start)
    _log(config, flags, outcome)
    return outcome


@contextlib.contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Holds off other runs on the same output folder; RunError where one is at work, or nothing can be written.

    The system lets go of the lock when the process ends, however that comes. On an object store nothing holds them off.
    """
    with contextlib.ExitStack() as held:
        try:
            if storage.is_local(config.output):
                Path(config.output).mkdir(parents=True, exist_ok=True)
                lock = held.enter_context(Path(config.output, ".lock").open("ab"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            probe = storage.join(config.output, "manifests", f"{storage.TEMPORARY}{config.partition()}.probe")
            storage.write(probe, b"")
            storage.delete([probe])
        except BlockingIOError as error:
            raise RunError(f"another run is writing to {config.output}; wait for its end or name another") from error
        except Exception as error:
            # Each filesystem has errors of its own for what it can't write.
            raise RunError(f"--output={config.output} can't be written: {error}") from error
        yield


def _runner(flags: list[str], size: int, log: str) -> tuple[Any, list[str]]:
    """The runner, and the flags that are left for it.

    It is always named, FnApiRunner where the flags name none: Beam's own default guesses by what is installed. That one
    is made here, because its worker processes would write their start and end to the terminal; they write to `log`.
    """
    options = PipelineOptions(flags)
    name = options.view_as(StandardOptions).runner or "FnApiRunner"
    if name.rpartition(".")[2].lower() not in ("fnapirunner", "fnapi"):
        return None, flags
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    given = {flag.partition("=")[0] for flag in flags}
    direct = options.view_as(DirectOptions)
    chosen = "--direct_num_workers" in given or "--direct_running_mode" in given
    workers = direct.direct_num_workers if chosen or size < _WORTH_ALL_CORES_BYTES else os.cpu_count() or 1
    mode = direct.direct_running_mode if chosen else "multi_processing" if workers > 1 else "in_memory"
    if mode != "multi_processing":
        return FnApiRunner(), [*flags, f"--direct_num_workers={workers}"]
    command = f"{shlex.quote(sys.executable)} -m apache_beam.runners.worker.sdk_worker_main"
    redirected = f"exec {command} >>{shlex.quote(log)} 2>&1" if log else f"exec {command}"
    kept = [flag for flag in _joined(flags) if not flag.startswith(("--direct_num_workers", "--direct_running_mode"))]
    environment = environments.SubprocessSDKEnvironment.from_command_string(redirected)
    return FnApiRunner(default_environment=environment), [*kept, f"--direct_num_workers={workers}"]


def _joined(flags: list[str]) -> list[str]:
    """`--name value` as `--name=value`."""
    joined: list[str] = []
    for flag in flags:
        if joined and not flag.startswith("-") and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={flag}"
        else:
            joined.append(flag)
    return joined


def _execute(config: Config, parts: list[InputFile], draft: str, flags: list[str]) -> None:
    files = {part.path: part.size for part in parts}
    size = sum(files.values())
    with tempfile.TemporaryDirectory(prefix="storywire-") as folder, Line(folder, len(files), size):
        try:
            logged = logging.getLogger().isEnabledFor(logging.WARNING)
            runner, left = _runner(flags, size, "" if logged else f"{folder}/workers.log")
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(left))
            graph.build(pipeline, config, parts, draft, folder)
            state = pipeline.run().wait_until_finish()
        except Exception as error:
            logging.getLogger(__name__).debug("the run failed", exc_info=True)
            raise RunError(f"the run failed, the previous output stands: {_cause(error)}") from error
    if state is not None and state != "DONE":
        raise RunError(f"the runner ended the job as {state}, the previous output stands")


def _cause(error: BaseException) -> str:
    """The last line that says something: engines wrap an error's text in their own and in a worker's traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("File ", "^", "~", "[while running", "Traceback"))]
    return f"{type(error).__name__}: {told[-1]}" if told else type(error).__name__


def _check(config: Config, made: dict[str, Any], parts: int) -> None:
    imbalance = manifest.imbalance(made, parts)
    if imbalance:
        raise RunError(f"articles were lost or doubled, so nothing was committed: {imbalance}")
    for name in sorted(manifest.named_files(made)):
        if not storage.exists(storage.join(config.output, name)):
            raise RunError(
                f"{name} was written and is gone, so nothing was committed; does something else clean there?"
            )
    items = made["counts"].get("items", 0)
    rejects = made["data_sets"]["rejects"]["rows"]
    if rejects > config.max_reject_share * items:
        raise TooManyRejectsError(
            f"{rejects} of {items} items were rejected, more than --max_reject_share={config.max_reject_share}; "
            f"nothing was committed. Look at {manifest.folder(config, 'rejects')} for the reasons, mend the input, "
            f"or raise the share"
        )


def _log(config: Config, flags: list[str], outcome: Outcome) -> None:
    """What may differ from run to run, kept out of the manifest."""
    log = {
        "finished": iso(int(time.time()) * 1_000_000),
        "seconds": round(outcome.seconds, 3),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "beam": beam.version.__version__,
        "flags": flags,
        "inputs": list(config.inputs),
        "command": sys.argv[1:],
    }
    path = storage.join(config.output, "logs", f"{config.partition()}.json")
    # The run is committed; that its log can't be kept is no failure of it.
    with contextlib.suppress(OSError):
        storage.write(path, (json.dumps(log, indent=2) + "\n").encode())
