"""One run from options to commit: list, run the graph, check what came out, make it visible, clean up.

In: a Config and Beam's own flags. Out: the committed manifest and a log beside it. OptionError and RunError say what
went wrong; in both cases the previous output stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import platform
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline import graph, ledger, manifest, replay, storage
from pipeline.errors import RunError
from pipeline.inputs import InputFile, expand
from pipeline.ledger import Chain
from pipeline.options import Config
from pipeline.progress import Line
from pipeline.runner import Worker, run_to_end, runner_for, threads_unheard
from pipeline.unpack import shares_of
from transforms.parse.times import iso
from transforms.stories.desk import fingerprint

# What a flag's name holds whose value is nobody's business, and the name and password in a URL.
_SECRET = re.compile("secret|token|passw|key|credential", re.IGNORECASE)
_URL_LOGIN = re.compile(r"://[^/@\s]+@")


class TooManyRejectsError(RunError):
    """More rejects than the options let pass."""


class Outcome(NamedTuple):
    """A run that was committed."""

    manifest: dict[str, Any]
    path: str
    """The manifest's."""
    seconds: float
    """Wall time from listing to commit."""
    notes: list[str]
    """What a person should know about the chain of runs."""


def run(config: Config, flags: list[str]) -> Outcome:
    """Runs the pipeline over what the inputs name now and commits the partition."""
    start = time.monotonic()
    # An engine's workers are started elsewhere.
    config = config._replace(output=storage.absolute(config.output))
    storage.connect(flags, config.output, *config.inputs)
    parts = _parts(config)
    draft = manifest.draft_path(config)
    with _stoppable() as stop, _alone(config):
        try:
            standing = manifest.load(manifest.path_of(config))
            chain = ledger.find(config)
            parts += chain.held
            storage.delete(manifest.orphans(config, standing))
            _execute(config, parts, chain, draft, flags)
            made = manifest.load(draft)
            if made is None:
                raise RunError("the runner says that it is done, but no manifest was drafted")
            _check(config, made, len(parts))
            stop.deaf = True
            if stop.told:
                raise KeyboardInterrupt
            storage.rename(draft, manifest.path_of(config))
        except BaseException as error:
            stop.deaf = True
            # What was written is taken back, but for the rejects of a run that has too many: they say why.
            told = manifest.folder(config, "rejects") if isinstance(error, TooManyRejectsError) else None
            _sweep(config, told)
            if stop.told:
                raise KeyboardInterrupt from error
            if isinstance(error, (OSError, BeamIOError)):
                raise RunError(f"the run could not be finished: {error}; the output is whole, run it again") from error
            raise
        _sweep(config)
        stale = ledger.stale_after(config, manifest.encode(made))
        notes = [*chain.notes, *(f"{partition} does not go on from what stands now" for partition in stale)]
        if stale:
            notes.append(f"run {'it' if len(stale) == 1 else 'them, in this order,'} again")
        outcome = Outcome(made, manifest.path_of(config), time.monotonic() - start, notes)
        _log(config, flags, outcome)
    return outcome


def _parts(config: Config) -> list[InputFile]:
    """The files of the run, or the shares of large ones."""
    if config.replay:
        return [file for path in config.inputs for file in replay.files(path)]
    return [part for file in expand(config) for part in shares_of(file)]


def _sweep(config: Config, told: str | None = None) -> None:
    """Removes files of the partition that its manifest does not name, but for data files in the folder `told`."""
    # What can't be removed now harms no reader, and the next run tries again. The manifest is looked at anew: a rename
    # that gave an error may have taken place.
    with contextlib.suppress(Exception):
        strays = manifest.orphans(config, manifest.load(manifest.path_of(config)))
        storage.delete([path for path in strays if told is None or not path.startswith(f"{told}/part-")])


class _Stop:
    """The handler of SIGTERM and Ctrl-C: the first ends the run, unless it commits already."""

    deaf = False
    """Nothing interrupts any more."""
    told = False
    """The run was told to stop; what it raised may have been dressed up by Beam or lost in a callback."""

    def __call__(self, *_: object) -> None:
        if not self.deaf:
            self.deaf = self.told = True
            raise KeyboardInterrupt


@contextlib.contextmanager
def _stoppable() -> Iterator[_Stop]:
    """Takes SIGTERM and Ctrl-C in the main thread, the one that Python lets handle signals."""
    stop = _Stop()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    taken = {one: handler for one, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for one in taken:
        signal.signal(one, stop)
    try:
        yield stop
    finally:
        for one, handler in taken.items():
            signal.signal(one, handler)


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
            try:
                storage.write(probe, b"")
            finally:
                storage.delete([probe])
        except BlockingIOError as error:
            raise RunError(f"another run is writing to {config.output}; wait for its end or name another") from error
        except Exception as error:
            # Each filesystem has errors of its own for what it can't write.
            raise RunError(f"--output={config.output} can't be written: {error}") from error
        yield


def _execute(config: Config, parts: list[InputFile], chain: Chain, draft: str, flags: list[str]) -> None:
    files = {part.path: part.size for part in parts}
    size = sum(files.values())
    Worker.lost.clear()
    with tempfile.TemporaryDirectory(prefix="storywire-") as folder, Line(folder, len(files), size), threads_unheard():
        try:
            logged = logging.getLogger().isEnabledFor(logging.WARNING)
            runner, left = runner_for(flags, size, "" if logged else f"{folder}/workers.log")
            pipeline = beam.Pipeline(runner=runner, options=PipelineOptions(left))
            graph.build(pipeline, config, parts, chain, draft, folder)
            state = run_to_end(pipeline, left)
        except Exception as error:
            logging.getLogger(__name__).debug("the run failed", exc_info=True)
            cause = Worker.lost[0] if Worker.lost else _cause(error)
            raise RunError(f"the run failed, the previous output stands: {cause}") from error
    if state is not None and state != "DONE":
        raise RunError(f"the runner ended the job as {state}, the previous output stands")


def _cause(error: BaseException) -> str:
    """The last line that says something: engines wrap an error's text in their own and in a worker's traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("File ", "^", "~", "[while running", "Traceback"))]
    return f"{type(error).__name__}: {told[-1]}" if told else type(error).__name__


def _check(config: Config, made: dict[str, Any], parts: int) -> None:
    if (made["storywire"], made["desk"]) != (version("storywire"), fingerprint()):
        raise RunError(
            f"the workers have another storywire ({made['storywire']}) than the {version('storywire')} here, or other "
            f"tables, so nothing was committed; install the same wheel there"
        )
    imbalance = manifest.imbalance(made, parts)
    if imbalance:
        raise RunError(f"articles were lost or doubled, so nothing was committed: {imbalance}")
    for name in sorted(manifest.named_files(made)):
        if not storage.exists(storage.join(config.output, name)):
            raise RunError(
                f"{name} was written and is gone, so nothing was committed; does something else clean there?"
            )
    # What holds no article by its nature is no fault of the input.
    items = made["counts"].get("items", 0) - manifest.skips(made)
    rejects = made["data_sets"]["rejects"]["rows"] - manifest.skips(made)
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
        "flags": _without_secrets(flags),
        "inputs": list(config.inputs),
        "command": _without_secrets(sys.argv[1:]),
    }
    folder = storage.join(config.output, "logs")
    path = storage.join(folder, f"{config.partition()}.json")
    strays = storage.join(folder, f"{storage.TEMPORARY}{config.partition()}.")
    # The run is committed; that its log can't be kept is no failure of it.
    with contextlib.suppress(Exception):
        storage.delete([left for left in storage.listing(folder) if left.startswith(strays)])
        storage.write(path, (json.dumps(log, indent=2) + "\n").encode())


def _without_secrets(flags: list[str]) -> list[str]:
    """The flags, with `***` for what flags such as `--s3_secret_access_key` are given: logs are read by many."""
    shown: list[str] = []
    hide = False
    for flag in flags:
        name, given, _ = flag.partition("=")
        if flag.startswith("--"):
            secret = _SECRET.search(name) is not None
            hide = secret and not given
            shown.append(f"{name}=***" if secret and given else _URL_LOGIN.sub("://***@", flag))
        else:
            shown.append("***" if hide else _URL_LOGIN.sub("://***@", flag))
            hide = False
    return shown
