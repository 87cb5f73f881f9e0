"""From what a format states to an Article: how raw values are read, and which keys of a mapping feed which field.

In: for `build`, raw values by the names of an Article's fields; for `article_of`, the mapping a loader made (YAML,
TOML, JSON). Out: an Article. One table serves all formats that are mappings; keys are compared without case, `_`, `-`
and spaces, so `versionCreated`, `version_created` and `Version Created` are one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from transforms.article import Article, RawItem, Stated, Subject
from transforms.labels import of_headline
from transforms.parse.base import Elements, ParseError, Settings
from transforms.parse.times import parse_time

_Read = TypeVar("_Read")

IPTC_SCHEMES = {"mediatopic": "medtop", "subjectcode": "subj"}
"""Names of IPTC's news codes in their addresses -> in qcodes."""

# Article field -> keys that feed it; the first in which something can be read wins.
TEXTS: dict[str, tuple[str, ...]] = {
    "guid": ("guid", "uri", "urn", "uuid", "id", "articleid", "itemid", "releaseid", "identifier", "@id"),
    "provider": (
        "provider", "agency", "publisher", "outlet", "sitename", "source", "sourcename", "sourcetitle", "domain",
    ),
    "source_url": (
        "url", "link", "canonicalurl", "sourceurl", "permalink", "canonical", "mainentityofpage", "weburl",
    ),
    "stated_version": ("version", "versionnumber", "revision"),
    "signal": ("signal",),
    "evolved_from": ("evolvedfrom", "replaces"),
    "ed_note": ("ednote", "editorsnote", "editornote", "editorialnote", "notetoeditors"),
    "headline": ("headline", "title", "webtitle"),
    "slugline": ("slugline",),
    "byline": ("byline", "author", "authors", "creator"),
    "dateline": ("dateline",),
    "dateline_place": ("located",),
    "description": (
        "description", "descriptiontext", "summary", "abstract", "excerpt", "standfirst", "subtitle", "trailtext",
        "alternativeheadline", "lead", "teaser",
    ),
    "genre": ("genre",),
    "copyright_holder": ("copyrightholder",),
    "copyright_notice": ("copyrightnotice", "copyright", "rights"),
    "usage_terms": ("usageterms", "license"),
    "credit": ("credit", "creditline"),
    "info_source": ("infosource",),
}  # fmt: skip
TIMES: dict[str, tuple[str, ...]] = {
    "first_created": ("firstcreated", "created", "createdat", "datecreated", "creationdate", "firstissuedate"),
    "version_created": (
        "versioncreated", "updated", "updatedat", "lastmod", "lastmodified", "modifiedgmt", "modified", "modifiedat",
        "datemodified", "lastmodifieddate", "updateddate", "dateupdated",
    ),
    "content_created": ("contentcreated",),
    "published": (
        "published", "publishedat", "datepublished", "publishdate", "publisheddate", "pubdate", "publicationdate",
        "webpublicationdate", "firstpublished", "dategmt", "date", "datetime", "timestamp", "@timestamp", "seendate",
    ),
    "embargoed": ("embargoed", "embargoeduntil", "embargo"),
    "expires": ("expires", "expirydate", "expiry"),
}  # fmt: skip
LISTS: dict[str, tuple[str, ...]] = {
    "keywords": ("keywords", "keyword", "tags"),
    "places": ("places", "place", "locations", "location", "contentlocation"),
    "alternative_ids": ("alternativeids", "altids", "altid"),
}
HTML_BODIES = ("bodyhtml", "contenthtml", "htmlbody", "html", "bodyxhtml")
BODIES = ("body", "bodytext", "text", "content", "contenttext", "articlebody", "story", "fulltext", "bodycontent")
STATUS = ("pubstatus", "status")
LANGUAGE = ("language", "lang", "inlanguage", "locale")
SUBJECTS = ("subjects", "subject")
NUMBERS: dict[str, tuple[str, ...]] = {"urgency": ("urgency",), "priority": ("priority",)}
ALL_TIMES = (*TIMES, "date_line", "guessed_published")
KEYS: Elements = {
    **TEXTS, **TIMES, **LISTS, **NUMBERS,
    "pub_status": STATUS, "language_declared": LANGUAGE, "subjects": SUBJECTS, "body": HTML_BODIES + BODIES,
    "date_line": ("the date that begins the file's name",),
}  # fmt: skip
"""All keys, for the documentation."""

# Where a value is itself an object, the key that holds its text (WordPress says `rendered`, schema.org `name`).
_INNER_KEYS = ("name", "rendered", "value", "text", "title", "literal", "id", "by", "@value", "@id")
# Real ones nest three deep (a list of authors, each with a rendered name); what lies deeper is nothing a person reads.
_DEPTH_LIMIT = 10

# What withholds an item that was sent; the other words of that status say how one is sent that may not be used yet.
_WITHHELD = ("withheld", "withhold")
_STATUSES = {
    "usable": "usable", "published": "usable", "publish": "usable", "live": "usable",
    "withheld": "withheld", "withhold": "withheld", "embargoed": "withheld", "commissioned": "withheld",
    "canceled": "canceled", "cancelled": "canceled", "cancel": "canceled", "kill": "canceled", "killed": "canceled",
    "withdrawn": "canceled", "withdraw": "canceled", "retracted": "canceled",
}  # fmt: skip

# The times that say when a version came about; without any of them an invalid one can't be passed over.
_EVENT_TIMES = ("version_created", "published", "date_line", "guessed_published")
# An unreadable one of these says nothing on when a version came about, so the article goes on with a flag.
_PASSED_OVER = ("content_created", "embargoed", "expires")
_ZONELESS = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?")
_NAMED_BY_DATE = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})[-_.][^/]*$")
MARKUP = re.compile(
    r"<(?:p|div|br|h[1-6]|ul|ol|table|section|article|span|a|b|strong|em|i)\b[^<>]{0,2000}>", re.IGNORECASE
)


def article_of(
    data: Mapping[Any, Any],
    item: RawItem,
    settings: Settings,
    *,
    body: str | None = None,
    body_type: str = "text",
) -> Article:
    """The Article that a mapping describes; `body`, where given, stands outside of the mapping.

    Raises ParseError `no_text` where there is neither headline nor body (a kill needs none, only the guid or URL of
    what it kills), `time` where its only times are invalid.
    """
    keyed = by_key(data)
    found: dict[str, Any] = {name: _first(keyed, keys, one_text) for name, keys in (TEXTS | NUMBERS).items()}
    found |= {name: _first(keyed, keys, texts_of) for name, keys in LISTS.items()}
    found |= {name: next((_utc(keyed, key) for key in keys if _says_something(keyed.get(key))), None)
              for name, keys in TIMES.items()}  # fmt: skip
    found["byline"] = _first(keyed, TEXTS["byline"], _names)
    found["source_url"] = _first(keyed, TEXTS["source_url"], _address)
    found["dateline_place"] = found["dateline_place"] or _city(keyed.get("dateline"))
    found["keywords"] = _first(keyed, LISTS["keywords"], lambda value: texts_of(_words(value)))
    found["pub_status"] = _first(keyed, STATUS, one_text)
    found["language_declared"] = _first(keyed, LANGUAGE, _language)
    found["subjects"] = _first(keyed, SUBJECTS, lambda value: tuple(_subjects(value)))
    if body is None:
        body, body_type = _body(keyed)
    return build(found, item, settings, body=body, body_type=body_type)


def build(
    stated: Mapping[str, Any],
    item: RawItem,
    settings: Settings,
    *,
    body: str,
    body_type: str = "text",
    flags: Iterable[str] = (),
) -> Article:
    """The Article of what a format states, by the names of an Article's fields.

    Texts, tuples and ready values (a Stated, an int) are taken as they are. Times, urgency, priority and pub_status may
    be raw: they are read here, and one that can't be read is flagged `invalid_…`. What is None or blank is left out.

    Raises ParseError `no_text` where there is neither headline nor body (a kill needs none, only the guid or URL of
    what it kills), `time` where the only times that say when it came about are invalid.
    """
    found = {name: value for name, value in stated.items() if not _is_blank(value)}
    marks = set(flags)
    for name in NUMBERS:
        raw = str(found.get(name, "")).strip()
        if raw:
            found[name] = int(raw) if re.fullmatch(r"\d{1,2}", raw) else None
            if found[name] is None:
                marks.add(f"invalid_{name}")
    status = str(found.pop("pub_status", "")).strip().lower().rpartition(":")[2]
    if status:
        found["pub_status"] = _STATUSES.get(status, "usable")
        if status not in _STATUSES:
            marks.add("unknown_pub_status")
    names_another = found.get("pub_status") == "canceled" or status in _WITHHELD
    kill = names_another and (found.get("guid") or found.get("source_url"))
    if not (found.get("headline") or body.strip() or kill):
        raise ParseError("no_text", "neither a headline nor a body")
    labels = of_headline(found.get("headline", ""))
    if labels.signal and "signal" not in found:
        found["signal"] = labels.signal
    if labels.number and "stated_version" not in found:
        found["stated_version"] = str(labels.number)
    times, more = _times({name: found.pop(name) for name in ALL_TIMES if name in found}, item, settings)
    found |= times
    return Article(
        uri=item.uri,
        arrived=item.arrived,
        body=body,
        body_type=body_type,
        flags=tuple(sorted(marks | more)),
        **found,
    )


def tells_a_story(data: Mapping[Any, Any]) -> bool:
    """True where a mapping has copy of its own: a body, or what only an article calls a headline.

    A title alone tells nothing: feeds have titles too.
    """
    keyed = by_key(data)
    return bool(one_text(keyed.get("headline")) or _body(keyed)[0])


def articles_for_body(data: Mapping[Any, Any]) -> list[Any] | None:
    """The entries of a page of articles that stands where an article has its body, as in Spring's `content`, or None.

    At least half of the entries must have a headline and one of them copy too. A title does for a headline only where
    the page has none itself: the sections of an article have titles as well.
    """
    keyed = by_key(data)
    if one_text(keyed.get("headline")):
        return None
    headings = ("headline",) if one_text(keyed.get("title")) else ("headline", "title")
    for key in BODIES:
        entries = keyed.get(key)
        if isinstance(entries, list):
            objects = [by_key(entry) for entry in entries if isinstance(entry, Mapping)]
            headed = [entry for entry in objects if _first(entry, headings, one_text)]
            if 2 * len(headed) >= len(entries) and any(_body(entry)[0] for entry in headed):
                return entries
        elif one_text(entries):
            return None
    return None


def by_key(data: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping's values by their keys as `normal` writes them; of two in one, the first that says something."""
    keyed: dict[str, Any] = {}
    for key, value in data.items():
        name = normal(key)
        if not _says_something(keyed.get(name)):
            keyed[name] = value
    return keyed


def _utc(keyed: Mapping[str, Any], key: str) -> Any:
    """A time's raw value; where its key says that it is GMT, as WordPress has it, with a zone."""
    value = keyed[key]
    if key.endswith("gmt") and isinstance(value, str) and _ZONELESS.fullmatch(value.strip()):
        return f"{value.strip()}Z"
    return value


def _words(value: Any) -> Any:
    """`value` without the numbers that stand in a list for words, as WordPress numbers its tags and authors."""
    if isinstance(value, list | tuple):
        return [entry for entry in value if not isinstance(entry, int | float)]
    return None if isinstance(value, int | float) else value


def _address(value: Any) -> str:
    """A web address, which schema.org and others put into an object."""
    if isinstance(value, Mapping):
        return next(filter(None, (_address(value.get(key)) for key in ("@id", "url", "href"))), "")
    return one_text(value)


def _city(dateline: Any) -> str:
    """The place in a dateline that is an object, as Superdesk has it."""
    located = dateline.get("located") if isinstance(dateline, Mapping) else None
    return one_text(located.get("city")) if isinstance(located, Mapping) else ""


def _names(value: Any) -> str:
    return one_text(_words(value))


def _times(raw: Mapping[str, Any], item: RawItem, settings: Settings) -> tuple[dict[str, Stated], set[str]]:
    """The times that can be read, and the flags of those that can't."""
    times: dict[str, Stated] = {}
    flags: set[str] = set()
    fault = ""
    for name, value in raw.items():
        try:
            times[name] = value if isinstance(value, Stated) else parse_time(value, settings.source_timezone)
        except ValueError as error:
            if name not in _PASSED_OVER:
                fault = fault or f"{name}: {error}"
            flags.add(f"invalid_{name}")
    named = _NAMED_BY_DATE.search(item.uri)
    if named and "date_line" not in times:
        try:
            times["date_line"] = parse_time(named[1], settings.source_timezone)
        except ValueError:
            # A name is only a hint, so this is no reason to reject.
            flags.add("invalid_date_line")
    if fault and not any(name in times for name in _EVENT_TIMES):
        raise ParseError("time", fault)
    return times, flags


def _says_something(value: Any) -> bool:
    """False for what is blank or empty, and for `published: true`, which says that it was and not when."""
    return not _is_blank(value) and not (isinstance(value, str) and value.strip().lower() in ("true", "false"))


def _is_blank(value: Any) -> bool:
    """True for what holds nothing, and for a truth value, which is no text, time or number."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or isinstance(value, bool) or value in ([], {}, ())


def normal(key: object) -> str:
    """A key without what its spelling may differ in: case, `_`, `-` and spaces."""
    text = str(key)
    return _normal(text) if len(text) <= _KEPT_KEY else _normal.__wrapped__(text)


# Feeds have some hundred keys, over and over; a long one is no key of theirs and is not kept.
_KEPT_KEY = 50


@functools.lru_cache(maxsize=4096)
def _normal(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


def _first(keyed: Mapping[str, Any], keys: Iterable[str], read: Callable[[Any], _Read]) -> _Read:
    """What `read` makes of the first value in which it finds something; where there is none, what it makes of None."""
    for key in keys:
        if key in keyed:
            found = read(keyed[key])
            if found:
                return found
    return read(None)


def one_text(value: Any, depth: int = 0) -> str:
    """One text: of a list its entries joined by a comma, of an object the part that a person would read.

    Empty where it would be blank, so that what holds no text never stands before what does.
    """
    if isinstance(value, str):
        # JSON and YAML can escape a NUL, and PostgreSQL's text can't hold one.
        value = value.replace("\0", "")
        return value if value.strip() else ""
    if value is None or isinstance(value, bool) or depth > _DEPTH_LIMIT:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (one_text(entry, depth + 1) for entry in value)))
    if isinstance(value, Mapping):
        return next((text for key in _INNER_KEYS if (text := one_text(value.get(key), depth + 1))), "")
    try:
        return str(value)
    except ValueError:
        # Python writes no integer of over 4,300 digits.
        return ""


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a list, or those that a text separates by commas; nothing blank."""
    if isinstance(value, str):
        value = value.split(",")
    elif not isinstance(value, list | tuple):
        value = [value]
    return tuple(filter(None, (one_text(entry).strip() for entry in value)))


def _body(keyed: Mapping[str, Any]) -> tuple[str, str]:
    html = _first(keyed, HTML_BODIES, one_text)
    if html:
        return html, "html"
    text = _first(keyed, BODIES, _paragraphs)
    return text, "html" if MARKUP.search(text) else "text"


def _paragraphs(value: Any) -> str:
    return "\n\n".join(filter(None, map(one_text, value))) if isinstance(value, list | tuple) else one_text(value)


def _language(value: Any) -> str:
    """The first language named."""
    values = value if isinstance(value, list | tuple) else [value]
    return next(filter(None, map(one_text, values)), "").strip()


def _subjects(value: Any) -> Iterable[Subject]:
    for entry in value if isinstance(value, list | tuple) else [value]:
        if isinstance(entry, Mapping):
            keyed = by_key(entry)
            scheme, name = (one_text(keyed.get(key)).strip() for key in ("scheme", "name"))
            code = _first(keyed, ("code", "qcode"), one_text).strip()
            if not scheme and ":" in code:
                scheme, _, code = code.partition(":")
            if code or name:
                yield Subject(scheme, code, name)
        elif text := one_text(entry).strip():
            scheme, _, code = text.rpartition(":") if re.fullmatch(r"[\w-]+:\S+", text) else ("", "", "")
            yield Subject(scheme, code, "" if code else text)
