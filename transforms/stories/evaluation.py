"""How well story keys agree with an editor's: BCubed, pairs of articles, V-measure, and where the two part.

In: article -> key and article -> gold story. Out: the measures, 0 to 1; the gold stories that lie under several keys
(splits) and the keys that hold several gold stories (merges). Only articles with a gold story are scored; others are as
if they were not there. All is symmetric: with keys and gold exchanged precision is recall and splits are merges. Sums
are of integers or by math.fsum, so no order of articles changes a digit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple


class BCubed(NamedTuple):
    """Averages over articles, 0 to 1."""

    precision: float
    recall: float
    f1: float


class Pairwise(NamedTuple):
    """Shares of pairs of articles, 0 to 1."""

    precision: float
    recall: float
    f1: float


class VMeasure(NamedTuple):
    """Shares of entropy explained, 0 to 1."""

    homogeneity: float
    """1: every key holds articles of one gold story only."""
    completeness: float
    """1: all articles of a gold story have one key."""
    v: float
    """Their harmonic mean."""


class Part(NamedTuple):
    """The articles that a group of one side and a group of the other have in common."""

    group: str
    """The group of the other side."""
    articles: tuple[str, ...]
    """Sorted."""


class Fault(NamedTuple):
    """A gold story under several keys, or a key with several gold stories."""

    group: str
    """The story or the key."""
    parts: tuple[Part, ...]
    """Two or more, the largest first."""
    cost: float
    """What it takes from the BCubed recall (of a split) or precision (of a merge) of the whole, 0 to 1."""


def bcubed(keys: Mapping[str, str], gold: Mapping[str, str]) -> BCubed:
    """BCubed of `keys` against `gold`, both article -> group. Raises KeyError where a gold article has no key.

    Bagga and Baldwin 1998: the precision of an article is the share of the articles with its key that are of its gold
    story, recall the other way round; both are averaged over articles. All are 0 where there are no articles.
    """
    counts = _counted(keys, gold)
    if not gold:
        return BCubed(0.0, 0.0, 0.0)
    # An article shares both groups with `size` articles, itself included, and `size` articles say the same.
    precision = math.fsum(size * size / counts.keys[key] for (key, _), size in counts.both.items()) / len(gold)
    recall = math.fsum(size * size / counts.gold[story] for (_, story), size in counts.both.items()) / len(gold)
    return BCubed(precision, recall, _harmonic_mean(precision, recall))


def pairwise(keys: Mapping[str, str], gold: Mapping[str, str]) -> Pairwise:
    """Pairs of articles that `keys` join, against those that `gold` joins. Raises KeyError as `bcubed` does.

    Manning, Raghavan and Schütze 2008, 16.3: precision is the share of the joined pairs that gold joins too, recall the
    share of gold's pairs that were joined. Where no pair was joined none is wrong, so precision is 1; recall likewise
    where gold joins none. All are 0 where there are no articles. A story of n articles weighs as n (n - 1) / 2 pairs,
    so large stories decide; BCubed gives each article one vote.
    """
    counts = _counted(keys, gold)
    if not gold:
        return Pairwise(0.0, 0.0, 0.0)
    joined, meant, right = (sum(math.comb(size, 2) for size in sizes.values()) for sizes in counts)
    precision = right / joined if joined else 1.0
    recall = right / meant if meant else 1.0
    return Pairwise(precision, recall, _harmonic_mean(precision, recall))


def v_measure(keys: Mapping[str, str], gold: Mapping[str, str]) -> VMeasure:
    """V-measure of `keys` against `gold`, both weighing the same. Raises KeyError as `bcubed` does.

    Rosenberg and Hirschberg 2007, with beta = 1: homogeneity is 1 - H(gold | keys) / H(gold), 1 where gold has one
    story only; completeness the other way round. All are 0 where there are no articles. It flatters runs of many small
    stories, so it is no measure to choose a model by.
    """
    counts = _counted(keys, gold)
    if not gold:
        return VMeasure(0.0, 0.0, 0.0)
    both = counts.both.items()
    unsure_of_gold = math.fsum(size * math.log(counts.keys[key] / size) for (key, _), size in both)
    unsure_of_keys = math.fsum(size * math.log(counts.gold[story] / size) for (_, story), size in both)
    homogeneity = _explained(unsure_of_gold, counts.gold, len(gold))
    completeness = _explained(unsure_of_keys, counts.keys, len(gold))
    return VMeasure(homogeneity, completeness, _harmonic_mean(homogeneity, completeness))


def splits(keys: Mapping[str, str], gold: Mapping[str, str]) -> list[Fault]:
    """The gold stories that lie under several keys, the costliest first. Raises KeyError as `bcubed` does.

    Their costs are what BCubed recall lacks to 1. Of equal costs that in more parts comes first, then the lesser name.
    """
    return _faults(gold, {article: keys[article] for article in gold})


def merges(keys: Mapping[str, str], gold: Mapping[str, str]) -> list[Fault]:
    """The keys that hold several gold stories, in the order of `splits`; costs are what BCubed precision lacks to 1."""
    return _faults({article: keys[article] for article in gold}, gold)


class _Counts(NamedTuple):
    """Numbers of articles."""

    keys: Counter[str]
    gold: Counter[str]
    both: Counter[tuple[str, str]]
    """By (key, gold story)."""


def _counted(keys: Mapping[str, str], gold: Mapping[str, str]) -> _Counts:
    both = Counter((keys[article], story) for article, story in gold.items())
    return _Counts(Counter(keys[article] for article in gold), Counter(gold.values()), both)


def _harmonic_mean(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0


def _explained(unsure: float, sizes: Counter[str], articles: int) -> float:
    """1 - H(groups | other groups) / H(groups), both times the number of articles."""
    entropy = math.fsum(size * math.log(articles / size) for size in sizes.values())
    # Where the sides know nothing of each other, rounding can leave a quotient a little above 1.
    return max(0.0, 1 - unsure / entropy) if entropy else 1.0


def _faults(whole: Mapping[str, str], other: Mapping[str, str]) -> list[Fault]:
    """The groups of `whole` whose articles lie in several groups of `other`; both know the same articles."""
    groups: dict[str, dict[str, list[str]]] = {}
    for article in sorted(whole):
        groups.setdefault(whole[article], {}).setdefault(other[article], []).append(article)
    faults = []
    for group, found in groups.items():
        if len(found) > 1:
            parts = sorted((Part(name, tuple(articles)) for name, articles in found.items()), key=_largest_first)
            sizes = [len(part.articles) for part in parts]
            size = sum(sizes)
            cost = (size * size - sum(one * one for one in sizes)) / (size * len(whole))
            faults.append(Fault(group, tuple(parts), cost))
    return sorted(faults, key=lambda fault: (-fault.cost, -len(fault.parts), fault.group))


def _largest_first(part: Part) -> tuple[int, str]:
    return -len(part.articles), part.group
