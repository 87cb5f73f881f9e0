"""The ledger: what a run hands on, so that the next one goes on exactly where it ended.

In: what settling and keying know at the end of a run. Out: rows of the data set `ledger`, and from such rows the same
knowledge again. A row is one entry: an article with its versions, a story, counted terms, or a desk's clock. Entries of
the kinds in DELTA say what one run changed and are read back over many runs, where the newest wins; the others are a
snapshot of the desks, and only the newest run's count.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import fastavro

from schemas import Schema, data_set, fingerprint_of, parsed
from transforms.article import Story
from transforms.rows import Encoder

ARTICLE = "article"
CLOSED_STORY = "closed_story"
LIVE_STORY = "live_story"
TERMS = "terms"
DESK = "desk"

DELTA = frozenset([ARTICLE, CLOSED_STORY])

# A term takes about 5 bytes, so that a row stays far below what any reader takes, whatever a desk has counted.
TERMS_A_ROW = 100_000


class LedgerRow(NamedTuple):
    """An entry as it travels: encoded, with what it is found by."""

    kind: str
    key: str
    desk: str
    as_of: int
    """Of the run that wrote it, microseconds UTC; 0 for one that is being written."""
    data: bytes


class KnownVersion(NamedTuple):
    """A version of an article that a run has written."""

    version_key: str
    stated_time: int
    """Microseconds UTC."""
    version_number: int
    pub_status: str
    language: str


class KnownArticle(NamedTuple):
    """An article that a run has written, with all its versions so far in order."""

    article_id: str
    desk: str
    story_id: str
    versions: tuple[KnownVersion, ...]


class LiveState(NamedTuple):
    """What a desk needs to go on with a live story; times in microseconds UTC."""

    vector: dict[int, int]
    mean_time: int
    best_cosines: int
    longest_body: int
    headlines: tuple[str, ...]


class StoryEntry(NamedTuple):
    """A story; `live` is None once articles can no longer join it. The story's own key_terms count only then."""

    story: Story
    live: LiveState | None


class TermCounts(NamedTuple):
    """In how many articles each term was, of one day (days since 1970-01-01 UTC) or since the desk began (None)."""

    language: str
    day: int | None
    articles: int
    counts: dict[int, int]


class DeskClock(NamedTuple):
    """The event time that a desk has come to, microseconds UTC."""

    language: str
    clock: int


Entry = KnownArticle | StoryEntry | TermCounts | DeskClock

_NOTHING: dict[str, Any] = {
    field["name"]: [] if isinstance(field["type"], dict) else None for field in data_set("ledger").schema["fields"]
}


@functools.cache
def _encoder() -> Encoder:
    return Encoder("ledger")


def encode(entry: Entry) -> Iterator[LedgerRow]:
    """The rows of an entry: one, or several for a vocabulary of more than TERMS_A_ROW terms."""
    if isinstance(entry, KnownArticle):
        versions = [version._asdict() for version in entry.versions]
        yield _row(ARTICLE, entry.article_id, entry.desk, story_id=entry.story_id, versions=versions)
    elif isinstance(entry, StoryEntry):
        yield _story_row(entry)
    elif isinstance(entry, DeskClock):
        yield _row(DESK, entry.language, entry.language, clock=entry.clock)
    else:
        ordered = sorted(entry.counts.items())
        for part, start in enumerate(range(0, max(len(ordered), 1), TERMS_A_ROW)):
            terms, numbers = _columns(dict(ordered[start : start + TERMS_A_ROW]))
            # The articles stand in the first row only, so that rows can be added up.
            yield _row(
                TERMS, entry.language, entry.language, articles=0 if part else entry.articles, day=entry.day,
                part=part, terms=terms, numbers=numbers,
            )  # fmt: skip


def decode(row: LedgerRow) -> Entry:
    """The entry of a row. Raises ValueError for one that no run can have written."""
    fields = fastavro.schemaless_reader(io.BytesIO(row.data), _schema(), None)
    kind = fields["kind"]
    if kind == ARTICLE:
        versions = tuple(KnownVersion(**version) for version in fields["versions"])
        return KnownArticle(fields["key"], fields["desk"], fields["story_id"], versions)
    if kind == TERMS:
        return TermCounts(fields["key"], fields["day"], fields["articles"], _counts(fields))
    if kind == DESK:
        return DeskClock(fields["key"], fields["clock"])
    if kind not in (CLOSED_STORY, LIVE_STORY):
        raise ValueError(f"a ledger entry of the unknown kind {kind!r}")
    story = Story(
        story_id=fields["key"],
        language=fields["desk"],
        headline=fields["headline"],
        key_terms=tuple(fields["key_terms"]),
        founder=fields["founder"],
        first_time=fields["first_time"],
        last_time=fields["last_time"],
        articles=fields["articles"],
        usable_articles=fields["usable_articles"],
        providers=tuple(fields["providers"]),
        merged_into=fields["merged_into"] or "",
    )
    if kind == CLOSED_STORY:
        return StoryEntry(story, None)
    times = fields["mean_time"], fields["best_cosines"], fields["longest_body"]
    return StoryEntry(story, LiveState(_counts(fields), *times, tuple(fields["headlines"])))


def decode_article(row: LedgerRow) -> KnownArticle:
    """The article of a row of that kind."""
    entry = decode(row)
    if not isinstance(entry, KnownArticle):
        raise ValueError(f"a ledger entry of kind {row.kind!r} is no article")
    return entry


def split(block: bytes, as_of: int, schema: Schema) -> Iterator[LedgerRow]:
    """The rows of an uncompressed block of a ledger file that was written with `schema`, encoded as they are now."""
    older = None if fingerprint_of(schema) == data_set("ledger").fingerprint else parsed(schema)
    data = io.BytesIO(block)
    start = 0
    while start < len(block):
        fields = fastavro.schemaless_reader(data, older or _schema(), _schema() if older else None)
        end = data.tell()
        encoded = _encoder().encode(fields) if older else block[start:end]
        yield LedgerRow(fields["kind"], fields["key"], fields["desk"], as_of, encoded)
        start = end


@functools.cache
def _schema() -> Any:
    whole = data_set("ledger")
    return whole.part(whole.field_names())


def _story_row(entry: StoryEntry) -> LedgerRow:
    story, live = entry
    fields = {name: getattr(story, name) for name in ("headline", "founder", "first_time", "last_time", "articles")}
    fields |= {
        "usable_articles": story.usable_articles,
        "providers": list(story.providers),
        "merged_into": story.merged_into or None,
    }
    if live is None:
        fields["key_terms"] = list(story.key_terms)
        return _row(CLOSED_STORY, story.story_id, story.language, **fields)
    terms, numbers = _columns(live.vector)
    return _row(
        LIVE_STORY, story.story_id, story.language, **fields, mean_time=live.mean_time, best_cosines=live.best_cosines,
        longest_body=live.longest_body, headlines=list(live.headlines), terms=terms, numbers=numbers,
    )  # fmt: skip


def _row(kind: str, key: str, desk: str, **fields: Any) -> LedgerRow:
    record = {**_NOTHING, "kind": kind, "key": key, "desk": desk, **fields}
    return LedgerRow(kind, key, desk, 0, _encoder().encode(record))


def _columns(counts: Mapping[int, int]) -> tuple[list[int], list[int]]:
    """Terms in rising order as differences, and the number of each."""
    terms = sorted(counts)
    return [term - before for term, before in zip(terms, [0, *terms], strict=False)], [counts[term] for term in terms]


def _counts(fields: Mapping[str, Any]) -> dict[int, int]:
    return dict(zip(itertools.accumulate(fields["terms"]), fields["numbers"], strict=True))
