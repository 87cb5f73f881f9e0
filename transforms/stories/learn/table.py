"""Learns term tables: in how many articles of an archive each term occurs, or how common it is in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from transforms.stories.terms import BODY_CHARACTERS, SPACELESS_CHARACTERS, SPACELESS_LANGUAGES, stem_function, tokens

TERMS = 20_000


def learn_table(texts: Iterable[tuple[str, str]], language: str) -> tuple[int, dict[str, int]]:
    """Number of articles, and document frequencies of the commonest `TERMS` terms (ties: the smaller term).

    `texts` are (headline, body); `language` is a primary subtag.
    """
    limit = SPACELESS_CHARACTERS if language in SPACELESS_LANGUAGES else BODY_CHARACTERS
    documents = 0
    of_word: Counter[str] = Counter()
    stem = cache(stem_function(language))
    for headline, body in texts:
        documents += 1
        words = tokens(headline, language) + tokens(body[:limit], language)
        of_word.update({stem(word) for word in words})  # a set: counts do not depend on its order
    commonest = sorted(of_word.items(), key=lambda item: (-item[1], item[0]))[:TERMS]
    return documents, dict(commonest)


def count_words(texts: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """Language -> stem -> how often it occurs in `texts`, which are (primary subtag, text)."""
    counts: dict[str, Counter[str]] = {}
    for language, text in texts:
        counts.setdefault(language, Counter()).update(map(stem_function(language), tokens(text, language)))
    return {language: dict(words) for language, words in counts.items()}
