"""Why an article has its story: what the desk saw when it keyed the article, and what became of the story.

In: what a run's desk took up and the slips that it keyed. Out: an `Explanation`: the candidate stories with features,
scores and the terms they share with the article, in readable form; what happened to the story until the end of the run;
and every article that comes out with another story than the run gave it. Keying is a function of slips and ledger, so
nothing has to be kept for this: the desk is asked again, and where all keys are those of the run, the answer is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms.article import Slip
from transforms.ledger import Entry
from transforms.stories.desk import Candidate, Desk, SecondLook, in_order, story_id_of
from transforms.stories.features import NAMES
from transforms.stories.keyterms import spelling, spellings
from transforms.stories.model import Model
from transforms.stories.terms import counted_text, term_ids, tokens

MOST_TERMS = 8
# Of the pairs that script without spaces is counted by, as many as make that many phrases.
_SPELLED_TERMS = 2 * MOST_TERMS


class Seen(NamedTuple):
    """A story at some moment of the run."""

    story_id: str
    headline: str
    articles: int
    last_time: int
    """Of its articles, microseconds UTC."""


class SharedTerm(NamedTuple):
    """A term that an article and a story share."""

    term: str
    """As the article spells it."""
    share: float
    """Of their cosine, 0 to 1."""


class Weighed(NamedTuple):
    """A candidate story as the article found it."""

    story: Seen
    cosine: int
    """Millionths."""
    score: int
    """Millionths of log odds."""
    features: dict[str, float]
    """By name."""
    shared: tuple[SharedTerm, ...]
    """At most MOST_TERMS, the strongest first."""


class Change(NamedTuple):
    """Something that happened to the article's story: it merged, or was looked at again."""

    time: int
    """Event time of the article that the desk had just taken, microseconds UTC."""
    article_id: str
    """That article's."""
    headline: str
    """That article's."""
    second_look: bool
    """A second look at a story of one article; else that article showed that two stories are one."""
    story_id: str
    """The story as it was."""
    other: Seen | None
    """The story that it became one with, as it was thereafter; None where a second look left it alone."""
    survivor: str
    """The id that the two have since."""
    score: int | None
    """The best of a second look, millionths of log odds; None where nothing came near."""


class Difference(NamedTuple):
    """An article that comes out otherwise than the run has it."""

    article_id: str
    recomputed: str
    """story_id"""
    decided: str
    """story_id"""


class Sight(NamedTuple):
    """What the desk saw when it keyed an article, and what it did."""

    slip: Slip
    terms: int
    """How many of the article's terms were compared."""
    live: int
    """How many stories were live."""
    candidates: tuple[Weighed, ...]
    """In order of falling score; ties: the smaller id."""
    join_from: int
    """The score from which an article joins, millionths of log odds."""
    opened: bool
    """The article opened a story; else it joined the best candidate."""
    story_id: str
    """The story that it opened or joined."""


class Explanation(NamedTuple):
    """How an article got its story."""

    sight: Sight
    changes: tuple[Change, ...]
    """What happened to the story until the end of the run, in order."""
    end: Seen
    """What had become of it by then."""
    keyed: int
    """How many articles were keyed again."""
    differences: tuple[Difference, ...]
    """Those of them that come out otherwise, by id; the explanation is true where there are none."""


def explain(
    language: str,
    slips: Iterable[Slip],
    entries: Iterable[Entry],
    decided: Mapping[str, str],
    article_id: str,
    text: tuple[str, str],
    model: Model | None = None,
) -> Explanation:
    """Keys articles again and explains one of them.

    `slips` are those of first versions that a run of the desk of `language` keyed, settled, in any order; other slips
    change no keys. `entries` are the snapshot that it went on from, `decided` the story that it gave to each of them.
    `text` is the headline and the body of the article to explain. LookupError where it is not among the slips; what
    `Desk` raises for slips and entries that no run can have keyed or left.
    """
    desk = Desk(language, model=model)
    desk.resume(entries)
    keyed: dict[str, str] = {}
    sight: Sight | None = None
    changes: list[Change] = []
    story_id = ""
    for slip in sorted(slips, key=in_order):
        if slip.article_id == article_id:
            sight = _look(desk, slip, text)
            story_id = sight.story_id
        keyed[slip.article_id] = desk.handle(slip)
        if sight is not None:
            for change in _changes(desk, story_id, slip):
                changes.append(change)
                story_id = change.survivor
    if sight is None:
        raise LookupError(f"no slip of article {article_id}")
    ends = {one: desk.survivor(story) for one, story in keyed.items()}
    differences = (Difference(one, end, decided[one]) for one, end in sorted(ends.items()) if end != decided[one])
    return Explanation(sight, tuple(changes), _seen(desk, story_id), len(keyed), tuple(differences))


def _look(desk: Desk, slip: Slip, text: tuple[str, str]) -> Sight:
    """What the desk sees before it takes an article."""
    placement = desk.look(slip)
    weighed = [
        Weighed(
            _seen(desk, candidate.story_id),
            candidate.cosine,
            candidate.score,
            dict(zip(NAMES, map(float, candidate.features), strict=True)),
            readable(desk.shared_terms(placement, candidate.story_id), text, desk.language),
        )
        for candidate in sorted(placement.candidates, key=_by_score)
    ]
    return Sight(
        slip=slip,
        terms=len(placement.vector.places),
        live=desk.live(),
        candidates=tuple(weighed),
        join_from=desk.model.join_from,
        opened=not placement.choice,
        story_id=placement.choice or story_id_of(desk.language, slip.article_id),
    )


def readable(products: Sequence[tuple[int, int]], text: tuple[str, str], language: str) -> tuple[SharedTerm, ...]:
    """The strongest shared terms, as the article spells them.

    `products` are (term id, product of its weights), heaviest first, of an article that has headline and body `text`
    and was counted under the primary subtag `language`.
    """
    ids = term_ids(language)
    texts = counted_text(*text, language)
    strongest = products[:_SPELLED_TERMS]
    forms = spellings({term for term, _ in strongest}, texts, language)
    # Some letters fall apart in lower case: what was counted is then nowhere spelled.
    counted = {ids[word]: word for part in texts for word in tokens(part, language)}
    weights: dict[str, int] = {}
    for term, product in strongest:
        form = spelling(forms[term]) if term in forms else counted[term]
        weights[form] = weights.get(form, 0) + product
    total = max(sum(product for _, product in products), 1)
    ordered = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SharedTerm(form, weight / total) for form, weight in ordered[:MOST_TERMS])


def _seen(desk: Desk, story_id: str) -> Seen:
    story = desk.story(story_id)
    return Seen(story.story_id, story.headline, story.articles, story.last_time)


def _changes(desk: Desk, story_id: str, slip: Slip) -> Iterator[Change]:
    """What the article that was just taken, or the second looks after it, did to a story."""
    looks = desk.second_looks()
    ended = desk.merged()
    merging = [look for look in looks if look.choice]
    reasons: list[SecondLook | None] = [*[None] * (len(ended) - len(merging)), *merging]
    for one, look in zip(ended, reasons, strict=True):
        survivor = desk.story(one).merged_into
        if story_id in (one, survivor):
            other = _seen(desk, survivor if one == story_id else one)
            yield _change(slip, look, story_id, other, survivor)
            story_id = survivor
    for look in looks:
        if look.story_id == story_id and not look.choice:
            yield _change(slip, look, story_id, None, story_id)


def _change(slip: Slip, look: SecondLook | None, story_id: str, other: Seen | None, survivor: str) -> Change:
    score = min(look.candidates, key=_by_score).score if look and look.candidates else None
    return Change(slip.event_time, slip.article_id, slip.headline, look is not None, story_id, other, survivor, score)


def _by_score(candidate: Candidate) -> tuple[int, str]:
    return -candidate.score, candidate.story_id
