"""The streams that the model learns on: the same articles as different newsrooms would meet them.

What a stream is like matters more than any feature: without dense streams the model learns "few live stories, so join".
Everything drawn at random comes from a seeded `random.Random`, so that a second run draws the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms.article import Slip
from transforms.stories.learn.texts import Text, lead, slips_of, squeezed
from transforms.stories.tables import TermTable
from transforms.stories.terms import TermIds
from transforms.stories.vectors import DAY

LEAD_WORDS = 50
PAIRS = 1500
_SEED = 20250209
_UNDATED_DAYS = 90
_FOLD = 60 * DAY


class Stream(NamedTuple):
    """Slips to be keyed by a desk of their own."""

    name: str
    weight: float
    """What a labelled article counts in it."""
    table: TermTable
    slips: Sequence[Slip]


def streams(
    dated: Sequence[Text], undated: Sequence[Text], background: Sequence[Text], ids: TermIds, *, pairs: int = PAIRS
) -> Iterator[Stream]:
    """All streams of one way to count terms; `dated` and `undated` are labelled, `background` is dated and is not."""
    chance = random.Random(_SEED)
    full = slips_of(dated, ids)
    short = slips_of([lead(text, LEAD_WORDS) for text in dated], ids)
    headlines = slips_of([lead(text, 0) for text in dated if text.headline], ids)
    around = slips_of(background, ids)
    around_short = slips_of([lead(text, LEAD_WORDS) for text in background], ids)
    with_dates = _dated_at_random(undated, chance)
    founded = founding_times(dated)

    def stream(name: str, weight: float, slips: Sequence[Slip]) -> Stream:
        return Stream(name, weight, ids.table, slips)

    yield stream("full", 1.0, full)
    yield stream("short", 1.0, short)
    yield stream("headlines", 1.0, headlines)
    yield stream("undated full", 0.1, slips_of(with_dates, ids))
    yield stream("undated short", 0.1, slips_of([lead(text, LEAD_WORDS) for text in with_dates], ids))
    for factor in (5, 20):
        yield stream(f"squeezed x{factor}", 0.5, squeezed(full, factor))
        yield stream(f"squeezed short x{factor}", 0.5, squeezed(short, factor))
    for factor in (1, 3, 10):
        yield stream(f"among others x{factor}", 1.0, squeezed(full + around, factor))
    yield stream("folded", 1.0, folded(full, founded) + folded(around, {}))
    yield stream("folded short", 0.5, folded(short, founded) + folded(around_short, {}))
    forms = [{slip.article_id: slip for slip in form} for form in (full, short, headlines)]
    for pair in isolated_pairs([text for text in dated if text.headline], forms, pairs, chance):
        yield stream("pair", 0.3, pair)


def founding_times(texts: Sequence[Text]) -> dict[str, int]:
    """When the story of each labelled article began."""
    first: dict[str, int] = {}
    for text in texts:
        first[text.cluster] = min(text.time, first.get(text.cluster, text.time))
    return {text.name: first[text.cluster] for text in texts}


def folded(slips: Sequence[Slip], founded: Mapping[str, int]) -> list[Slip]:
    """The same slips as if years were `_FOLD` days: as dense as time squeezed, but a story takes the time it took.

    `founded` gives the time when an article's story began; one that isn't there is a story of its own.
    """
    moved = []
    for slip in slips:
        start = founded.get(slip.article_id, slip.event_time)
        moved.append(slip._replace(event_time=slip.event_time - start + start % _FOLD))
    return moved


def _dated_at_random(texts: Sequence[Text], chance: random.Random) -> list[Text]:
    """Each event on a random day, its articles within the two days after."""
    days = {cluster: chance.randrange(_UNDATED_DAYS) for cluster in sorted({text.cluster for text in texts})}
    return [text._replace(time=days[text.cluster] * DAY + chance.randrange(2 * DAY)) for text in texts]


def isolated_pairs(
    texts: Sequence[Text], forms: Sequence[Mapping[str, Slip]], pairs: int, chance: random.Random
) -> Iterator[list[Slip]]:
    """Two articles alone in a run, of the same time: every other pair is of one story, the rest drawn from all.

    `forms` give each article's slip, in several lengths that take turns.
    """
    by_cluster: dict[str, list[Text]] = {}
    for text in texts:
        by_cluster.setdefault(text.cluster, []).append(text)
    several = [cluster for cluster in sorted(by_cluster) if len(by_cluster[cluster]) > 1]
    for number in range(pairs if several else 0):
        if number % 2:
            one, other = chance.sample(by_cluster[chance.choice(several)], 2)
        else:
            one, other = chance.sample(texts, 2)
        form = forms[number // 2 % len(forms)]
        yield [form[one.name], form[other.name]._replace(event_time=form[one.name].event_time)]
