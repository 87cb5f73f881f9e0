"""How long an article takes from the folder to its row, and what a follower costs that has nothing to do.

    python -m tests.bench.latency [--rate 5 50] [--every 5] [--seconds 120] [--idle 30]

Run it from the project's folder. A follower is started on an empty folder, as a person would; invented articles are
renamed into it at so many a second. An article's row can be seen once the manifest of its slice stands. Printed are the
median and the 95th percentile of that time minus the file's, the slices and their articles; then, with nothing more
coming, the share of a core that the follower takes, and whether it writes anything.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.slices import texts

TICKS = os.sysconf("SC_CLK_TCK")


def feed(wire: Path, rate: float, seconds: float, written: dict[str, float]) -> None:
    """Renames articles into the folder, `rate` a second, and notes when."""
    made = texts(7)
    start = time.time()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.time()))
        headline, body = next(iter(made))
        name = f"{number:07}.json"
        temporary = wire / f".{name}"
        told = {"guid": f"{number}", "provider": "Ostpress", "headline": headline, "body": body}
        temporary.write_text(json.dumps(told))
        written[name] = time.time()
        temporary.rename(wire / name)


def core_seconds(process: int) -> float:
    """CPU time that a process has taken, its children's that have ended with it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def measure(rate: float, every: float, seconds: float, idle: float) -> None:
    """One follower from beginning to end; prints what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        wire, output = Path(folder, "wire"), Path(folder, "out")
        wire.mkdir()
        command = [sys.executable, "-m", "pipeline.cli", "follow", "--quiet", "--settle", "0", "--every", str(every)]
        follower = subprocess.Popen([*command, "--input", str(wire), "--output", str(output)])
        time.sleep(5)
        written: dict[str, float] = {}
        feeder = threading.Thread(target=feed, args=(wire, rate, seconds, written))
        feeder.start()
        visible: dict[str, float] = {}
        seen: set[Path] = set()
        while feeder.is_alive() or len(visible) < len(written):
            for manifest in set(output.glob("manifests/as_of=*.json")) - seen:
                seen.add(manifest)
                stood = manifest.stat().st_mtime
                visible |= {one["uri"]: stood for one in json.loads(manifest.read_text())["input"]["read"]}
            time.sleep(0.2)
        waits = sorted(visible[name] - written[name] for name in written)
        print(
            f"{rate:g} a second, --every {every:g}: p50 {statistics.median(waits):.1f} s, "
            f"p95 {waits[int(0.95 * (len(waits) - 1))]:.1f} s, longest {waits[-1]:.1f} s; "
            f"{len(waits)} articles in {len(seen)} slices",
            flush=True,
        )
        time.sleep(every + 2)
        before, files = core_seconds(follower.pid), sorted(output.rglob("*"))
        time.sleep(idle)
        share = (core_seconds(follower.pid) - before) / idle
        print(f"  idle: {100 * share:.2f}% of a core; writes: {sorted(output.rglob('*')) != files}", flush=True)
        follower.terminate()
        follower.wait()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, nargs="+", default=[5, 50], help="articles a second")
    parser.add_argument("--every", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--idle", type=float, default=30)
    args = parser.parse_args()
    for rate in args.rate:
        measure(rate, args.every, args.seconds, args.idle)


if __name__ == "__main__":
    main()
