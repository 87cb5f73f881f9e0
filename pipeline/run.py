"""One run from options to commit: list, run the graph, check what came out, make it visible, clean up.

In: a Config and Beam's own flags. Out: the committed manifest and a log beside it. OptionError and RunError say what
went wrong; in both cases the previous output stands.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import platform
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline import again, graph, kafka, ledger, lock, manifest, replay, storage, topics
from pipeline.errors import RunError
from pipeline.inputs import InputFile, Part, expand
from pipeline.kafka import Access
from pipeline.ledger import Chain
from pipeline.options import Config
from pipeline.progress import Line
from pipeline.runner import Worker, run_to_end, runner_for, threads_unheard
from pipeline.stop import Stop, stoppable
from pipeline.topics import TopicRange
from pipeline.unpack import shares_of
from transforms.parse.times import iso
from transforms.stories.desk import fingerprint

# What a flag's name holds whose value is nobody's business, and the name and password in a URL.
_SECRET = re.compile("secret|token|passw|key|credential", re.IGNORECASE)
_URL_LOGIN = re.compile(r"://[^/@\s]+@")


Ranges = Callable[[dict[str, Any]], list[TopicRange]]


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


def run(config: Config, flags: list[str], standing: dict[str, Any] | None = None) -> Outcome:
    """Runs the pipeline over what the inputs name now and commits the partition.

    With `standing`, the manifest of a run that is done again, over the files and offsets that it names; RunError where
    it comes out otherwise.
    """
    storage.connect(flags, config.output, *topics.others(config.inputs))
    access = Access(config.kafka_config, config.kafka_wait)
    if standing is None:
        files, check = _files(config), _any
        ranges: Ranges = functools.partial(kafka.ranges, config.inputs, access, skip=config.on_gap == "skip")
    else:
        made = standing
        files, check = again.files(config, made), functools.partial(again.check, made)
        ranges = lambda read: kafka.again(config.inputs, access, made)  # noqa: E731
    with stoppable(Stop()) as stop, writable(config, stop):
        return commit(config, flags, files, stop, check, ranges)


def _any(made: dict[str, Any]) -> None:
    """Takes every manifest."""


def _handed_on(read: dict[str, Any]) -> list[TopicRange]:
    """No topic is read: their positions are handed on."""
    return kafka.ranges((), Access(), read)


def commit(
    config: Config,
    flags: list[str],
    files: list[InputFile],
    stop: Stop,
    check: Callable[[dict[str, Any]], None] = _any,
    ranges: Ranges = _handed_on,
) -> Outcome:
    """Runs the pipeline over `files` and commits the partition, while other runs are held off (`writable`).

    `ranges` says what is read of topics, given the `input` of the parent's manifest. `check` raises RunError where the
    manifest is not as the caller wants it: then nothing is committed.
    """
    start = time.monotonic()
    # An engine's workers are started elsewhere.
    config = config._replace(output=storage.absolute(config.output))
    shares = files if config.replay else [part for file in files for part in shares_of(file)]
    draft = manifest.draft_path(config)
    stop.deaf = False
    try:
        standing = manifest.load(manifest.path_of(config))
        chain = ledger.find(config)
        parts: list[Part] = [*shares, *chain.held, *ranges(chain.read)]
        storage.delete(manifest.orphans(config, standing))
        _execute(config, parts, chain, draft, flags)
        made = manifest.load(draft)
        if made is None:
            raise RunError("the runner says that it is done, but no manifest was drafted")
        _check(config, made, len(parts))
        check(made)
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


def _files(config: Config) -> list[InputFile]:
    """The files of the run's interval."""
    if config.replay:
        return [file for path in config.inputs for file in replay.files(path)]
    return expand(config)


def _sweep(config: Config, told: str | None = None) -> None:
    """Removes files of the partition that its manifest does not name, but for data files in the folder `told`."""
    # What can't be removed now harms no reader, and the next run tries again. The manifest is looked at anew: a rename
    # that gave an error may have taken place.
    with contextlib.suppress(Exception):
        strays = manifest.orphans(config, manifest.load(manifest.path_of(config)))
        storage.delete([path for path in strays if told is None or not path.startswith(f"{told}/part-")])


@contextlib.contextmanager
def writable(config: Config, stop: Stop) -> Iterator[None]:
    """Holds off other runs on the same output folder; RunError where one is at work, or nothing can be written."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(lock.alone(config.output, config.if_busy, stop, say))
            probe = storage.join(config.output, "manifests", f"{storage.TEMPORARY}{config.partition()}.probe")
            try:
                storage.write(probe, b"")
            finally:
                storage.delete([probe])
        except RunError:
            raise
        except Exception as error:
            # Each filesystem has errors of its own for what it can't write.
            raise RunError(f"--output={config.output} can't be written: {error}") from error
        yield


def say(text: str) -> None:
    """Tells whoever watches the command something on stderr."""
    print(f"storywire: {text}", file=sys.stderr, flush=True)


def _execute(config: Config, parts: list[Part], chain: Chain, draft: str, flags: list[str]) -> None:
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
