"""What no item may do to any format: raise, take long, take much memory, read what it should not, or vanish."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import EXAMPLES, ROOT
from tests.transforms.hostile import ENTITIES, SECRET, items, put_through, samples_of, spiked
from transforms.article import Article, RawItem, Reject
from transforms.parse import ParseError, Settings, formats, parse

NAMES = [form.name for form in formats()]
# At a desk each run of signs is short, and one in sixteen is tried; in CI one in eleven. A time that grows with the
# square of 100 kB would be minutes, and what is linear takes some hundredths of a second.
SIZE = 100_000 if EXAMPLES else 3_000
SHARE = 11 if EXAMPLES else 16
# Seconds of processor time, generous: the bench says what it is.
LIMIT = 5
# Many articles take their time each; what is bounded is one.
FEW = 20


def hold(all_items):
    for name, data in list(all_items)[::SHARE]:
        try:
            outcome = put_through(data)
        except Exception as error:
            raise AssertionError(name) from error
        assert outcome.seconds < LIMIT * max(1, len(outcome.found) / FEW), (name, outcome.seconds)
        assert outcome.after < LIMIT * max(1, len(outcome.found) / FEW), (name, outcome.after)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_withstands_its_samples_made_hostile(name):
    hold(spiked(samples_of(name)[0].read_bytes(), SIZE))


def test_items_made_of_signs_are_withstood():
    hold(items(SIZE))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ENTITIES)
def test_no_entity_is_expanded_or_fetched(name, kind):
    data = dict(spiked(samples_of(name)[0].read_bytes(), 100))[kind]
    for found in parse(RawItem("x", data, 0)):
        if isinstance(found, Article):
            assert SECRET not in repr(found._replace(payload=b""))
            assert sum(len(text) for text in found if isinstance(text, str)) < 20_000 + len(data)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_raises_parse_errors_alone(name):
    """Where a format is called for what it did not recognise: a caller's mistake must not end a run either."""
    form = next(form for form in formats() if form.name == name)
    for data in (b"", b"\0", b"{", b"<", b"---", b"\xff\xfe", b"<x/>", b"[]", b"{}", b"null", b"\xef\xbb\xbf"):
        try:
            found = list(form.parse(RawItem("x", data, 0), Settings()))
        except ParseError:
            continue
        assert all(isinstance(one, Article | Reject) for one in found)


def test_overlong_utf_8_and_surrogates_are_no_characters():
    """`C0 AF` is a slash to a careless reader, `ED A0 80` half of a pair."""
    for raw in (b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"):
        for found in parse(RawItem("x", b'{"title": "Caf\xc3\xa9 f\xc3\xbcr Z\xc3\xbcrich ' + raw + b' x"}', 0)):
            assert isinstance(found, Article)
            assert "/" not in found.headline
            found.headline.encode()


MEMORY = """
import sys
from tests.transforms.hostile import RUNS, WHOLES, measured, middle_of_copy, samples_of
sample = samples_of(sys.argv[1])[0].read_bytes()
middle = middle_of_copy(sample)
runs = {name: RUNS[name] * (1_500_000 // len(RUNS[name])) for name in ("latin", "noise")}
runs |= {name: WHOLES[name](1_500_000) for name in ("many attributes", "one attribute")}
measured(sample)
for name, run in runs.items():
    _, grown = measured(sample[:middle] + run + sample[middle:])
    assert grown < 300, (name, grown)
"""


@pytest.mark.skipif(not EXAMPLES, reason="takes seconds a format; CI sets STORYWIRE_EXAMPLES")
@pytest.mark.parametrize("name", ["feed", "html", "json", "mail", "newsml_1"])
def test_memory_is_bounded(name):
    """Items of 1.5 MB in a process of their own, each of which must go through in less than 300 MB."""
    subprocess.run([sys.executable, "-c", MEMORY, name], cwd=ROOT, check=True, timeout=300)
