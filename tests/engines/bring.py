"""Brings the engines that tests need into one folder; what is there already stays.

    python -m tests.engines.bring

In: nothing but the names below. Out: files in STORYWIRE_ENGINES (default ~/.cache/storywire/engines), each named after
what it is made of, so that another version is another file. Go fetches and builds Prism, Maven the job server of Flink
with Flink in it, pip a worker's environment and Airflow's, each through its ordinary client.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

# Where only a run's packages are installed this module runs too, so it imports nothing of the tests.
ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("STORYWIRE_ENGINES") or Path.home() / ".cache" / "storywire" / "engines")
POM = Path(__file__).parent / "flink" / "pom.xml"
RUN_LOCK, AIRFLOW_LOCK = (ROOT / "requirements" / f"{name}.lock" for name in ("run", "airflow"))
ROOMS = ("schemas", "transforms", "pipeline")
PRISM = "github.com/apache/beam/sdks/v2/go/cmd/prism"


class MissingError(Exception):
    """An engine can't be had here; the message says what to install."""


def java() -> Path:
    """Java's launcher."""
    return _tool("java", "Flink needs Java 17: apt-get install openjdk-17-jre-headless")


def prism(build: bool = False) -> Path:
    """Beam's Prism of the version that is installed: a binary. MissingError where it is not here, nor to be built."""
    beam = version("apache-beam")

    def make(folder: Path) -> Path:
        go = _tool("go", "Prism is built with Go: install it from go.dev, or apt-get install golang-go")
        _command([go, "install", f"{PRISM}@v{beam}"], GOBIN=str(folder))
        return folder / "prism"

    return _brought(f"prism-{beam}", make if build else None)


def flink(build: bool = False) -> Path:
    """A jar: Beam's job server for Flink, and Flink itself."""
    java()

    def make(folder: Path) -> Path:
        maven = _tool("mvn", "the job server of Flink is built with Maven: apt-get install maven")
        shutil.copy(POM, folder)
        _command([maven, "--batch-mode", "--quiet", f"--file={folder / POM.name}", "package"])
        return folder / "target" / "job-server.jar"

    return _brought(f"flink-job-server-{_digest(POM)}.jar", make if build else None)


def worker(build: bool = False) -> Path:
    """A virtual environment with nothing but what a run needs, and without Storywire."""
    return _environment("worker", RUN_LOCK, build)


def airflow(build: bool = False) -> Path:
    """A virtual environment with nothing but Airflow."""
    return _environment("airflow", AIRFLOW_LOCK, build)


@contextlib.contextmanager
def worker_with_wheel() -> Iterator[Path]:
    """That environment with a wheel of this tree in it; who comes second waits until the first is done with it."""
    environment = worker()
    with _alone(f"{environment.name}-in-use"), tempfile.TemporaryDirectory() as folder:
        install = [environment / "bin" / "python", "-m", "pip", "--quiet", "install"]
        _command([*install, "--no-index", "--no-deps", "--force-reinstall", wheel(Path(folder))])
        yield environment


def wheel(folder: Path) -> Path:
    """Builds the wheel of this tree in `folder`, from copies: what an earlier build left would be taken in."""
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ROOMS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}"]
    _command([sys.executable, "-m", "pip", "wheel", *options, source])
    (made,) = folder.glob("*.whl")
    return made


def _tool(name: str, advice: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise MissingError(f"{name} is not installed; {advice}")
    return Path(found)


def _environment(kind: str, lock: Path, build: bool) -> Path:
    name = f"{kind}-{_digest(lock)}"

    def make(folder: Path) -> Path:
        # An environment knows where it was made, so it is made in its place.
        target = FOLDER / name
        _command([sys.executable, "-m", "venv", "--clear", target])
        install = [target / "bin" / "python", "-m", "pip", "--quiet", "install", "--require-hashes", "--no-deps"]
        _command([*install, "--requirement", lock])
        (target / "complete").touch()
        return target / "complete"

    return _brought(f"{name}/complete", make if build else None).parent


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _brought(name: str, make: Callable[[Path], Path] | None) -> Path:
    """The file of that name in FOLDER; `make`, given an empty folder, makes it where it is not there."""
    target = FOLDER / name
    if target.exists():
        return target
    if make is None:
        raise MissingError(f"{target} is not here; python -m tests.engines.bring brings it, in some minutes")
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Who comes second waits and finds it made.
    with _alone(name.partition("/")[0]):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER, prefix=".making-") as folder:
                make(Path(folder)).replace(target)
    return target


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    with (FOLDER / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _command(command: list[str | Path], **variables: str) -> None:
    done = subprocess.run(
        list(map(str, command)), env=os.environ | variables, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise MissingError(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def main() -> int:
    """Brings them all; gives the exit code."""
    code = 0
    for bring in (worker, flink, prism, airflow):
        start = time.monotonic()
        try:
            print(f"{bring(build=True)}  {time.monotonic() - start:.0f} s", flush=True)
        except MissingError as missing:
            print(f"{bring.__name__}: {missing}", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
