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
PAIR_WEIGHT = 0.3
# Where the table is an estimate, articles alone in a run share many words that only seem rare. With the usual weight
# 9 to 19% of unrelated pairs were joined, held out by time; with this one 2 to 5%.
UNRELATED_WEIGHT = 0.9
# A small newsroom's run: some stories of which each goes on for days, and nothing else. The labelled articles alone
# teach that a day's gap ends a story, because their editors filed the next day's piece as a story of its own.
SMALL_DESKS = 200
SMALL_DESK_WEIGHT = 0.3
# What papers print of an agency's copy, cut and under a headline of their own: the labelled articles have hardly any.
COPIED_SHARE = 0.3
PRINTED_WEIGHT = 0.5
_MOST_COPIES = 4
_MOST_GAP = 3 * DAY // 2
_PAIR_GAP = 3 * DAY
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
    labels: Mapping[str, str]
    """The story of each labelled article."""


def streams(
    dated: Sequence[Text], undated: Sequence[Text], background: Sequence[Text], ids: TermIds
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

    labels = {text.name: text.cluster for text in [*dated, *undated]}

    def stream(name: str, weight: float, slips: Sequence[Slip]) -> Stream:
        return Stream(name, weight, ids.table, slips, labels)

    yield stream("full", 1.0, full)
    yield stream("short", 1.0, short)
    yield stream("headlines", 1.0, headlines)
    yield stream("undated full", 0.1, slips_of(with_dates, ids))
    yield stream("undated short", 0.1, slips_of([lead(text, LEAD_WORDS) for text in with_dates], ids))
    for factor, weight in ((5, 0.5), (20, 0.25)):
        yield stream(f"squeezed x{factor}", weight, squeezed(full, factor))
        yield stream(f"squeezed short x{factor}", weight, squeezed(short, factor))
    for factor, weight in ((3, 1.0), (10, 0.5)):
        yield stream(f"among others x{factor}", weight, squeezed(full + around, factor))
    # Squeezed time teaches density but also that a story is over in hours; folded time teaches density alone.
    yield stream("folded", 2.0, folded(full, founded) + folded(around, {}))
    yield stream("folded short", 1.0, folded(short, founded) + folded(around_short, {}))
    forms = [{slip.article_id: slip for slip in form} for form in (full, short, headlines)]
    cluster_of = {text.name: text.cluster for text in dated}
    unrelated = PAIR_WEIGHT if ids.table.measured else UNRELATED_WEIGHT
    headed = [text for text in dated if text.headline]
    for pair in isolated_pairs(headed, forms, min(PAIRS, 3 * len(headed)), chance):
        one, other = (cluster_of[slip.article_id] for slip in pair)
        yield stream("pair", PAIR_WEIGHT if one == other else unrelated, pair)
    printed = copies(dated, chance)
    printed_founded = founding_times([*dated, *printed])
    printed_labels = labels | {text.name: text.cluster for text in printed}
    for form, more in ((full, 10_000), (short, LEAD_WORDS), (headlines, 0)):
        slips = form + slips_of([lead(text, more) for text in printed], ids)
        yield Stream("printed", PRINTED_WEIGHT, ids.table, folded(slips, printed_founded), printed_labels)
    for number in range(SMALL_DESKS):
        yield stream("small desk", SMALL_DESK_WEIGHT, small_desk(headed, forms[number % len(forms)], chance))


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
    """Two articles alone in a run: every other pair is of one story, the rest drawn from all.

    Half of both kinds are of one time, the others up to `_PAIR_GAP` apart. `forms` give each article's slip, in several
    lengths that take turns.
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
        first = form[one.name]
        gap = chance.randrange(_PAIR_GAP) if number // 2 % 2 else 0
        yield [first, form[other.name]._replace(event_time=first.event_time + gap)]


def small_desk(texts: Sequence[Text], form: Mapping[str, Slip], chance: random.Random) -> list[Slip]:
    """A few stories and single articles alone in a run, each story going on with gaps of up to `_MOST_GAP`."""
    by_cluster: dict[str, list[Text]] = {}
    for text in texts:
        by_cluster.setdefault(text.cluster, []).append(text)
    names = sorted(by_cluster)
    several = [cluster for cluster in names if len(by_cluster[cluster]) > 1]
    drawn = chance.sample(several, min(len(several), chance.randint(2, 6)))
    drawn += chance.sample(names, min(len(names), chance.randint(0, 4)))
    slips = []
    for cluster in dict.fromkeys(drawn):
        time = chance.randrange(2 * DAY)
        articles = by_cluster[cluster]
        for text in chance.sample(articles, min(len(articles), 4)):
            slips.append(form[text.name]._replace(event_time=time))
            time += chance.randrange(_MOST_GAP)
    return slips


def copies(texts: Sequence[Text], chance: random.Random) -> list[Text]:
    """Some articles as other papers print them: within a day, cut from the end, under a headline of their own."""
    made = []
    for text in texts:
        if chance.random() >= COPIED_SHARE:
            continue
        words = text.body.split()
        for number in range(chance.randint(1, _MOST_COPIES)):
            start = chance.choice((0, 0, 0, 30))
            body = words[start : start + max(40, round(len(words) * chance.uniform(0.3, 1.0)))]
            headline = text.headline if chance.random() < 0.5 else " ".join(words[: chance.randint(6, 12)])
            name, time = f"{text.name} copy {number}", text.time + chance.randrange(DAY)
            made.append(text._replace(name=name, headline=headline, body=" ".join(body), time=time))
    return made
