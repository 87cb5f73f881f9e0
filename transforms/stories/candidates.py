"""Which live stories an article could belong to.

In: an article's vector. Out: the ids of the few stories worth an exact comparison. The index holds each live story's
heaviest terms; rare terms are read first and reading stops at a budget, so that a search costs the same however many
stories are live.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from transforms.stories.vectors import LENGTH, Vector

INDEXED_TERMS = 40
BUDGET = 2000  # postings read for one article
SHORTLIST = 16  # stories compared exactly


def heaviest(vector: Mapping[int, int], count: int) -> list[int]:
    """The `count` heaviest terms of a vector, heaviest first; ties: the smaller id."""
    return [term for _, term in sorted((-weight, term) for term, weight in vector.items())[:count]]


class Index:
    """Postings: term -> {story id: the term's weight in the story, scaled to `LENGTH`}."""

    def __init__(self) -> None:
        self._postings: dict[int, dict[str, int]] = {}
        self._terms: dict[str, list[int]] = {}

    def put(self, story_id: str, vector: Mapping[int, int], square: int) -> None:
        """Index a story, or index it anew. `square` is the vector's squared length."""
        terms = heaviest(vector, INDEXED_TERMS)
        keep = dict.fromkeys(terms)
        for term in self._terms.get(story_id, ()):
            if term not in keep:
                self._remove(term, story_id)
        length = math.isqrt(square)
        postings = self._postings
        for term in terms:
            weight = vector[term] * LENGTH // length
            posting = postings.get(term)
            if posting is None:
                postings[term] = {story_id: weight}
            else:
                posting[story_id] = weight
        self._terms[story_id] = terms

    def drop(self, story_id: str) -> None:
        """Forget a story."""
        for term in self._terms.pop(story_id):
            self._remove(term, story_id)

    def _remove(self, term: int, story_id: str) -> None:
        posting = self._postings[term]
        del posting[story_id]
        if not posting:
            del self._postings[term]

    def shortlist(self, article: Vector) -> list[str]:
        """The stories most like an article by the terms read, best first; ties: the smaller id."""
        get = self._postings.get
        found = sorted((len(posting), term) for term in article if (posting := get(term)))
        left = BUDGET
        likeness: dict[str, int] = {}
        for size, term in found:
            left -= size
            if left < 0:
                break
            weight = article[term]
            for story_id, other in self._postings[term].items():
                likeness[story_id] = likeness.get(story_id, 0) + weight * other
        if len(likeness) > SHORTLIST:
            # Only the best need to be put in order.
            least = sorted(likeness.values(), reverse=True)[SHORTLIST - 1]
            likeness = {story_id: value for story_id, value in likeness.items() if value >= least}
        ranked = sorted((-value, story_id) for story_id, value in likeness.items())
        return [story_id for _, story_id in ranked[:SHORTLIST]]
