"""Mutants of every format's samples break no rule; `tests/bench/fuzz.py` says what the rules are, and tries more."""

from __future__ import annotations

import itertools

import pytest

from tests.bench.fuzz import fault, mutants
from tests.conftest import EXAMPLES
from transforms.parse import formats

NAMES = [form.name for form in formats()]
# A mutant takes some milliseconds; in CI all formats together take half a minute.
MUTANTS = 200 if EXAMPLES else 40


@pytest.mark.parametrize("name", NAMES)
def test_mutants_break_no_rule(name):
    for number, data in enumerate(itertools.islice(mutants(name, 0), MUTANTS)):
        assert fault(data) == "", (number, data)


def test_a_seed_always_gives_the_same_mutants():
    once, again, other = (list(itertools.islice(mutants(NAMES[0], seed), 20)) for seed in (1, 1, 2))
    assert once == again != other
