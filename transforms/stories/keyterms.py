"""The few words that tell a reader what a story is about.

In: the heaviest terms of a story, and headlines of its articles. Out: up to 8 terms, heaviest first, as the headlines
spell them: a vector knows ids of stems only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

from transforms.stories.terms import SPACELESS_LANGUAGES, spelled_tokens, term_ids
from transforms.stories.vectors import Vector

LEAST = 5
MOST = 8
# From the sixth on a term must weigh at least this share of the heaviest.
WORTH_NAMING = 3


def key_terms(vector: Vector, headlines: Sequence[str], language: str) -> tuple[str, ...]:
    """The heaviest terms of `vector` that occur in `headlines`, in readable form; fewer than 5 where there are fewer.

    `vector` has term ids for places; `language` is the primary subtag under which they were counted.
    """
    heavy = sorted(zip((-vector.weights).tolist(), vector.places.tolist(), strict=True))
    named = {term: -weight for weight, term in heavy}
    forms = spellings(named, headlines, language)
    found: list[str] = []
    heaviest = next((weight for term, weight in named.items() if term in forms), 0)
    for term, weight in named.items():
        if term not in forms:
            continue
        if len(found) == MOST or (len(found) >= LEAST and weight * WORTH_NAMING < heaviest):
            break
        form = spelling(forms[term])
        if not any(form.lower() in other.lower() for other in found):
            found = [other for other in found if other.lower() not in form.lower().split()]
            found.append(form)
    return tuple(found)


def spellings(wanted: Container[int], texts: Iterable[str], language: str) -> dict[int, Counter[str]]:
    """How often the texts spell each of the wanted terms in which way; of those that occur in them.

    In scripts that leave no spaces a pair of characters is spelled with the wanted pairs that it overlaps.
    """
    ids = term_ids(language)
    found: dict[int, Counter[str]] = {}
    for text in texts:
        words = spelled_tokens(text, language)
        terms = [ids[word.lower()] for word in words]
        for at, (word, term) in enumerate(zip(words, terms, strict=True)):
            if term in wanted:
                form = _phrase(words, terms, at, wanted) if language in SPACELESS_LANGUAGES else word
                found.setdefault(term, Counter())[form] += 1
    return found


def _phrase(words: Sequence[str], terms: Sequence[int], at: int, heavy: Container[int]) -> str:
    """The pair at `at` together with the heavy pairs that overlap it on either side: names are longer than a pair."""
    if len(words[at]) != 2:
        return words[at]
    start = end = at
    while start and terms[start - 1] in heavy and words[start - 1][1:] == words[start][:1]:
        start -= 1
    while end + 1 < len(words) and terms[end + 1] in heavy and words[end][1:] == words[end + 1][:1]:
        end += 1
    return words[start] + "".join(word[1:] for word in words[start + 1 : end + 1])


def spelling(forms: Counter[str]) -> str:
    """The commonest form (ties: the smaller); of its spellings the one with most small letters.

    A headline in title case capitalises every word; one that is written small anywhere is no name.
    """
    folded: Counter[str] = Counter()
    for form, count in forms.items():
        folded[form.lower()] += count
    commonest = min(folded.items(), key=lambda item: (-item[1], item[0]))[0]
    return max(form for form in forms if form.lower() == commonest)
