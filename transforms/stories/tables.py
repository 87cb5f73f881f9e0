"""Term tables: in how many of N news articles a term occurs.

In: a language. Out: its `TermTable`, loaded once a process. A table is mandatory for a cold start: without one, two
articles alone in a run are joined by the words that every article has.

English and Chinese ship a table counted on news, `data/terms.<language>.txt.gz`. For other languages there is
`data/common_words.txt.gz`, which knows little and says so: how often a word occurs in some 40 sentences. That is
enough to tell `und` and `nicht` from a name; the desk's own counts do the rest. Each file says in its header where it
came from and which command rebuilds it.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parent / "data"
COMMON_WORDS = DATA / "common_words.txt.gz"

# An estimate counts as much as this many articles of the desk's own.
ESTIMATE_DOCUMENTS = 1000
# A word found n times among the sentences is in 1 - exp(-n/8) of news articles: measured in English, where a news table
# says what is right (n = 1: mean .09; 2: .18; 3: .25; 4: .51; 8 and more: .89).
_ESTIMATE_SCALE = 8.0


class TermTable(NamedTuple):
    """Document frequencies of the commonest terms of a language."""

    documents: int
    """How many articles were counted."""
    places: Mapping[str, int]
    """Term -> its place, which is its id."""
    frequencies: Sequence[int]
    """Place -> in how many of the articles the term occurs."""
    measured: bool
    """Counted on news; False for an estimate, on top of which a desk counts its own articles."""


def table_of(documents: int, frequencies: Mapping[str, int], *, measured: bool) -> TermTable:
    """A table in its fixed order: commonest term first, ties by term."""
    ordered = sorted(frequencies.items(), key=lambda item: (-item[1], item[0]))
    places = {term: place for place, (term, _) in enumerate(ordered)}
    return TermTable(documents, places, tuple(frequency for _, frequency in ordered), measured)


def estimated_table(word_counts: Mapping[str, int]) -> TermTable:
    """A table guessed from how often words occur in a few sentences."""
    frequencies = {
        word: round(ESTIMATE_DOCUMENTS * (1.0 - math.exp(-count / _ESTIMATE_SCALE)))
        for word, count in word_counts.items()
    }
    return table_of(ESTIMATE_DOCUMENTS, frequencies, measured=False)


def format_lines(lines: Mapping[str, int], about: str) -> bytes:
    """The bytes of a data file: `# ` lines that say what it is, then `name number` lines, largest number first."""
    text = [f"# {line}" for line in about.splitlines()]
    text += [f"{name} {number}" for name, number in sorted(lines.items(), key=lambda item: (-item[1], item[0]))]
    return gzip.compress(("\n".join(text) + "\n").encode(), compresslevel=9, mtime=0)


def parse_lines(data: bytes, name: str) -> Iterator[tuple[str, int]]:
    """The `name number` lines of a data file. Raises ValueError, with file and line, on one it can't read."""
    for number, line in enumerate(gzip.decompress(data).decode().split("\n"), start=1):
        if not line or line.startswith("# "):
            continue
        term, _, value = line.rpartition(" ")
        if not term or not (value.isascii() and value.isdigit()):
            raise ValueError(f"{name}, line {number}: expected a term and a number, found {line[:80]!r}")
        yield term, int(value)


# In a table's file the number of articles stands under this name; no term has a bracket.
DOCUMENTS = "[documents]"


def parse_common_words(data: bytes, name: str) -> dict[str, dict[str, int]]:
    """Language -> word -> count, from the `language word count` lines of a file. Raises ValueError as `parse_lines`."""
    found: dict[str, dict[str, int]] = {}
    for entry, count in parse_lines(data, name):
        language, _, word = entry.partition(" ")
        found.setdefault(language, {})[word] = count
    return found


@cache
def _common_words() -> Mapping[str, Mapping[str, int]]:
    return parse_common_words(COMMON_WORDS.read_bytes(), COMMON_WORDS.name)


@cache
def load_table(language: str) -> TermTable:
    """The table that ships for a primary subtag; else an estimate, empty for a language nothing is known of."""
    path = DATA / f"terms.{language}.txt.gz"
    # A tag is letters and digits; anything else must not reach the file system.
    if language.isalnum() and path.is_file():
        return parse_table(path.read_bytes(), path.name)
    return estimated_table(_common_words().get(language, {}))


def parse_table(data: bytes, name: str) -> TermTable:
    """The table in the bytes of a file. Raises ValueError as `parse_lines` does, where it has no `DOCUMENTS`, and for a
    term in more articles than there are."""
    frequencies = dict(parse_lines(data, name))
    if DOCUMENTS not in frequencies:
        raise ValueError(f"{name}: no line {DOCUMENTS}")
    documents = frequencies.pop(DOCUMENTS)
    most, term = max(((frequency, term) for term, frequency in frequencies.items()), default=(0, ""))
    if most > documents:
        raise ValueError(f"{name}: {term!r} is said to be in {most} of {documents} articles")
    return table_of(documents, frequencies, measured=True)
