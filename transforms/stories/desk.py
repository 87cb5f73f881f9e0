"""Keying articles by story, online, one language at a time.

In: settled slips of one language. Out: a `Decision` for each and a `Story` for each story. An article joins the live
story that fits it best, or opens one. When an article shows that two stories are one, they merge, and a story that is
still of one article on the day after is looked at again. The keys depend on the articles and their event times only:
slips are handled in order of (event time, article id, version), state is integers, ties go to the smaller id, stories
expire in event time.

What a desk knows at the end of a run is its `entries`, and what is new of it its `changes`; a desk that `resume`s the
one and all of the other since goes on exactly as one that never stopped.

What the desk does for an article is split in two: `look` computes everything that can fail and changes nothing that
shows; `take` changes state and can't fail. So a slip that can't be keyed leaves no trace.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from transforms.article import KNOWN, Decision, Slip, Story
from transforms.ledger import DeskEntry, DeskState, EndedStory, Entry, KnownArticle, LiveState, StoryEntry, TermCounts
from transforms.stories.candidates import INDEXED_TERMS, Index, heaviest
from transforms.stories.features import MILLION, LocalRarity, Matcher, feature_rows
from transforms.stories.keyterms import key_terms
from transforms.stories.live import (
    ARTICLES,
    BEST_COSINES,
    FACTS,
    LAST_TIME,
    LONGEST_BODY,
    MEAN_TIME,
    SQUARE,
    LiveStories,
)
from transforms.stories.model import SHIPPED, SHIPPED_ESTIMATED, Model, load_model
from transforms.stories.packing import pack_all, unpack_all
from transforms.stories.tables import DATA, TermTable, load_table
from transforms.stories.terms import Ints, unpack
from transforms.stories.vectors import DAY, Counted, Rarity, Vector
from transforms.stories.vocabulary import Vocabulary
from transforms.versions import known_article

# Chosen with the prototype on labelled news. A 4-day life gains nothing.
LIFE = 6 * DAY
LEAST_COSINE = 80_000  # millionths
LEAST_SHARE = 0.5
"""Of the highest cosine: no story that fits worse is ever joined."""
CANDIDATES = 8
MEAN_OVER = 8
"""The mean time moves by 1/min(articles, 8) of the gap, so that it follows a story that runs on."""
MERGE_ABOVE = MILLION
"""By how much more than joining takes a second story must fit an article for the two stories to merge."""
MERGE_COSINE = 350_000
"""How like each other they must be, in millionths."""
NEIGHBOUR_COSINE = 250_000
"""Millionths: a story that another article has come so near to is looked at again."""
SECOND_LOOKS = 2
"""Stories of yesterday that are looked at again after an article, at most: a day's would be a long pause in one go."""
CENTRAL_TERMS = 24
"""Of the article whose headline a story has, so many terms are kept to tell how central it is."""

# Some 5 bytes a term: an entry of the ledger stays far below what any reader takes, whatever a desk has counted.
TERMS_A_ROW = 100_000

_BEFORE_ALL = -(1 << 62)

# To be raised with every change by which the desk keys otherwise from the same tables and models, or is handed on
# otherwise.
DESK_VERSION = 3


@functools.cache
def fingerprint() -> str:
    """SHA-256 (hex) of all that decides about stories beside the articles: tables, models, the desk's version.

    A ledger can be continued exactly only by a desk of the same fingerprint.
    """
    whole = hashlib.sha256(f"desk {DESK_VERSION}".encode())
    for path in sorted(DATA.iterdir()):
        whole.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def story_id_of(language: str, founder: str) -> str:
    """The id of the story that article `founder` opens at the desk of `language`: 32 hex digits."""
    named = f"story\0{language}\0{founder}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, digest_size=16).hexdigest()


class Candidate(NamedTuple):
    """A story that an article may join."""

    story_id: str
    cosine: int
    """Millionths."""
    features: Sequence[float]
    """In the order of `features.NAMES`."""
    score: int
    """Millionths of log odds; 0 where the desk has no model."""


class Placement(NamedTuple):
    """What `look` found out about an article."""

    slip: Slip
    places: Ints
    """Of all its terms."""
    vector: Vector
    candidates: Sequence[Candidate]
    """In order of falling cosine; ties: the smaller id."""
    choice: str
    """The story to join; "" to open one."""


class SecondLook(NamedTuple):
    """What came of placing a story of one article again."""

    story_id: str
    candidates: Sequence[Candidate]
    """In order of falling cosine; ties: the smaller id."""
    choice: str
    """The story it merged with; "" for none."""


class _Central:
    """The most central article of a story of several: the one most like the sum of all.

    A story keeps one such article, and one that joins takes its place if it is more central then. Of two articles both
    are equally so, which leaves the first.
    """

    __slots__ = ("dot", "headline", "vector")

    def __init__(self, headline: str, vector: Vector, dot: int) -> None:
        self.headline = headline
        self.vector = vector
        self.dot = dot


class _Card:
    """What is known of a story for good: it outlives the story's expiry."""

    __slots__ = (
        "articles", "central", "ending", "first_headline", "first_time", "founder", "key_terms", "last_headline",
        "last_time", "merged_into", "out", "providers", "row", "second_look", "story_id",
    )  # fmt: skip

    def __init__(self, story: Story) -> None:
        self.story_id = story.story_id
        self.founder = story.founder
        self.first_time = story.first_time
        self.last_time = story.last_time
        self.articles = story.articles
        self.out = story.articles - story.usable_articles
        self.providers = dict.fromkeys(story.providers)
        self.key_terms = story.key_terms
        self.merged_into = story.merged_into
        self.first_headline = self.last_headline = story.headline
        self.central: _Central | None = None
        self.second_look = False
        """To be looked at again once its day is over."""
        self.row = -1
        """Of a live story."""
        self.ending: Vector | None = None
        """Of a story that has ended in this run: the heaviest of its terms, by id."""

    def headline(self) -> str:
        return self.central.headline if self.central else self.first_headline

    def headlines(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.headline(), self.first_headline, self.last_headline)))


class Desk:
    """The story desk of one language. Give it slips in order of (event time, article id, version).

    `language` is a primary subtag. `model` and `table` are the shipped ones unless given.
    """

    def __init__(self, language: str, *, model: Model | None = None, table: TermTable | None = None) -> None:
        self.language = language
        table = load_table(language) if table is None else table
        self.model = load_model(SHIPPED if table.measured else SHIPPED_ESTIMATED) if model is None else model
        self._vocabulary = Vocabulary(len(table.frequencies))
        self._rarity = Rarity(table, self._vocabulary)
        self._index = Index(self._vocabulary)
        self._live = LiveStories(self._vocabulary)
        self._matcher = Matcher(self._vocabulary, self._live)
        self._local = LocalRarity()
        self._scratch = self._vocabulary.column(np.int64)
        self._card_of: dict[int, _Card] = {}
        self._cards: dict[str, _Card] = {}
        self._expiry: list[tuple[int, str]] = []
        self._second_looks: list[tuple[int, str]] = []
        self._now = _BEFORE_ALL
        self._story_of: dict[str, str] = {}
        self._counted: set[str] = set()
        self._touched: set[str] = set()
        """Stories that have rows of this run."""
        self._eyed: set[str] = set()
        """Live stories of which nothing but whether they are looked at again may have changed."""
        self._closed: set[str] = set()
        self._merged: list[str] = []
        self._second_looked: list[SecondLook] = []

    def resume(self, entries: Iterable[Entry]) -> None:
        """Take up, before a run's first slip, what an earlier desk's `entries` gave, with its `changes` since (see
        `ledger.net`); or ended stories that are asked for."""
        live: list[tuple[_Card, LiveState]] = []
        for entry in entries:
            if isinstance(entry, TermCounts):
                _, terms, counts = unpack_all([(entry.terms, entry.numbers)])
                self._rarity.resume(entry.day, entry.articles, terms, counts)
            elif isinstance(entry, DeskState):
                self._now = entry.clock
            elif isinstance(entry, StoryEntry):
                card = self._cards[entry.story.story_id] = _Card(entry.story)
                if entry.live is not None:
                    live.append((card, entry.live))
            else:
                raise ValueError(f"a desk can't resume {type(entry).__name__}")
        if live:
            self._enter_all(live)
        if self._now > _BEFORE_ALL:
            self._rarity.advance(self._now)

    def _enter_all(self, stories: Sequence[tuple[_Card, LiveState]]) -> None:
        sizes, places, weights = self._unpacked([(state.terms, state.numbers) for _, state in stories])
        facts = np.zeros((len(stories), FACTS), np.int64)
        facts[:, ARTICLES] = [card.articles for card, _ in stories]
        facts[:, LAST_TIME] = [card.last_time for card, _ in stories]
        facts[:, MEAN_TIME] = [state.mean_time for _, state in stories]
        facts[:, BEST_COSINES] = [state.best_cosines for _, state in stories]
        facts[:, LONGEST_BODY] = [state.longest_body for _, state in stories]
        live = self._live
        rows = live.open_all([card.story_id for card, _ in stories], facts, sizes, Vector(places, weights))
        self._index.put_all(rows, live.places[rows], live.weights[rows])
        centrals = self._unpacked([(state.central_terms, state.central_numbers) for _, state in stories])
        ends = centrals[0].cumsum().tolist()
        for (card, state), row, start, end in zip(stories, rows.tolist(), [0, *ends], ends, strict=False):
            headline, card.first_headline, card.last_headline = state.headlines
            if start < end:
                vector = Vector(centrals[1][start:end], centrals[2][start:end])
                card.central = _Central(headline, vector, state.central_dot)
            card.second_look = state.second_look
            card.row = row
            self._note(card)

    def _unpacked(self, packed: Sequence[tuple[bytes, bytes]]) -> tuple[Ints, Ints, Ints]:
        """The sizes of vectors, and their places and weights one after the other."""
        sizes, terms, numbers = unpack_all(packed)
        distinct, which = np.unique(terms, return_inverse=True)
        return sizes, self._vocabulary.places(distinct).take(which), numbers

    def begin_run(self) -> None:
        """Put away what belongs to the run before: what is left is what a new desk would `resume`."""
        self._cards = {card.story_id: card for card in self._card_of.values()}
        for of_the_run in (self._story_of, self._counted, self._touched, self._eyed, self._closed):
            of_the_run.clear()
        self._merged, self._second_looked = [], []
        self._rarity.begin_run()

    def entries(self) -> Iterator[DeskEntry]:
        """The desk as it stands, in no particular order: live stories, counted terms, the clock."""
        yield from self._live_entries(list(self._card_of.values()))
        yield from self._term_counts(self._rarity.counted())
        yield DeskState(self.language, self._now)

    def changes(self) -> Iterator[DeskEntry]:
        """What this run has changed in `entries`, in no particular order."""
        changed = (self._cards[story_id] for story_id in self._touched | self._eyed)
        yield from self._live_entries([card for card in changed if card.row >= 0])
        for story_id in self._closed:
            yield EndedStory(self.language, story_id)
        yield from self._term_counts(self._rarity.fresh())
        yield DeskState(self.language, self._now)

    def ended(self) -> Iterator[StoryEntry]:
        """The stories that ended in this run, and those that it changed after their end, in no particular order."""
        for story_id in self._closed | self._touched:
            card = self._cards[story_id]
            if card.row < 0:
                yield StoryEntry(self._story(card, self._key_terms(card)), None)

    def changed(self) -> int:
        """How many stories `changes` has."""
        return len(self._touched | self._eyed | self._closed)

    def _live_entries(self, cards: Sequence[_Card]) -> Iterator[StoryEntry]:
        vectors = self._packed([self._live.vector(card.row) for card in cards])
        nothing = Vector(np.zeros(0, np.intp), np.zeros(0, np.int64))
        centrals = self._packed([card.central.vector if card.central else nothing for card in cards])
        for card, packed, central in zip(cards, vectors, centrals, strict=True):
            facts = self._live.facts[card.row]
            state = LiveState(
                *packed,
                mean_time=int(facts[MEAN_TIME]),
                best_cosines=int(facts[BEST_COSINES]),
                longest_body=int(facts[LONGEST_BODY]),
                headlines=(card.headline(), card.first_headline, card.last_headline),
                second_look=card.second_look,
                central_terms=central[0],
                central_numbers=central[1],
                central_dot=card.central.dot if card.central else 0,
            )
            yield StoryEntry(self._story(card, ()), state)

    def _term_counts(self, counted: Iterable[Counted]) -> Iterator[TermCounts]:
        for day, articles, terms, counts in counted:
            for part, start in enumerate(range(0, max(len(terms), 1), TERMS_A_ROW)):
                some = terms[start : start + TERMS_A_ROW]
                packed = pack_all(np.array([len(some)]), some, counts[start : start + TERMS_A_ROW])[0]
                yield TermCounts(self.language, day, part, 0 if part else articles, *packed)

    def _packed(self, vectors: Sequence[Vector]) -> list[tuple[bytes, bytes]]:
        """Vectors as bytes, each in rising order of term ids."""
        if not vectors:
            return []
        sizes = np.array([len(vector.places) for vector in vectors])
        terms = self._vocabulary.terms(np.concatenate([vector.places for vector in vectors]))
        weights = np.concatenate([vector.weights for vector in vectors])
        order = np.lexsort((terms, np.arange(len(sizes)).repeat(sizes)))
        return pack_all(sizes, terms.take(order), weights.take(order))

    def key(self, slips: Iterable[Slip]) -> Iterator[Decision | Story | KnownArticle | StoryEntry]:
        """Key all slips of a run: a `Decision` for each version to write or count, the changed `Story`s by id, and for
        the ledger the articles and the stories that have ended.

        The order in which slips arrive does not matter. A slip that can't be keyed gives a `Decision` with an error and
        no story, and so do the other versions of its article. An article of which nothing but a kill is known has no
        story.
        """
        handled = sorted(slips, key=in_order)
        found: dict[str, str] = {}
        errors: dict[str, str] = {}
        for slip in handled:
            try:
                found[slip.article_id] = self.handle(slip) or found.get(slip.article_id, "")
            except Exception as failure:  # whatever is wrong with one slip must not end the run
                errors[slip.article_id] = f"{type(failure).__name__}: {failure}"
        keyed: dict[str, tuple[str, list[Slip]]] = {}
        for slip in handled:
            error = errors.get(slip.article_id, "")
            # Only now is it known which stories have merged.
            story_id = "" if error else self.survivor(found[slip.article_id])
            if not error:
                keyed.setdefault(slip.article_id, (story_id, []))[1].append(slip)
            if slip.disposition == KNOWN:
                continue
            yield Decision(
                article_id=slip.article_id,
                version_key=slip.version_key,
                version=slip.version,
                is_latest=slip.is_latest,
                pub_status=slip.pub_status,
                language=slip.language,
                story_id=story_id,
                disposition=slip.disposition,
                event_time=slip.stated_time,
                error=error,
                item_id=slip.item_id,
            )
        yield from self.stories()
        for story_id, versions in keyed.values():
            yield known_article(versions, story_id)
        yield from self.ended()

    def handle(self, slip: Slip) -> str:
        """The story of a slip: found or opened by an article's founding version, kept by others and in later runs.

        Empty where the article has none, or not yet. The story may merge into another later; see `survivor`. Raises
        what reading the slip raises (ValueError for packed terms that can't be read); the desk is unchanged then.
        """
        if slip.founding:
            placement = self.look(slip)
            story_id = self.take(placement, placement.choice)
        else:
            story_id = slip.story_id or self._story_of.get(slip.article_id, "")
        if not story_id:
            return ""
        story_id = self.survivor(story_id)
        if slip.article_id not in self._counted:
            self._counted.add(slip.article_id)
            card = self._cards.get(story_id)
            # A story that ended before what is remembered has no card: its counts can't be told any more.
            if slip.usable != slip.was_usable and card is not None:
                card.out += 1 if slip.was_usable else -1
                self._touched.add(story_id)
        return story_id

    def survivor(self, story_id: str) -> str:
        """The story that a story has merged into in the end; itself if it hasn't."""
        card = self._cards.get(story_id)
        while card is not None and card.merged_into:
            story_id = card.merged_into
            card = self._cards.get(story_id)
        return story_id

    def look(self, slip: Slip) -> Placement:
        """Find the candidates of an article and choose among them.

        The one thing that changes is what expires by the article's event time, which no later slip could see.
        """
        terms, counts = unpack(slip.terms)
        places = self._vocabulary.places(terms)
        self._advance(slip.event_time)
        vector = self._rarity.vector(places, counts)
        candidates = self._candidates(vector, slip.event_time, slip.body_length)
        return Placement(slip, places, vector, candidates, self._choice(candidates))

    def take(self, placement: Placement, choice: str) -> str:
        """Put an article that was looked at into story `choice`, or open one for it (""); gives the story."""
        slip = placement.slip
        self._merged = []
        self._second_looked = []
        self._rarity.count(placement.places, slip.event_time)
        if choice:
            self._join(self._cards[choice], placement)
            self._merge_like(choice, placement.candidates)
        else:
            choice = self._open(placement)
        self._note_neighbours(choice, placement.candidates)
        self._story_of[slip.article_id] = choice
        self._touched.add(choice)
        self._look_again()
        return choice

    def knows(self, story_id: str) -> bool:
        """True for a live story, and for an ended one that the desk was told of."""
        return story_id in self._cards

    def stories(self) -> list[Story]:
        """Every story that this run has changed, by id."""
        cards = (self._cards[story_id] for story_id in sorted(self._touched))
        return [self._story(card, self._key_terms(card)) for card in cards]

    def merged(self) -> list[str]:
        """The stories that the last article taken made merge into others, in that order."""
        return self._merged

    def second_looks(self) -> list[SecondLook]:
        """The second looks that the last article taken gave time for; merges that came of them are the last ones of
        `merged`."""
        return self._second_looked

    def story(self, story_id: str) -> Story:
        """A story as it stands, but for its key terms. LookupError for one that the desk does not know."""
        return self._story(self._cards[story_id], ())

    def shared_terms(self, placement: Placement, story_id: str) -> list[tuple[int, int]]:
        """(term id, product of its weights) of the terms that an article and a live story share, heaviest first."""
        theirs = self._live.vector(self._cards[story_id].row)
        weights = dict(zip(theirs.places.tolist(), theirs.weights.tolist(), strict=True))
        terms = self._vocabulary.terms(placement.vector.places)
        own = zip(placement.vector.places.tolist(), terms.tolist(), placement.vector.weights.tolist(), strict=True)
        products = [(term, weight * weights[place]) for place, term, weight in own if place in weights]
        return sorted(products, key=lambda shared: (-shared[1], shared[0]))

    def live(self) -> int:
        """How many stories are live."""
        return len(self._live)

    def _candidates(self, vector: Vector, time: int, body_length: int, hidden: int = -1) -> list[Candidate]:
        """The live stories, but for row `hidden`, that something of this vector may belong to."""
        live = self._live
        rows = self._index.shortlist(vector, live.tie, hidden)
        if not len(rows):
            return []
        found = self._matcher.best(self._matcher.compare(vector, rows), CANDIDATES, LEAST_COSINE, LEAST_SHARE)
        if not len(found.rows):
            return []
        if hidden >= 0:
            live.hide(hidden, True)
        number = len(live) - (hidden >= 0)
        rarity = self._local.at(live.having.data.take(vector.places), number)
        if hidden >= 0:
            live.hide(hidden, False)
        facts = live.facts.take(found.rows, axis=0).tolist()
        products = self._matcher.shared(vector, found)
        cosines = found.cosines.tolist()
        features = feature_rows(cosines, found.dots.tolist(), products, facts, rarity, number, time, body_length)
        ids = [self._card_of[row].story_id for row in found.rows.tolist()]
        return list(map(Candidate, ids, cosines, features, self.model.scores(features)))

    def _choice(self, candidates: Sequence[Candidate]) -> str:
        """The candidate of the highest score (ties: the smaller id), if that is enough to join."""
        if not candidates:
            return ""
        score, story_id = min((-candidate.score, candidate.story_id) for candidate in candidates)
        return story_id if -score >= self.model.join_from else ""

    def _story(self, card: _Card, terms: tuple[str, ...]) -> Story:
        return Story(
            story_id=card.story_id,
            language=self.language,
            headline=card.headline(),
            key_terms=terms,
            founder=card.founder,
            first_time=card.first_time,
            last_time=card.last_time,
            articles=card.articles,
            usable_articles=card.articles - card.out,
            providers=tuple(sorted(card.providers)),
            merged_into=card.merged_into,
        )

    def _key_terms(self, card: _Card) -> tuple[str, ...]:
        if card.row >= 0:
            heavy = self._heaviest_terms(card.row)
        elif card.ending is not None:
            heavy = card.ending
        else:
            return card.key_terms
        return key_terms(heavy, card.headlines(), self.language)

    def _heaviest_terms(self, row: int) -> Vector:
        """The heaviest terms of a live story, by id."""
        places, weights = heaviest(self._live.vector(row), INDEXED_TERMS, self._vocabulary)
        return Vector(self._vocabulary.terms(places), weights.copy())

    def _open(self, placement: Placement) -> str:
        slip = placement.slip
        story = Story(
            story_id=story_id_of(self.language, slip.article_id),
            language=self.language,
            headline=slip.headline,
            key_terms=(),
            founder=slip.article_id,
            first_time=slip.event_time,
            last_time=slip.event_time,
            articles=1,
            usable_articles=1,
            providers=(slip.provider,),
        )
        card = self._cards[story.story_id] = _Card(story)
        time = slip.event_time
        facts = {ARTICLES: 1, LAST_TIME: time, MEAN_TIME: time, BEST_COSINES: 0, LONGEST_BODY: slip.body_length}
        self._enter(card, placement.vector, facts)
        return story.story_id

    def _enter(self, card: _Card, vector: Vector, facts: dict[int, int]) -> None:
        card.row = self._live.open(card.story_id, vector, facts)
        self._index.put(card.row, vector)
        self._note(card)

    def _note(self, card: _Card) -> None:
        """Remember whose row it is, when it ends, and whether it is to be looked at again."""
        self._card_of[card.row] = card
        heappush(self._expiry, (card.last_time, card.story_id))
        if card.second_look:
            self._plan_second_look(card)

    def _join(self, card: _Card, placement: Placement) -> None:
        slip, row = placement.slip, card.row
        central = self._central(card)
        self._live.add(row, placement.vector, 1)
        facts = self._live.facts[row]
        facts[MEAN_TIME] += (slip.event_time - int(facts[MEAN_TIME])) // min(int(facts[ARTICLES]), MEAN_OVER)
        facts[LAST_TIME] = max(slip.event_time, int(facts[LAST_TIME]))
        facts[BEST_COSINES] += placement.candidates[0].cosine
        facts[LONGEST_BODY] = max(slip.body_length, int(facts[LONGEST_BODY]))
        self._index.put(row, self._live.vector(row))
        central.dot += self._dot(central.vector, placement.vector)
        own = heaviest(placement.vector, CENTRAL_TERMS, self._vocabulary)
        card.articles += 1
        rival = _Central(slip.headline, own, self._dot(own, self._live.vector(row)))
        self._crown(card, central, rival, card.articles)
        card.last_time = max(slip.event_time, card.last_time)
        card.last_headline = slip.headline
        card.providers[slip.provider] = None
        card.second_look = False

    def _central(self, card: _Card) -> _Central:
        """A story's most central article; of one article, that one."""
        if card.central is not None:
            return card.central
        own = heaviest(self._live.vector(card.row), CENTRAL_TERMS, self._vocabulary)
        own = Vector(own.places.copy(), own.weights.astype(np.int64))
        return _Central(card.first_headline, own, int(own.weights.dot(own.weights)))

    @staticmethod
    def _crown(card: _Card, before: _Central, other: _Central, articles: int) -> None:
        """Keep the more central of two; ties: the one that was so before, the founder to begin with."""
        card.central = other if other.dot > before.dot and articles > 2 else before

    def _dot(self, one: Vector, other: Vector) -> int:
        scratch = self._scratch.data
        scratch[other.places] = other.weights
        dot = int(scratch.take(one.places).dot(one.weights))
        scratch[other.places] = 0
        return dot

    def _merge_like(self, story_id: str, candidates: Sequence[Candidate]) -> None:
        """Merge the story that an article has joined with others that fit the article as well."""
        enough = self.model.join_from + MERGE_ABOVE
        others = [found for found in candidates if found.story_id != story_id and found.score >= enough]
        for other in sorted(others, key=lambda found: (-found.score, found.story_id)):
            one, two = self._cards[self.survivor(story_id)], self._cards[other.story_id]
            cosine = self._story_cosine(one.row, two.row)
            if cosine >= MERGE_COSINE:
                self._merge(one, two, cosine)

    def _story_cosine(self, row: int, other: int) -> int:
        """Of two live stories, millionths."""
        dot = self._dot(self._live.vector(row), self._live.vector(other))
        squares = int(self._live.facts[row, SQUARE]) * int(self._live.facts[other, SQUARE])
        return MILLION * dot // max(math.isqrt(squares), 1)

    def _merge(self, one: _Card, other: _Card, cosine: int) -> None:
        """Make two live stories one: the older survives (ties: the smaller id)."""
        if (other.first_time, other.story_id) < (one.first_time, one.story_id):
            one, other = other, one
        live = self._live
        mine, theirs = live.facts[one.row], live.facts[other.row]
        central, rival = self._central(one), self._central(other)
        central.dot += self._dot(central.vector, live.vector(other.row))
        rival.dot += self._dot(rival.vector, live.vector(one.row))
        self._crown(one, central, rival, one.articles + other.articles)
        articles = int(mine[ARTICLES]), int(theirs[ARTICLES])
        times = int(mine[MEAN_TIME]) * articles[0] + int(theirs[MEAN_TIME]) * articles[1]
        mine[MEAN_TIME] = times // sum(articles)
        mine[LAST_TIME] = max(int(mine[LAST_TIME]), int(theirs[LAST_TIME]))
        mine[BEST_COSINES] += int(theirs[BEST_COSINES]) + cosine
        mine[LONGEST_BODY] = max(int(mine[LONGEST_BODY]), int(theirs[LONGEST_BODY]))
        if other.last_time >= one.last_time:
            one.last_headline = other.last_headline
        other.merged_into = one.story_id
        self._merged.append(other.story_id)
        live.add(one.row, live.vector(other.row), articles[1])
        self._end([other])
        self._index.put(one.row, live.vector(one.row))
        one.articles += other.articles
        one.out += other.out
        one.last_time = max(one.last_time, other.last_time)
        one.providers |= other.providers
        one.second_look = False
        self._touched |= {one.story_id, other.story_id}

    def _note_neighbours(self, story_id: str, candidates: Sequence[Candidate]) -> None:
        """An article came near to stories and went elsewhere: those of this one day's one article deserve a second
        look."""
        today = self._now // DAY
        for found in candidates:
            if found.cosine < NEIGHBOUR_COSINE:
                break
            card = self._cards[found.story_id]
            if card.articles == 1 and card.row >= 0 and not card.second_look and card.first_time // DAY == today:
                card.second_look = True
                self._eyed.add(card.story_id)
                self._plan_second_look(card)

    def _plan_second_look(self, card: _Card) -> None:
        heappush(self._second_looks, (card.first_time // DAY, card.story_id))

    def _look_again(self) -> None:
        """Place again some stories of a day gone by that are still of one article."""
        looked = 0
        while self._second_looks and looked < SECOND_LOOKS and self._second_looks[0][0] < self._now // DAY:
            card = self._cards.get(heappop(self._second_looks)[1])
            if card is None or card.row < 0 or not card.second_look:
                continue
            card.second_look = False
            self._eyed.add(card.story_id)
            looked += 1
            live = self._live
            vector, facts = live.vector(card.row), live.facts[card.row]
            candidates = self._candidates(vector, int(facts[LAST_TIME]), int(facts[LONGEST_BODY]), card.row)
            choice = self._choice(candidates)
            self._second_looked.append(SecondLook(card.story_id, candidates, choice))
            if choice:
                self._merge(card, self._cards[choice], candidates[0].cosine)

    def _advance(self, time: int) -> None:
        """Move the desk's clock, which never goes back, and let stories expire by it."""
        if time <= self._now:
            return
        self._now = time
        self._rarity.advance(time)
        ended = []
        while self._expiry and self._expiry[0][0] + LIFE < time:
            last_time, story_id = heappop(self._expiry)
            card = self._cards.get(story_id)
            if card is None or card.row < 0:  # it has merged
                continue
            if card.last_time > last_time:  # it went on since
                heappush(self._expiry, (card.last_time, story_id))
                continue
            ended.append(card)
        if ended:
            self._end(ended)

    def _end(self, cards: Sequence[_Card]) -> None:
        """Stories that no article can join any more."""
        for card in cards:
            card.ending = self._heaviest_terms(card.row)
            self._closed.add(card.story_id)
            self._index.drop(card.row)
            del self._card_of[card.row]
        self._live.close([card.row for card in cards])
        for card in cards:
            card.row = -1


def in_order(slip: Slip) -> tuple[int, str, int, str]:
    """The order in which a desk takes slips."""
    return slip.event_time, slip.article_id, slip.version, slip.version_key
