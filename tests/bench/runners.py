"""The same slices on every runner: seconds, and whether the bytes are those of one process, as a table in Markdown.

    python -m tests.bench.runners [--runner NAME ...] [--data samples articles stories]

Needs what `python -m tests.engines.bring` brings, and for `articles` and `stories` the development data in
../shared/data. Seconds are wall time of the commands, the start of Python and of what a run starts included, that of a
cluster or job server not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.engines.bring import POM, MissingError
from tests.engines.datasets import DATA_SETS
from tests.engines.runners import RUNNERS, storywire
from tests.pipeline.outputs import tree


def main() -> int:
    """Prints the table; gives 1 where bytes differ or a run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", nargs="*", default=list(RUNNERS), metavar="NAME", choices=list(RUNNERS))
    parser.add_argument("--data", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    asked = parser.parse_args()
    java = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr.partition("\n")[0]
    flink = [line.strip() for line in POM.read_text().splitlines() if "<properties>" in line]
    print(f"apache-beam {version('apache-beam')}, Python {platform.python_version()}, {java}, {flink}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n")
    print(f"| runner | {' | '.join(asked.data)} |\n|---|{'---|' * len(asked.data)}", flush=True)
    seen: dict[str, set[str]] = {name: set() for name in asked.data}
    with tempfile.TemporaryDirectory() as folder:
        slices = {}
        for name in asked.data:
            Path(folder, name).mkdir()
            slices[name] = DATA_SETS[name](Path(folder, name))
        for runner in asked.runner:
            Path(folder, "engine", runner).mkdir(parents=True)
            try:
                with RUNNERS[runner](Path(folder, "engine", runner)) as flags:
                    cells = [measured(flags, Path(folder, runner, name), slices[name]) for name in asked.data]
            except MissingError as missing:
                cells = [str(missing) for _ in asked.data]
            for name, cell in zip(asked.data, cells, strict=True):
                seen[name].add(cell.partition(",")[0])
            print(f"| {runner} | {' | '.join(cells)} |", flush=True)
    return int(any(len(digests) > 1 for digests in seen.values()))


def measured(flags: list[str], output: Path, slices: list) -> str:
    """Seconds and the start of the hash of all files of the runs over slices, or what went wrong."""
    start = time.perf_counter()
    for as_of, inputs in slices:
        done = subprocess.run(storywire(flags, output, as_of, *inputs), capture_output=True, text=True)
        if done.returncode:
            return f"failed: {done.stderr.strip()[-300:]}"
    seconds = time.perf_counter() - start
    files = tree(output)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]
    return f"{digest}, {len(files) - 1} files, {seconds:.0f} s"


if __name__ == "__main__":
    sys.exit(main())
