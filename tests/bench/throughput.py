"""Articles a second on a real corpus: ours beside the naive pipeline, alternating in one run, and a profile by step.

    python -m tests.bench.throughput [--input FOLDER-OR-ARCHIVE] [--repeats 3]

Run it from the project's folder; without --input it unpacks the development data's corpus. Each figure is the wall time
of one run in a fresh process, without the start of Python; the profile is CPU time of the bare functions on one core.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

from tests.conftest import DEVELOPMENT_DATA

CORPUS = DEVELOPMENT_DATA / "wire" / "front_matter.tar.gz"
AS_OF = 1_739_318_400_000_000


def flags_for(processes: int) -> list[str]:
    mode = ["--direct_running_mode=multi_processing"] if processes > 1 else []
    return ["--runner=FnApiRunner", f"--direct_num_workers={processes}", *mode]


def one(which: str, wire: str, output: str, processes: int) -> float:
    """Seconds of one run."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if which == "naive":
        from tests.bench import naive

        start = time.perf_counter()
        naive.run(f"{wire}/**", f"{output}/naive", flags_for(processes))
    else:
        from pipeline import run
        from tests.pipeline.outputs import config

        start = time.perf_counter()
        run.run(config(Path(output), wire, as_of=AS_OF), flags_for(processes))
    return time.perf_counter() - start


def measured(which: str, wire: str, processes: int) -> float:
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "tests.bench.throughput", "--one", which, "--input", wire]
        command += ["--output", output, "--processes", str(processes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def profile(wire: Path) -> None:
    """Prints CPU milliseconds an article by step, warm: the second pass over the corpus."""
    import io

    from pipeline.inputs import InputFile, expand
    from pipeline.unpack import Limits, read_file
    from schemas import RowHash, data_set, write_container
    from tests.pipeline.outputs import config
    from transforms import rows
    from transforms.article import Decision
    from transforms.clean import clean
    from transforms.language import tag_language
    from transforms.parse import parse
    from transforms.slips import make_slip
    from transforms.stories.desk import Desk
    from transforms.versions import settle

    spent: Counter[str] = Counter()

    def timed(step, function, *arguments):
        start = time.process_time()
        result = function(*arguments)
        spent[step] += time.process_time() - start
        return result

    def write(bodies, decisions):
        joined = [rows.decided_part(decisions[row[:2]]) + row[4] for row in sorted(bodies)]
        write_container(io.BytesIO(), data_set("articles"), joined)
        total = RowHash()
        for row in joined:
            total.add(row)

    asked = config(Path("unused"), wire)
    files = expand(asked)
    for _ in range(2):
        spent.clear()
        bodies, by_article, by_desk, decisions = [], defaultdict(list), defaultdict(list), {}
        for file in files:
            items = timed("read", lambda file: list(read_file(file, Limits(2**25, 2**30))), InputFile(*file))
            for item in items:
                for article in timed("parse", lambda item: list(parse(item)), item):
                    tagged = timed("language", tag_language, timed("clean", clean, article))
                    slip = timed("terms and slip", make_slip, tagged, AS_OF)
                    tail = timed("gate and encode", rows.article_tail, tagged, AS_OF)
                    by_article[slip.article_id].append(slip)
                    bodies.append((slip.article_id, slip.version_key, slip.uri, slip.position, tail))
        for slips in by_article.values():
            for slip in timed("settle", lambda slips: list(settle(slips)), slips):
                by_desk[slip.desk].append(slip)
        for desk, slips in sorted(by_desk.items()):
            for made in timed(f"desk {desk}", lambda desk, slips: list(Desk(desk).key(slips)), desk, slips):
                if isinstance(made, Decision):
                    decisions[made.article_id, made.version_key] = made

        timed("join, deflate, hash", write, bodies, decisions)
    count = len(bodies)
    print(f"\nprofile by step, CPU ms an article, one core, warm, {count} articles")
    for step, seconds in spent.most_common():
        print(f"  {step:<20} {1000 * seconds / count:7.3f}")
    print(f"  {'together':<20} {1000 * sum(spent.values()) / count:7.3f}")


def unpacked(given: str | None, folder: str) -> Path:
    source = Path(given) if given else CORPUS
    if source.is_dir():
        return source
    if not source.exists():
        sys.exit(f"no corpus at {source}; name a folder of front-matter files with --input")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    return Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", choices=["naive", "ours"])
    parser.add_argument("--output")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    if args.one:
        print(one(args.one, args.input, args.output, args.processes))
        return
    with tempfile.TemporaryDirectory() as folder:
        wire = unpacked(args.input, folder)
        count = sum(1 for path in wire.rglob("*") if path.is_file())
        print(
            f"{count} articles; "
            + ", ".join(f"{name} {version(name)}" for name in ("apache-beam", "langdetect", "ftfy"))
        )
        seconds = defaultdict(list)
        for repeat in range(args.repeats):
            for processes in (1, 2):
                for which in ("naive", "ours"):
                    seconds[which, processes].append(measured(which, str(wire), processes))
            print(f"  round {repeat + 1}: " + ", ".join(f"{w} x{p} {s[-1]:.1f} s" for (w, p), s in seconds.items()))
        print("\narticles a second   best  median")
        for (which, processes), taken in seconds.items():
            print(
                f"  {which:<6} x{processes}        {count / min(taken):6.0f}  {count / statistics.median(taken):6.0f}"
            )
        for processes in (1, 2):
            ratio = statistics.median(seconds["naive", processes]) / statistics.median(seconds["ours", processes])
            print(f"ours / naive on {processes} process(es): {ratio:.2f}x")
        ratio = statistics.median(seconds["ours", 1]) / statistics.median(seconds["ours", 2])
        print(f"ours on 2 / on 1: {ratio:.2f}x")
        profile(wire)


if __name__ == "__main__":
    main()
