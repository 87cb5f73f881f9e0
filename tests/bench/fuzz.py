"""Mutates the samples of every format and holds the parsers to what must be true of any bytes.

    python -m tests.bench.fuzz [--minutes 10] [--format NAME] [--seed 0]

Run it from the project's folder. A seed always gives the same mutants, in the same order; the first that breaks a rule
is made smaller, as far as that goes, and printed so that it can be pasted into a test.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.transforms.hostile import RUNS, put_through, samples_of
from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, formats, parse

# Seconds of processor time for one mutant, generous: samples are a few kB.
LIMIT = 2.0
# Mutants stay below this: what size does is for the hostile items.
LONGEST = 60_000
_NUMBER = re.compile(rb"\d+")
_ODD_NUMBERS = (b"0", b"-1", b"1e999", b"99999999999999999999", b"9" * 5_000, b"00", b"2026-02-30", b"NaN", b"1.5", b"")
_TOKENS = [run for run in RUNS.values() if len(run) < 100]
# More bytes than this can't be shrunk by many tries.
_TRIES = 300

Mutate = Callable[[random.Random, bytes, list[bytes]], bytes]


def _span(rng: random.Random, data: bytes, longest: int = 200) -> tuple[int, int]:
    begin = rng.randrange(len(data) + 1)
    return begin, min(len(data), begin + rng.randrange(longest))


def flip(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return rng.choice((data[:begin], data[begin:], data[:begin] + data[end:]))


def splice(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    begin, end = _span(rng, other, 2_000)
    at, until = _span(rng, data)
    return data[:at] + other[begin:end] + data[rng.choice((at, until)) :]


def repeat(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    begin, end = _span(rng, data)
    return data[:end] + data[begin:end] * rng.choice((1, 2, 50)) + data[end:]


def insert(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(_TOKENS) * rng.choice((1, 1, 1, 3, 100)) + data[at:]


def renumber(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    numbers = list(_NUMBER.finditer(data))
    if not numbers:
        return data
    number = rng.choice(numbers)
    return data[: number.start()] + rng.choice(_ODD_NUMBERS) + data[number.end() :]


def lines(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    parts = data.splitlines(keepends=True)
    if len(parts) < 2:
        return data
    one, other = rng.randrange(len(parts)), rng.randrange(len(parts))
    how = rng.randrange(3)
    if how == 0:
        parts[one], parts[other] = parts[other], parts[one]
    elif how == 1:
        parts.insert(one, parts[other])
    else:
        del parts[one]
    return b"".join(parts)


def encode(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    codec = rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1251", "cp932", "gb18030", "utf-7"))
    return data.decode("utf-8", "replace").encode(codec, "replace")


def ends(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b" ", b"\xe2\x80\xa8")))


MUTATIONS: tuple[tuple[int, Mutate], ...] = (
    (5, flip), (4, cut), (5, splice), (3, repeat), (6, insert), (4, renumber), (3, lines), (1, encode), (1, ends),
)  # fmt: skip


def mutants(name: str, seed: int) -> Iterator[bytes]:
    """Mutants of a format's samples without end, always the same for a seed."""
    rng = random.Random(f"{name} {seed}")
    own = [path.read_bytes() for path in samples_of(name)]
    others = [path.read_bytes() for form in formats() for path in samples_of(form.name)]
    weights, changes = zip(*MUTATIONS, strict=True)
    while True:
        data = rng.choice(own)
        for change in rng.choices(changes, weights, k=rng.choice((1, 1, 2, 3, 6))):
            data = change(rng, data, others)[:LONGEST]
        yield data


def fault(data: bytes) -> str:
    """The rule that an item breaks, empty where it breaks none."""
    try:
        claims = [form.name for form in formats() if form.recognise(Sample.of(data))]
        if len(claims) > 1:
            return f"claimed by {', '.join(claims)}"
        outcome = put_through(data)
        if outcome.seconds > LIMIT or outcome.after > LIMIT:
            return f"{outcome.seconds:.1f} s in parse, {outcome.after:.1f} s after it"
        for found in outcome.found:
            # What is left of a torn line may be of another format, or of none.
            if isinstance(found, Article) and found.payload != data:
                again = list(parse(RawItem("hostile/item", found.payload, 0, position=found.position)))
                if [_told(one) for one in again] != [_told(found)]:
                    return f"entry {found.position} alone is another: {_difference(found, again)}"
    except AssertionError as error:
        return f"assertion: {str(error)[:200]}"
    except Exception as error:
        return f"raised {type(error).__name__}: {str(error)[:200]}"
    return ""


def _told(found: Article | Reject) -> tuple[object, ...]:
    """What must be the same of an entry alone; of its bytes it is no longer known what was mended in them."""
    if isinstance(found, Reject):
        return (found.error,)
    flags = tuple(flag for flag in found.flags if not flag.startswith(("charset_", "xml_", "json_")))
    return tuple(found._replace(payload=b"", flags=flags))


def _difference(found: Article | Reject, again: list[Article | Reject]) -> str:
    if len(again) == 1 and isinstance(found, Article) and isinstance(again[0], Article):
        pairs = zip(found._fields, _told(found), _told(again[0]), strict=True)
        return "; ".join(f"{name} {one!r:.80} / {other!r:.80}" for name, one, other in pairs if one != other)
    return f"{len(again)} entries, {[str(getattr(one, 'message', 'article'))[:100] for one in again]}"


def kind(what: str) -> str:
    """What two faults have in common that are the same."""
    return re.sub(r"[\d.]+|'.*", "", what)[:60]


def smaller(data: bytes, wanted: str) -> bytes:
    """The same fault in fewer bytes, found by taking pieces away."""
    tries = 0
    size = len(data) // 2
    while size and tries < _TRIES:
        at = 0
        while at < len(data) and tries < _TRIES:
            shorter = data[:at] + data[at + size :]
            tries += 1
            if kind(fault(shorter)) == wanted:
                data = shorter
            else:
                at += size
        size //= 2
    return data


def fuzz(name: str, seed: int, seconds: float) -> Iterator[tuple[str, bytes, int]]:
    """The faults of a format, each kind once: what it is, the mutant made smaller, its number."""
    seen: set[str] = set()
    end = time.monotonic() + seconds
    for number, data in enumerate(mutants(name, seed)):
        if time.monotonic() > end:
            print(f"{name}: {number} mutants of seed {seed}, {len(seen)} kinds of fault", flush=True)
            return
        what = fault(data)
        if what and kind(what) not in seen:
            seen.add(kind(what))
            yield what, smaller(data, kind(what)), number


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--format", choices=[form.name for form in formats()])
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    names = [given.format] if given.format else [form.name for form in formats()]
    faults = Counter[str]()
    for name in names:
        for what, data, number in fuzz(name, given.seed, given.minutes * 60 / len(names)):
            faults[name] += 1
            print(f"{name}, mutant {number} of seed {given.seed}: {what}\n    {data[:3_000]!r}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
