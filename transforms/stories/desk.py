"""Keying articles by story, online, one language at a time.

In: settled slips of one language. Out: a `Decision` for each and a `Story` for each story. An article joins the live
story that fits it best, or opens one. The keys depend on the articles and their event times only: slips are handled in
order of (event time, article id, version), state is integers, ties go to the smaller id, stories expire in event time.

What a desk knows at the end of a run is its `entries`; a desk that `resume`s them goes on exactly as one that never
stopped.

What the desk does for an article is split in two: `look` computes everything that can fail and changes nothing that
shows; `take` changes state and can't fail. So a slip that can't be keyed leaves no trace.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from transforms.article import KNOWN, Decision, Slip, Story
from transforms.ledger import DeskClock, Entry, LiveState, StoryEntry, TermCounts
from transforms.stories.candidates import Index, heaviest
from transforms.stories.features import MILLION, LocalRarity, StoryView, cosine, feature_rows, matches
from transforms.stories.keyterms import key_terms
from transforms.stories.model import SHIPPED, SHIPPED_ESTIMATED, Model, load_model
from transforms.stories.tables import DATA, TermTable, load_table
from transforms.stories.terms import unpack
from transforms.stories.vectors import DAY, Rarity, Vector, combine, vector
from transforms.versions import known_article

# Chosen with the prototype on labelled news. A 4-day life gains nothing.
LIFE = 6 * DAY
LEAST_COSINE = 0.08
CANDIDATES = 8
TRIM_FROM = 200
TRIM_TO = 120
MEAN_OVER = 8
"""The mean time moves by 1/min(articles, 8) of the gap, so that it follows a story that runs on."""

_BEFORE_ALL = -(1 << 62)


# To be raised with every change by which the desk keys otherwise from the same tables and models.
DESK_VERSION = 1


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
    features: Sequence[float]
    score: int
    """Millionths of log odds; 0 where the desk has no model."""


class Placement(NamedTuple):
    """What `look` found out about an article."""

    slip: Slip
    terms: dict[int, int]
    vector: Vector
    best_cosine: int
    """Millionths."""
    candidates: Sequence[Candidate]
    """In order of falling cosine; ties: the smaller id."""
    choice: str
    """The story to join; "" to open one."""


class _Live:
    """A live story: the state that deciding needs."""

    __slots__ = (
        "articles",
        "best_cosines",
        "headlines",
        "last_time",
        "longest_body",
        "mean_time",
        "square",
        "vector",
    )

    def __init__(self, state: LiveState, articles: int, last_time: int) -> None:
        self.vector = dict(state.vector)
        self.square = sum(weight * weight for weight in self.vector.values())
        self.articles = articles
        self.last_time = last_time
        self.mean_time = state.mean_time
        self.best_cosines = state.best_cosines
        self.longest_body = state.longest_body
        self.headlines = list(state.headlines)

    def state(self) -> LiveState:
        return LiveState(self.vector, self.mean_time, self.best_cosines, self.longest_body, tuple(self.headlines))

    def view(self) -> StoryView:
        return StoryView(
            self.vector,
            self.square,
            self.articles,
            self.last_time,
            self.mean_time,
            self.best_cosines,
            self.longest_body,
        )


class _Card:
    """What is known of a story for good: it outlives the story's expiry."""

    __slots__ = ("articles", "first_time", "founder", "headline", "key_terms", "last_time", "out", "providers")

    def __init__(self, story: Story) -> None:
        self.headline = story.headline
        self.founder = story.founder
        self.first_time = story.first_time
        self.last_time = story.last_time
        self.articles = story.articles
        self.out = story.articles - story.usable_articles
        self.providers = dict.fromkeys(story.providers)
        self.key_terms = story.key_terms


class Desk:
    """The story desk of one language. Give it slips in order of (event time, article id, version).

    `language` is a primary subtag. `model` and `table` are the shipped ones unless given.
    """

    def __init__(self, language: str, *, model: Model | None = None, table: TermTable | None = None) -> None:
        self.language = language
        table = load_table(language) if table is None else table
        self.model = load_model(SHIPPED if table.measured else SHIPPED_ESTIMATED) if model is None else model
        self._rarity = Rarity(table)
        self._index = Index()
        self._live: dict[str, _Live] = {}
        self._stories_with: dict[int, int] = {}
        self._local = LocalRarity(self._stories_with)
        self._expiry: list[tuple[int, str]] = []
        self._now = _BEFORE_ALL
        self._cards: dict[str, _Card] = {}
        self._story_of: dict[str, str] = {}
        self._counted: set[str] = set()
        self._touched: set[str] = set()
        self._closed: set[str] = set()

    def resume(self, entries: Iterable[Entry]) -> None:
        """Take up, before the first slip, what an earlier desk's `entries` gave."""
        for entry in entries:
            if isinstance(entry, TermCounts):
                self._rarity.resume(entry.day, entry.articles, entry.counts)
            elif isinstance(entry, DeskClock):
                self._now = entry.clock
            elif isinstance(entry, StoryEntry):
                story, state = entry
                self._cards[story.story_id] = _Card(story)
                if state is not None:
                    self._enter(story.story_id, _Live(state, story.articles, story.last_time))
            else:
                raise ValueError(f"a desk can't resume {type(entry).__name__}")
        if self._now > _BEFORE_ALL:
            self._rarity.advance(self._now)

    def entries(self) -> Iterator[Entry]:
        """What the next run's desk has to know, in no particular order: live stories, those that this run closed or
        changed after their end, counted terms, the clock."""
        for story_id in self._cards:
            live = self._live.get(story_id)
            if live is not None:
                yield StoryEntry(self._story(story_id)._replace(key_terms=()), live.state())
            elif story_id in self._closed or story_id in self._touched:
                yield StoryEntry(self._story(story_id), None)
        for day, articles, counts in self._rarity.counted():
            yield TermCounts(self.language, day, articles, counts)
        yield DeskClock(self.language, self._now)

    def handle(self, slip: Slip) -> str:
        """The story of a slip: found or opened by an article's first version, kept by later ones and in later runs.

        Raises what reading the slip raises (ValueError for packed terms that can't be read), and LookupError for a
        later version of an article that has no story; the desk is unchanged then.
        """
        if slip.story_id:
            story_id = slip.story_id
        elif slip.version != 1:
            found = self._story_of.get(slip.article_id)
            if found is None:
                raise LookupError(f"version {slip.version} came without a first version that has a story")
            story_id = found
        else:
            placement = self.look(slip)
            story_id = self.take(placement, placement.choice)
        if slip.article_id not in self._counted:
            self._counted.add(slip.article_id)
            card = self._cards.get(story_id)
            # A story that ended before what is remembered has no card: its counts can't be told any more.
            if slip.usable != slip.was_usable and card is not None:
                card.out += 1 if slip.was_usable else -1
                self._touched.add(story_id)
        return story_id

    def look(self, slip: Slip) -> Placement:
        """Find the candidates of an article and choose among them.

        The one thing that changes is what expires by the article's event time, which no later slip could see.
        """
        terms = combine(unpack(slip.headline_terms), unpack(slip.body_terms))
        self._advance(slip.event_time)
        article = vector(self._rarity.weights(terms))
        near = []
        for story_id in self._index.shortlist(article):
            live = self._live[story_id]
            shared = matches(article, live.vector)
            value = cosine(sum(product for product, _ in shared), live.square)
            if value >= LEAST_COSINE:
                near.append((-value, story_id, live, shared))
        near.sort(key=lambda found: found[:2])
        del near[CANDIDATES:]
        rows = feature_rows(
            article,
            slip.event_time,
            slip.body_length,
            [(live.view(), shared) for _, _, live, shared in near],
            self._local,
            len(self._live),
        )
        score = self.model.score
        candidates = [Candidate(found[1], row, score(row)) for found, row in zip(near, rows, strict=True)]
        choice = ""
        if candidates:
            # The highest score; ties: the smaller id.
            best, choice = min((-candidate.score, candidate.story_id) for candidate in candidates)
            if -best < self.model.join_from:
                choice = ""
        best_cosine = round(-near[0][0] * MILLION) if near else 0
        return Placement(slip, terms, article, best_cosine, candidates, choice)

    def take(self, placement: Placement, choice: str) -> str:
        """Put an article that was looked at into story `choice`, or open one for it ("")."""
        slip = placement.slip
        self._rarity.count(placement.terms, slip.event_time)
        story_id = choice or story_id_of(self.language, slip.article_id)
        if choice:
            self._join(story_id, placement)
        else:
            self._open(story_id, placement)
        self._story_of[slip.article_id] = story_id
        self._touched.add(story_id)
        return story_id

    def stories(self) -> list[Story]:
        """Every story that this run has changed, by id."""
        return [self._story(story_id) for story_id in sorted(self._touched)]

    def live(self) -> int:
        """How many stories are live."""
        return len(self._live)

    def _story(self, story_id: str) -> Story:
        card = self._cards[story_id]
        live = self._live.get(story_id)
        return Story(
            story_id=story_id,
            language=self.language,
            headline=card.headline,
            key_terms=card.key_terms if live is None else key_terms(live.vector, live.headlines, self.language),
            founder=card.founder,
            first_time=card.first_time,
            last_time=card.last_time,
            articles=card.articles,
            usable_articles=card.articles - card.out,
            providers=tuple(sorted(card.providers)),
        )

    def _open(self, story_id: str, placement: Placement) -> None:
        slip = placement.slip
        self._cards[story_id] = _Card(
            Story(
                story_id=story_id,
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
        )
        state = LiveState(placement.vector, slip.event_time, 0, slip.body_length, (slip.headline,))
        self._enter(story_id, _Live(state, 1, slip.event_time))

    def _enter(self, story_id: str, live: _Live) -> None:
        self._live[story_id] = live
        self._hold(live.vector)
        self._index.put(story_id, live.vector, live.square)
        heappush(self._expiry, (live.last_time, story_id))

    def _join(self, story_id: str, placement: Placement) -> None:
        slip = placement.slip
        live = self._live[story_id]
        total = live.vector
        square = live.square
        new = []
        for term, weight in placement.vector.items():
            old = total.get(term, 0)
            if not old:
                new.append(term)
            total[term] = old + weight
            square += weight * (2 * old + weight)
        self._hold(new)
        if len(total) > TRIM_FROM:
            kept = heaviest(total, TRIM_TO)
            live.vector = {term: total.pop(term) for term in kept}
            self._let_go(total)
            square = sum(weight * weight for weight in live.vector.values())
        live.square = square
        live.articles += 1
        live.mean_time += (slip.event_time - live.mean_time) // min(live.articles, MEAN_OVER)
        live.last_time = max(live.last_time, slip.event_time)
        live.best_cosines += placement.best_cosine
        live.longest_body = max(live.longest_body, slip.body_length)
        live.headlines.append(slip.headline)
        self._index.put(story_id, live.vector, live.square)
        card = self._cards[story_id]
        card.articles += 1
        card.last_time = live.last_time
        card.providers[slip.provider] = None

    def _hold(self, terms: Iterable[int]) -> None:
        stories_with = self._stories_with
        for term in terms:
            stories_with[term] = stories_with.get(term, 0) + 1

    def _let_go(self, terms: Iterable[int]) -> None:
        stories_with = self._stories_with
        for term in terms:
            left = stories_with[term] - 1
            if left:
                stories_with[term] = left
            else:
                del stories_with[term]

    def _advance(self, time: int) -> None:
        """Move the desk's clock, which never goes back, and let stories expire by it."""
        if time <= self._now:
            return
        self._now = time
        self._rarity.advance(time)
        while self._expiry and self._expiry[0][0] + LIFE < time:
            _, story_id = heappop(self._expiry)
            live = self._live[story_id]
            if live.last_time + LIFE >= time:  # it went on since
                heappush(self._expiry, (live.last_time, story_id))
                continue
            self._cards[story_id].key_terms = key_terms(live.vector, live.headlines, self.language)
            self._closed.add(story_id)
            del self._live[story_id]
            self._index.drop(story_id)
            self._let_go(live.vector)


def key_by_story(
    desk_language: str, slips: Iterable[Slip], entries: Iterable[Entry] = (), model: Model | None = None
) -> Iterator[Decision | Story | Entry]:
    """Key all slips of one language: a `Decision` for each version to write or count, the changed `Story`s by id, and
    the ledger's entries for the next run, given those of the last.

    The order in which slips arrive does not matter. A slip that can't be keyed gives a `Decision` with an error and
    no story, and so do the other versions of its article.
    """
    desk = Desk(desk_language, model=model)
    desk.resume(entries)
    keyed: dict[str, tuple[str, list[Slip]]] = {}
    for slip in sorted(slips, key=lambda slip: (slip.event_time, slip.article_id, slip.version, slip.version_key)):
        story_id, error = "", ""
        try:
            story_id = desk.handle(slip)
        except Exception as failure:  # whatever is wrong with one slip must not end the run
            error = f"{type(failure).__name__}: {failure}"
        else:
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
        )
    yield from desk.stories()
    for story_id, versions in keyed.values():
        yield known_article(sorted(versions, key=lambda slip: slip.version), story_id)
    yield from desk.entries()
