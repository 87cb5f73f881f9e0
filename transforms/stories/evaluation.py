"""How well story keys agree with an editor's: BCubed precision, recall and F1.

In: article -> key and article -> gold story. Out: a `BCubed`. Bagga and Baldwin 1998: the precision of an article is
the share of the articles with its key that are of its gold story, recall the other way round; both are averaged over
articles. Only articles with a gold story are scored; others are as if they were not there.
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


def bcubed(keys: Mapping[str, str], gold: Mapping[str, str]) -> BCubed:
    """BCubed of `keys` against `gold`, both article -> group. Raises KeyError where a gold article has no key."""
    key_size: Counter[str] = Counter(keys[article] for article in gold)
    gold_size: Counter[str] = Counter(gold.values())
    both: Counter[tuple[str, str]] = Counter((keys[article], gold[article]) for article in gold)
    if not both:
        return BCubed(0.0, 0.0, 0.0)
    # An article shares both groups with `size` articles, itself included, and `size` articles say the same.
    precision = math.fsum(size * size / key_size[key] for (key, _), size in both.items()) / len(gold)
    recall = math.fsum(size * size / gold_size[story] for (_, story), size in both.items()) / len(gold)
    return BCubed(precision, recall, 2 * precision * recall / (precision + recall))
