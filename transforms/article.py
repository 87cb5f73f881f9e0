"""The records that flow through the pipeline, documented field by field.

`RawItem` comes out of a source, `Article` out of a parser; clean and tag return changed copies of it. `Slip` is what
deciding needs and nothing more; `Decision` and `Story` are what was decided; `Reject` is what could not go on.
All are immutable: a step returns a new record (`article._replace(...)`). Nothing here imports Beam or does I/O.

Times are integers: microseconds since 1970-01-01T00:00:00 UTC. Texts are `str` without lone surrogates.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

# A reject keeps at most this much of its payload. Redshift's rows end at 4 MB and base64 adds a third, so one
# million bytes always loads; the full length and hash stand beside it.
PAYLOAD_LIMIT = 1_000_000

PARSE = "parse"
"""The stage of what a format's parser can't read."""
SKIP = "skip"
"""The stage of what is whole and holds no article: it is kept and counted like a reject, but is no fault."""


class Header(NamedTuple):
    """A header of a message; bytes of its value that are no UTF-8 stand as `\\xNN`, none at all as empty text."""

    name: str
    value: str


class Envelope(NamedTuple):
    """What came around the payload of a message."""

    key: str | None = None
    """Bytes that are no UTF-8 stand as `\\xNN`; None for a message without a key, and for a file."""
    headers: tuple[Header, ...] = ()
    """In the order in which they came; a name may come several times."""


NO_ENVELOPE = Envelope()


class RawItem(NamedTuple):
    """One thing a source read: a file, a member of an archive, a message, a stretch of a long file of JSON lines."""

    uri: str
    """Where it was read, relative to the input's fixed part; an archive's member follows `!/`."""
    data: bytes
    """The bytes, decompressed."""
    arrived: int
    """The file's or message's own time (not the clock), microseconds UTC."""
    line: int = 0
    """For a stretch of JSON lines, which line of its file it begins with, from 1; else 0."""
    position: int = 0
    """For an entry that stands alone, which entry of its item it was; else 0."""
    envelope: Envelope = NO_ENVELOPE

    @classmethod
    def entry(cls, uri: str, data: bytes, arrived: int, position: int, envelope: Envelope) -> RawItem:
        """An entry that is read again by itself, as it was read among others.

        An object of JSON is one entry there, also where a file of its own would be a list of several.
        """
        line = position if data.lstrip().startswith(b"{") else 0
        return cls(uri, data, arrived, line, position, envelope)


class Stated(NamedTuple):
    """A time as an item states it."""

    time: int
    """Microseconds UTC."""
    precision: str
    """`second` (or finer) or `day`."""
    zone_assumed: bool
    """True where the item named no zone and `--source_timezone` was taken."""


class Subject(NamedTuple):
    """An IPTC subject."""

    scheme: str
    code: str
    name: str


class LanguageShare(NamedTuple):
    """How much of an article is in a language."""

    language: str
    """BCP 47."""
    share: float
    """Of the letters that were looked at, 0 to 1, two decimals."""


class Article(NamedTuple):
    """A news article on its way: what a parser found, what clean mended, what the tagger said.

    A parser fills what its format has and leaves the rest at the default. Empty text is "", a missing value None.
    """

    # where it was read
    uri: str
    position: int = 0
    """Which entry of the item: 0 for an item that is one article, else counted from 1 (for JSON lines, the line)."""
    source_format: str = ""
    arrived: int = 0
    payload: bytes = b""
    """The entry's bytes; they go into the reject if a later step fails, never into the row."""
    envelope: Envelope = NO_ENVELOPE

    # identity
    guid: str = ""
    provider: str = ""
    source_url: str = ""
    alternative_ids: tuple[str, ...] = ()
    stated_version: str = ""
    """The provider's own version number or label."""

    # time
    first_created: Stated | None = None
    version_created: Stated | None = None
    content_created: Stated | None = None
    published: Stated | None = None
    date_line: Stated | None = None
    """The date written in the copy itself: the first line of a dated text, a file name, a dateline."""
    embargoed: Stated | None = None
    expires: Stated | None = None
    guessed_published: Stated | None = None
    """What an extractor took from the looks of a page, where the page states nothing: of lower trust."""

    # state
    pub_status: str = "usable"
    """`usable`, `withheld` or `canceled`."""
    signal: str = ""
    evolved_from: str = ""
    ed_note: str = ""

    # text
    headline: str = ""
    slugline: str = ""
    byline: str = ""
    dateline: str = ""
    dateline_place: str = ""
    description: str = ""
    body: str = ""
    """Paragraphs separated by one empty line, once clean is through with it."""
    body_type: str = "text"
    """What the parser left in body: `text`, `markdown` or `html`; clean turns all of them into `text`."""
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    removed_links: tuple[str, ...] = ()
    removed_lines: tuple[str, ...] = ()
    """Lines around the copy that have no field of their own."""

    # class
    urgency: int | None = None
    priority: int | None = None
    subjects: tuple[Subject, ...] = ()
    genre: str = ""
    places: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    # rights
    copyright_holder: str = ""
    copyright_notice: str = ""
    usage_terms: str = ""
    credit: str = ""
    info_source: str = ""

    # what an extractor took from the looks of a page: of lower trust than byline and provider
    guessed_byline: str = ""
    guessed_provider: str = ""

    # language
    language_declared: str = ""
    language_detected: str = "und"
    """BCP 47; `und` when unsure."""
    language_confidence: float = 0.0
    """0 to 1."""
    language_method: str = ""
    """`script`, `profile`, `declared` or `none`."""
    languages: tuple[LanguageShare, ...] = ()
    """Of an article in several languages each with its share, the greatest first; else none."""

    # audit
    flags: tuple[str, ...] = ()
    """What a reader of the row should know, sorted: `empty_body`, `time_zone_assumed`, …"""
    cleaning: tuple[str, ...] = ()
    """Names of the cleaning rules that changed something, in the order they ran."""


NEW = "new"
"""A version's disposition: no run has written it; this one does."""
STATE = "state"
"""An earlier run has written it, and what was decided about it has changed since: a state row says so."""
REDELIVERY = "redelivery"
"""An earlier run has written it; it came again and nothing about it has changed."""
KNOWN = "known"
"""An earlier run has written it, it did not come again, and nothing about it has changed."""


class Slip(NamedTuple):
    """What deciding needs to know about one version of an article (1–2 kB, no text but the headline).

    `settle` sorts out an article's versions, those of earlier runs too, and sets the fields at the end.
    """

    article_id: str
    version_key: str
    uri: str
    position: int
    event_time: int
    """Microseconds UTC, not later than the run's `as_of`."""
    version_number: int
    """The provider's own number, 0 where it states none: breaks ties of equal time."""
    pub_status: str
    language: str
    provider: str
    headline: str
    terms: bytes
    """Term counts of the headline and the leading part of the body, packed by `transforms.stories.terms.pack`."""
    body_length: int
    """Characters of the whole body."""
    stated_time: int = 0
    """The event time as stated, which may be later than `as_of`: versions are ordered by it."""
    digest: bytes = b""
    """A hash of the encoded row: tells two deliveries of a version from one place apart."""
    item_id: str = ""
    """Identity of the item alone, by which its row is found; article_id is that of the item it evolved from, if any."""
    evolved_from: str = ""
    """item_id of the item that it evolved from or replaces, empty where it states none."""
    # set by settle
    version: int = 0
    """1, 2, … in order of time; 0: not settled."""
    is_latest: bool = False
    founding: bool = False
    """True for the version that the article is keyed by: the first that has copy; a kill may come before it."""
    desk: str = ""
    """The language whose desk keys it: the primary subtag of the founding version's."""
    usable: bool = True
    """False where the article was killed or withheld: it keeps its story, the story counts it out."""
    disposition: str = NEW
    """NEW, STATE, REDELIVERY or KNOWN."""
    story_id: str = ""
    """The story that the article has from an earlier run."""
    was_usable: bool = True
    """`usable` as the earlier run left it."""


class Decision(NamedTuple):
    """What settling and keying decided for one version of an article."""

    article_id: str
    version_key: str
    version: int
    is_latest: bool
    pub_status: str
    language: str
    story_id: str
    """Empty for a kill of an item that was never seen: it has no copy to be keyed by."""
    disposition: str = NEW
    """NEW, STATE or REDELIVERY."""
    event_time: int = 0
    """As stated, microseconds UTC: a state row has no other source for it."""
    error: str = ""
    """Why no story could be given; the writer turns such a version into a reject."""
    item_id: str = ""
    """Of the delivery that stands for the version: its row is found by it."""


class Story(NamedTuple):
    """A story that this run touched, with its counts so far."""

    story_id: str
    language: str
    headline: str
    key_terms: tuple[str, ...]
    """Heaviest first, in readable form."""
    founder: str
    """article_id of the article that opened it."""
    first_time: int
    last_time: int
    articles: int
    usable_articles: int
    providers: tuple[str, ...]
    """Sorted."""
    merged_into: str = ""


class Reject(NamedTuple):
    """Something that was read and could not go on, with the reason and its payload."""

    stage: str
    """`read`, `parse`, `skip`, `clean`, `language`, `slip`, `gate`, `key`."""
    error: str
    """The error's type, in snake case: `no_text`, `yaml`, `too_large`, …"""
    message: str
    """File, item and cause in words."""
    uri: str
    position: int
    payload: bytes
    """The first PAYLOAD_LIMIT bytes."""
    payload_size: int
    payload_sha256: str
    envelope: Envelope = NO_ENVELOPE

    @classmethod
    def of(
        cls,
        stage: str,
        error: str,
        message: str,
        uri: str,
        position: int,
        payload: bytes,
        envelope: Envelope = NO_ENVELOPE,
    ) -> Reject:
        """A reject of `payload`, cut to the limit, with the size and hash of the whole."""
        digest = hashlib.sha256(payload).hexdigest()
        return cls(stage, error, message, uri, position, payload[:PAYLOAD_LIMIT], len(payload), digest, envelope)
