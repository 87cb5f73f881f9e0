"""Records to rows: what stands in the Avro files, encoded once.

An article's row is encoded where it was cleaned, but for the few fields that deciding adds: they stand first in the
schema, so the writer joins decided part and tail without decoding anything. What the gate refuses raises GateError.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import fastavro

from schemas import Gate, data_set
from transforms import identity
from transforms.article import STATE, Article, Decision, Envelope, Header, Reject, Stated, Story
from transforms.parse.times import iso

# The fields of an article's row that only deciding knows, the first in the schema: settle and the desk set them.
DECIDED = ["article_id", "version_key", "row_kind", "version", "is_latest", "story_id", "pub_status", "language"]
# A row of `articles` is a version, or says what has changed about a version that an earlier partition holds.
VERSION_ROW = "version"
STATE_ROW = "state"

# Redshift's rows end at 4 MB; a row that no warehouse loads is a reject.
ROW_LIMIT = 3_500_000

_EXCERPT_CHARACTERS = 200
_MESSAGE_CHARACTERS = 4000
# Scripts that set no spaces between words: Thai, kana, Han. Each letter counts as a word, as word processors do it.
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202f-\ud7ff\ue000-\ufefe\uff00-\U0010ffff]+")


class TooLargeError(ValueError):
    """A row over ROW_LIMIT bytes."""


class Encoder:
    """Turns records of some fields of a data set into Avro bytes, through the gate."""

    def __init__(self, name: str, fields: list[str] | None = None) -> None:
        whole = data_set(name)
        self._schema = whole.part(whole.field_names() if fields is None else fields)
        self._gate = Gate(self._schema)

    def encode(self, record: dict[str, Any]) -> bytes:
        """The record's Avro bytes; GateError where it is not exactly what the schema says."""
        self._gate.check(record)
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, self._schema, record)
        return buffer.getvalue()


class _ArticleEncoders(NamedTuple):
    decided: Encoder
    tail: Encoder


@functools.cache
def _article_encoders() -> _ArticleEncoders:
    names = data_set("articles").field_names()
    if names[: len(DECIDED)] != DECIDED:
        raise AssertionError(f"articles: the decided fields must come first, as {DECIDED}")
    return _ArticleEncoders(Encoder("articles", DECIDED), Encoder("articles", names[len(DECIDED) :]))


@functools.cache
def _encoder(name: str) -> Encoder:
    return Encoder(name)


def article_tail(article: Article, as_of: int) -> bytes:
    """An article's row without the decided fields.

    Raises GateError for a field that can't stand in a file, TooLargeError for a row that no warehouse loads.
    """
    tail = _article_encoders().tail.encode(_article_tail(article, as_of))
    if len(tail) > ROW_LIMIT:
        raise TooLargeError(f"the row takes {len(tail)} bytes, over {ROW_LIMIT} no warehouse loads it")
    return tail


def decided_part(decision: Decision) -> bytes:
    """The bytes that stand before an article's tail."""
    fields = {name: getattr(decision, name) for name in DECIDED if name != "row_kind"}
    kind = STATE_ROW if decision.disposition == STATE else VERSION_ROW
    return _article_encoders().decided.encode({"row_kind": kind, **fields})


def state_row(decision: Decision, as_of: int) -> bytes:
    """The row that says what has changed about a version whose own row stands in an earlier partition."""
    nobody = Article("", published=Stated(decision.event_time, "second", False))
    tail = _article_tail(nobody, as_of) | _stated("published", None) | {"event_time_source": "", "flags": []}
    return decided_part(decision) + _article_encoders().tail.encode(tail)


def undecided_payload(tail: bytes, decision: Decision | None) -> tuple[bytes, Envelope]:
    """A cleaned article that got no decision as JSON that the `json` format reads: what a reject of it keeps."""
    names = data_set("articles").field_names()
    row = fastavro.schemaless_reader(io.BytesIO(tail), data_set("articles").part(names[len(DECIDED) :]), None)
    fields = {name: row[name] for name in _KEPT if row[name]}
    if row["event_time_source"] == "date_line":
        fields["published"] = row["event_time_utc"]
    if decision is not None:
        fields["pub_status"] = decision.pub_status
    return json.dumps(fields, ensure_ascii=False, default=_time_text).encode(), envelope_of(row)


# What of a row goes into `undecided_payload`, as the formats call it: the URI would pass for a guid.
_KEPT = (
    "guid", "provider", "source_url", "alternative_ids", "first_created", "version_created", "content_created",
    "published", "embargoed_until", "expires", "signal", "evolved_from", "ed_note", "headline", "slugline", "byline",
    "dateline", "description", "body", "urgency", "priority", "subjects", "genre", "places", "keywords",
    "copyright_holder", "copyright_notice", "usage_terms", "credit", "info_source",
)  # fmt: skip


def _time_text(time: datetime) -> str:
    return time.isoformat()


def story_row(story: Story, as_of: int) -> bytes:
    """A story's row."""
    record = {
        "story_id": story.story_id,
        "as_of_day": day(as_of),
        "language": story.language,
        "headline": story.headline,
        "key_terms": list(story.key_terms),
        "founder": story.founder,
        **_time("first_time", story.first_time),
        **_time("last_time", story.last_time),
        "articles": story.articles,
        "usable_articles": story.usable_articles,
        "providers": list(story.providers),
        "merged_into": story.merged_into or None,
    }
    return _encoder("stories").encode(record)


def reject_row(reject: Reject, as_of: int) -> bytes:
    """A reject's row. What an error quotes may itself be unfit for a file, so it is made printable."""
    record = {
        "uri": _printable(reject.uri),
        "position": reject.position,
        "as_of_day": day(as_of),
        "stage": reject.stage,
        "error": reject.error,
        "message": _printable(reject.message)[:_MESSAGE_CHARACTERS],
        "payload_size": reject.payload_size,
        "payload_sha256": reject.payload_sha256,
        "payload_truncated": reject.payload_size > len(reject.payload),
        "payload_base64": base64.b64encode(reject.payload).decode("ascii"),
        "excerpt": _printable(reject.payload[: 4 * _EXCERPT_CHARACTERS].decode("utf-8", "replace"))[
            :_EXCERPT_CHARACTERS
        ],
        **_envelope_fields(reject.envelope),
    }
    return _encoder("rejects").encode(record)


def _envelope_fields(envelope: Envelope) -> dict[str, Any]:
    """An envelope as the fields of a row."""
    headers = [header._asdict() for header in envelope.headers]
    return {"message_key": envelope.key, "message_headers": headers}


def envelope_of(row: Mapping[str, Any]) -> Envelope:
    """The envelope in the fields of a row; a row that was written before there were any has none."""
    headers = tuple(Header(header["name"], header["value"]) for header in row.get("message_headers") or ())
    return Envelope(row.get("message_key"), headers)


def day(micros: int) -> str:
    """The day (UTC) of a time, YYYY-MM-DD."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).date().isoformat()


def count_words(text: str) -> int:
    """Words of `text`: runs between spaces, and each letter of a script that sets none."""
    if text.isascii():
        return len(text.split())
    letters = _UNSPACED.findall(text)
    if not letters:
        return len(text.split())
    return sum(map(len, letters)) + len(_UNSPACED.sub(" ", text).split())


def flags_of(article: Article, as_of: int) -> list[str]:
    """The article's flags with those that only the run's `as_of` can tell, sorted."""
    stated, source = identity.event_time(article)
    flags = set(article.flags)
    if stated.time > as_of:
        flags.add("time_after_as_of")
    if source == "arrived":
        flags.add("no_stated_time")
    return sorted(flags)


def _article_tail(article: Article, as_of: int) -> dict[str, Any]:
    event, event_source = identity.event_time(article)
    return {
        "uri": article.uri,
        "position": article.position,
        "source_format": article.source_format,
        "provider": identity.provider(article),
        "guid": article.guid or None,
        "alternative_ids": list(article.alternative_ids),
        "stated_version": article.stated_version or None,
        "source_url": article.source_url or None,
        "as_of_day": day(as_of),
        **_time("event_time", event.time),
        "event_time_source": event_source,
        "event_time_precision": event.precision,
        "event_time_zone_assumed": event.zone_assumed,
        **_stated("first_created", article.first_created),
        **_stated("version_created", article.version_created),
        **_stated("content_created", article.content_created),
        **_stated("published", article.published),
        **_stated("embargoed_until", article.embargoed),
        **_stated("expires", article.expires),
        **_stated("guessed_published", article.guessed_published),
        "signal": article.signal or None,
        "evolved_from": article.evolved_from or None,
        "ed_note": article.ed_note or None,
        "headline": article.headline,
        "slugline": article.slugline or None,
        "byline": article.byline or None,
        "dateline": article.dateline or None,
        "dateline_place": article.dateline_place or None,
        "description": article.description or None,
        "body": article.body,
        "captions": list(article.captions),
        "credits": list(article.credits),
        "removed_links": list(article.removed_links),
        "removed_lines": list(article.removed_lines),
        "word_count": count_words(article.body),
        "urgency": article.urgency,
        "priority": article.priority,
        "subjects": [subject._asdict() for subject in article.subjects],
        "genre": article.genre or None,
        "places": list(article.places),
        "keywords": list(article.keywords),
        "copyright_holder": article.copyright_holder or None,
        "copyright_notice": article.copyright_notice or None,
        "usage_terms": article.usage_terms or None,
        "credit": article.credit or None,
        "info_source": article.info_source or None,
        "guessed_byline": article.guessed_byline or None,
        "guessed_provider": article.guessed_provider or None,
        "language_declared": article.language_declared or None,
        "language_detected": article.language_detected,
        "language_confidence": article.language_confidence,
        "language_method": article.language_method,
        "flags": flags_of(article, as_of),
        "cleaning": list(article.cleaning),
        "languages": [share._asdict() for share in article.languages],
        **_envelope_fields(article.envelope),
    }


def _time(name: str, micros: int) -> dict[str, Any]:
    return {name: micros, f"{name}_utc": iso(micros)}


def _stated(name: str, stated: Stated | None) -> dict[str, Any]:
    return {name: None, f"{name}_utc": None} if stated is None else _time(name, stated.time)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text)
