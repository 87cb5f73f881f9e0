"""The few words that tell a reader what a story is about.

In: a story's vector and its articles' headlines. Out: up to 8 terms, heaviest first, as the headlines spell them: the
vector knows ids of stems only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from transforms.stories.candidates import INDEXED_TERMS, heaviest
from transforms.stories.terms import SPACELESS_LANGUAGES, spelled_tokens, term_ids

LEAST = 5
MOST = 8
# From the sixth on a term must weigh at least this share of the heaviest.
WORTH_NAMING = 3


def key_terms(vector: Mapping[int, int], headlines: Sequence[str], language: str) -> tuple[str, ...]:
    """The heaviest terms of `vector` that occur in `headlines`, in readable form; fewer than 5 where there are fewer.

    `language` is the primary subtag under which the vector's terms were counted.
    """
    ids = term_ids(language)
    heavy = dict.fromkeys(heaviest(vector, INDEXED_TERMS))
    spellings: dict[int, Counter[str]] = {}
    for headline in headlines:
        words = spelled_tokens(headline, language)
        terms = [ids[word.lower()] for word in words]
        for at, (word, term) in enumerate(zip(words, terms, strict=True)):
            if term in heavy:
                form = _phrase(words, terms, at, heavy) if language in SPACELESS_LANGUAGES else word
                spellings.setdefault(term, Counter())[form] += 1
    named = [(term, _spelling(spellings[term])) for term in heavy if term in spellings]
    found: list[str] = []
    for term, form in named:
        if len(found) == MOST or (len(found) >= LEAST and vector[term] * WORTH_NAMING < vector[named[0][0]]):
            break
        if not any(form.lower() in other.lower() for other in found):
            found = [other for other in found if other.lower() not in form.lower().split()]
            found.append(form)
    return tuple(found)


def _phrase(words: Sequence[str], terms: Sequence[int], at: int, heavy: Mapping[int, None]) -> str:
    """The pair at `at` together with the heavy pairs that overlap it on either side: names are longer than a pair."""
    if len(words[at]) != 2:
        return words[at]
    start = end = at
    while start and terms[start - 1] in heavy and words[start - 1][1:] == words[start][:1]:
        start -= 1
    while end + 1 < len(words) and terms[end + 1] in heavy and words[end][1:] == words[end + 1][:1]:
        end += 1
    return words[start] + "".join(word[1:] for word in words[start + 1 : end + 1])


def _spelling(forms: Counter[str]) -> str:
    """The commonest form (ties: the smaller); of its spellings the one with most small letters.

    A headline in title case capitalises every word; one that is written small anywhere is no name.
    """
    folded: Counter[str] = Counter()
    for form, count in forms.items():
        folded[form.lower()] += count
    commonest = min(folded.items(), key=lambda item: (-item[1], item[0]))[0]
    return max(form for form in forms if form.lower() == commonest)
