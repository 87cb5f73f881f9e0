"""The ledger: what a run hands on, so that the next one goes on exactly where it ended.

In: what settling and keying know at the end of a run. Out: rows of the data set `ledger`, and from such rows the same
knowledge again. A row is one entry: an article with its versions (once for each item that delivered one), a story,
counted terms, where a desk stands, or an item that is held until its embargo ends. Entries of the kinds in DELTA say
what one run changed and are looked up over many runs, where the newest wins. Those of a desk are a snapshot of it, or
changes that are added to the ones before.
"""

from __future__ import annotations

import binascii
import functools
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import fastavro

from schemas import Schema, data_set, fingerprint_of, parsed
from transforms.article import NO_ENVELOPE, Envelope, Header, Story
from transforms.rows import Encoder

ARTICLE = "article"
CLOSED_STORY = "closed_story"
LIVE_STORY = "live_story"
ENDED_STORY = "ended_story"
TERMS = "terms"
DESK = "desk"
HELD = "held"

DELTA = frozenset([ARTICLE, CLOSED_STORY])

# What a file of a partition holds; it is named after that, and one of a desk after its language too.
CHANGED, MERGED, SNAPSHOT, CHANGES = "delta", "merged", "snapshot", "changes"


class LedgerRow(NamedTuple):
    """An entry as it travels: encoded, with what it is found by."""

    kind: str
    key: str
    desk: str
    as_of: int
    """Of the run that wrote it, microseconds UTC; 0 for one that is being written."""
    data: bytes
    file: str = ""
    """Of a row that is being written, what kind of file it goes to: one of those above, or `held`."""


class EarlierRuns(Protocol):
    """What earlier runs have left, as far back as it is remembered."""

    def rows(self, kind: str, keys: Iterable[str]) -> Iterable[LedgerRow]:
        """The rows of some keys, of a kind in DELTA; of several of one key the newest."""

    def files(self, language: str) -> tuple[str, ...]:
        """The files that the last run with news for a desk has left of it, relative to the output folder; none for a
        desk that no run has had."""

    def state(self, language: str) -> str:
        """The `state` that these files tell."""

    def desk(self, language: str) -> list[list[LedgerRow]]:
        """The rows of a desk, run by run: its newest snapshot, then all changes since."""


class KnownVersion(NamedTuple):
    """A version of an article that a run has written."""

    version_key: str
    stated_time: int
    """Microseconds UTC."""
    version_number: int
    pub_status: str
    language: str
    item_id: str
    """Of the item that delivered it: the article's, or of one that evolved from it."""


class KnownArticle(NamedTuple):
    """An article that a run has written, with all its versions so far in order."""

    article_id: str
    desk: str
    story_id: str
    versions: tuple[KnownVersion, ...]

    def items(self) -> list[str]:
        """The items whose versions it has, sorted; the article's own is not always among them."""
        return sorted({version.item_id for version in self.versions})

    def is_linked(self) -> bool:
        """True where it has versions of other items than its own."""
        return self.items() != [self.article_id]


class LiveState(NamedTuple):
    """What a desk needs to go on with a live story; times in microseconds UTC."""

    terms: bytes
    """Its vector's term ids and weights, as `transforms.stories.packing` packs them."""
    numbers: bytes
    mean_time: int
    best_cosines: int
    longest_body: int
    headlines: tuple[str, str, str]
    """Of its most central, its first and its last article."""
    second_look: bool
    central_terms: bytes
    """The heaviest terms of the most central article, packed alike; empty for a story of one article."""
    central_numbers: bytes
    central_dot: int


class StoryEntry(NamedTuple):
    """A story; `live` is None once articles can no longer join it. Only then it has key_terms: those of a live story
    follow from its state."""

    story: Story
    live: LiveState | None


class TermCounts(NamedTuple):
    """In how many articles each term was, of one day (days since 1970-01-01 UTC) or since the desk began (None).

    A large vocabulary takes several of them, which add up.
    """

    language: str
    day: int | None
    part: int
    """0, 1, …"""
    articles: int
    """How many were counted; 0 but for the first part."""
    terms: bytes
    """Term ids and counts, as `transforms.stories.packing` packs them."""
    numbers: bytes


class EndedStory(NamedTuple):
    """A story that the entries before have as a live one, and that no article can join any more."""

    language: str
    story_id: str


class DeskState(NamedTuple):
    """Where a desk stands at the end of a run."""

    language: str
    clock: int
    """The event time that it has come to, microseconds UTC."""
    state: str = ""
    """A hash of all that it has taken and left so far."""
    before: tuple[str, ...] = ()
    """The files that its other entries are to be added to, relative to the output folder; none for a snapshot."""


class HeldItem(NamedTuple):
    """An entry that is left out until its embargo ends, with all that it takes to read it again."""

    uri: str
    position: int
    arrived: int
    """Microseconds UTC."""
    payload: bytes
    envelope: Envelope = NO_ENVELOPE


DeskEntry = StoryEntry | EndedStory | TermCounts | DeskState
Entry = KnownArticle | DeskEntry | HeldItem

_NOTHING: dict[str, Any] = {
    field["name"]: [] if isinstance(field["type"], dict) else None for field in data_set("ledger").schema["fields"]
}


@functools.cache
def _encoder() -> Encoder:
    return Encoder("ledger")


def encode_article(article: KnownArticle) -> Iterator[LedgerRow]:
    """The rows of an article: one for each item that it is found by."""
    versions = [version._asdict() for version in article.versions]
    for item_id in sorted({article.article_id, *article.items()}):
        yield _row(
            ARTICLE,
            item_id,
            article.desk,
            story_id=article.story_id,
            article_id=None if item_id == article.article_id else article.article_id,
            versions=versions,
        )


def encode(entry: Entry) -> LedgerRow:
    """The row of an entry; of an article, that of its own item."""
    if isinstance(entry, KnownArticle):
        return next(row for row in encode_article(entry) if row.key == entry.article_id)
    if isinstance(entry, StoryEntry):
        return _story_row(entry)
    if isinstance(entry, EndedStory):
        return _row(ENDED_STORY, entry.story_id, entry.language)
    if isinstance(entry, DeskState):
        standing = {"clock": entry.clock, "state": entry.state or None, "before": " ".join(entry.before) or None}
        return _row(DESK, entry.language, entry.language, **standing)
    if isinstance(entry, HeldItem):
        place = {"uri": entry.uri, "position": entry.position, "arrived": entry.arrived}
        digest = hashlib.blake2b(entry.payload, digest_size=8).hexdigest()
        key = f"{entry.uri}#{entry.position}#{digest}"
        return _row(HELD, key, "", **place, payload_base64=_text(entry.payload), **_envelope_fields(entry.envelope))
    counted = {"day": entry.day, "part": entry.part, "articles": entry.articles}
    packed = {"terms_base64": _text(entry.terms), "numbers_base64": _text(entry.numbers)}
    return _row(TERMS, entry.language, entry.language, **counted, **packed)


def decode(row: LedgerRow) -> Entry:
    """The entry of a row. Raises ValueError for one that no run can have written."""
    fields = fastavro.schemaless_reader(io.BytesIO(row.data), _schema(), None)
    kind = fields["kind"]
    if kind == ARTICLE:
        versions = tuple(KnownVersion(**version) for version in fields["versions"])
        return KnownArticle(fields["article_id"] or fields["key"], fields["desk"], fields["story_id"], versions)
    if kind == TERMS:
        counted = fields["day"], fields["part"], fields["articles"]
        return TermCounts(fields["key"], *counted, _bytes(fields["terms_base64"]), _bytes(fields["numbers_base64"]))
    if kind == DESK:
        return DeskState(fields["key"], fields["clock"], fields["state"] or "", tuple((fields["before"] or "").split()))
    if kind == ENDED_STORY:
        return EndedStory(fields["desk"], fields["key"])
    if kind == HELD:
        place = fields["uri"], fields["position"], fields["arrived"]
        return HeldItem(*place, _bytes(fields["payload_base64"]), _envelope(fields))
    if kind not in (CLOSED_STORY, LIVE_STORY):
        raise ValueError(f"a ledger entry of the unknown kind {kind!r}")
    headlines = fields["headlines"]
    story = Story(
        story_id=fields["key"],
        language=fields["desk"],
        headline=headlines[0] if headlines else fields["headline"],
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
    live = LiveState(
        terms=_bytes(fields["terms_base64"]),
        numbers=_bytes(fields["numbers_base64"]),
        mean_time=fields["mean_time"],
        best_cosines=fields["best_cosines"],
        longest_body=fields["longest_body"],
        headlines=(headlines[0], headlines[len(headlines) // 2], headlines[-1]),
        second_look=fields["second_look"],
        central_terms=_bytes(fields["central_terms_base64"]),
        central_numbers=_bytes(fields["central_numbers_base64"]),
        central_dot=fields["central_dot"] or 0,
    )
    return StoryEntry(story, live)


def decode_article(row: LedgerRow) -> KnownArticle:
    """The article of a row of that kind."""
    entry = decode(row)
    if not isinstance(entry, KnownArticle):
        raise ValueError(f"a ledger entry of kind {row.kind!r} is no article")
    return entry


def net(runs: Iterable[Iterable[LedgerRow]]) -> list[LedgerRow]:
    """What a desk takes up, of the rows of its snapshot and of the changes since, run by run, the oldest first."""
    stories: dict[str, LedgerRow] = {}
    counted: list[LedgerRow] = []
    standing: dict[str, LedgerRow] = {}
    for rows in runs:
        for row in rows:
            if row.kind == LIVE_STORY:
                stories[row.key] = row
            elif row.kind == ENDED_STORY:
                stories.pop(row.key, None)
            elif row.kind == TERMS:
                counted.append(row)
            else:
                standing[row.key] = row
    return [*stories.values(), *counted, *standing.values()]


def stamped(row: LedgerRow) -> LedgerRow:
    """The row as it stands among those of other runs: with its own `as_of`, the schema's last field."""
    if not row.data.endswith(_NO_TIME):
        return row
    return row._replace(data=row.data.removesuffix(_NO_TIME) + _a_time(row.as_of))


# How the last field is written where it is null; a time never ends in this byte.
_NO_TIME = b"\0"


@functools.lru_cache(maxsize=1024)
def _a_time(time: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, data_set("ledger").part(["run_as_of"]), {"run_as_of": time})
    return out.getvalue()


def split(block: bytes, as_of: int, schema: Schema) -> Iterator[LedgerRow]:
    """The rows of an uncompressed block of a ledger file that was written with `schema`, encoded as they are now.

    `as_of` is that of the run that wrote the file, and of its rows unless they say otherwise.
    """
    older = None if fingerprint_of(schema) == data_set("ledger").fingerprint else parsed(schema)
    data = io.BytesIO(block)
    start = 0
    while start < len(block):
        fields = fastavro.schemaless_reader(data, older or _schema(), _schema() if older else None)
        end = data.tell()
        encoded = _encoder().encode(fields) if older else block[start:end]
        stated = fields["run_as_of"]
        yield LedgerRow(fields["kind"], fields["key"], fields["desk"], as_of if stated is None else stated, encoded)
        start = end


@functools.cache
def _schema() -> Any:
    whole = data_set("ledger")
    return whole.part(whole.field_names())


def _story_row(entry: StoryEntry) -> LedgerRow:
    story, live = entry
    names = ("founder", "first_time", "last_time", "articles", "usable_articles")
    fields = {name: getattr(story, name) for name in names} | {"providers": list(story.providers)}
    if live is None:
        ending = {"key_terms": list(story.key_terms), "merged_into": story.merged_into or None}
        return _row(CLOSED_STORY, story.story_id, story.language, headline=story.headline, **ending, **fields)
    for name in ("mean_time", "best_cosines", "longest_body", "second_look"):
        fields[name] = getattr(live, name)
    fields["headlines"] = list(live.headlines if len(set(live.headlines)) > 1 else live.headlines[:1])
    for name in ("terms", "numbers", "central_terms", "central_numbers"):
        fields[f"{name}_base64"] = _text(getattr(live, name))
    return _row(LIVE_STORY, story.story_id, story.language, **fields, central_dot=live.central_dot or None)


def _envelope_fields(envelope: Envelope) -> dict[str, Any]:
    headers = json.dumps(envelope.headers, ensure_ascii=False) if envelope.headers else None
    return {"message_key": envelope.key, "message_headers_json": headers}


def _envelope(fields: dict[str, Any]) -> Envelope:
    headers = json.loads(fields["message_headers_json"] or "[]")
    return Envelope(fields["message_key"], tuple(Header(name, value) for name, value in headers))


def _text(data: bytes) -> str | None:
    return binascii.b2a_base64(data, newline=False).decode("ascii") if data else None


def _bytes(text: str | None) -> bytes:
    return binascii.a2b_base64(text) if text else b""


def _row(kind: str, key: str, desk: str, **fields: Any) -> LedgerRow:
    record = {**_NOTHING, "kind": kind, "key": key, "desk": desk, **fields}
    return LedgerRow(kind, key, desk, 0, _encoder().encode(record))
